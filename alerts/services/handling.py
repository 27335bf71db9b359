"""What people do with alerts. The first of two wins, and the other is told what happened: a CONFLICT.

Each step holds its devices first, as judging and deleting do, and then the alerts as they are now.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext

from alerts.models import Alert, AlertEvent, Shelf
from alerts.queries.alerts import AlertUnknown, get_alert
from alerts.services.announcing import announce
from alerts.services.lifecycle import close, record_event, record_events
from alerts.services.telling import tell_people
from factory.accounts.models import User
from factory.errors import Conflict, Forbidden, InvalidInput
from factory.said import said
from telemetry.services import lock_devices

LONGEST_SHELF = timedelta(days=7)  # silence that nobody remembers is worse than noise


class AlertAlreadyHandled(Conflict):
    """Somebody got there first."""


class MayNotResolve(Forbidden):
    """Viewers acknowledge; resolving is for operators."""


def acknowledge_alert(*, alert: Alert, by: User | None, at: datetime, note: str = "") -> Alert:
    """Record that `by` has seen the alert. Only the first of two people wins."""
    return acknowledge_alerts(alert_ids=[alert.pk], by=by, at=at, note=note)[0]


def resolve_alert(*, alert: Alert, by: User, at: datetime, note: str = "") -> Alert:
    """Close an alert by hand. While the value stays out of range it does not open anew."""
    return resolve_alerts(alert_ids=[alert.pk], by=by, at=at, note=note)[0]


@transaction.atomic
def acknowledge_alerts(
    *, alert_ids: Sequence[int], by: User | None, at: datetime, note: str = ""
) -> list[Alert]:
    """Acknowledge all of these, or none."""
    alerts = _held(alert_ids)
    for alert in alerts:
        if alert.status != Alert.Status.ACTIVE:
            raise AlertAlreadyHandled(_as_it_is(alert))
        alert.status = Alert.Status.ACKNOWLEDGED
        alert.acknowledged_by, alert.acknowledged_at, alert.updated_at = by, at, at
    Alert.objects.bulk_update(alerts, ["status", "acknowledged_by", "acknowledged_at", "updated_at"])
    return _noted(alerts, AlertEvent.Kind.ACKNOWLEDGED, by=by, at=at, note=note)


@transaction.atomic
def resolve_alerts(*, alert_ids: Sequence[int], by: User, at: datetime, note: str = "") -> list[Alert]:
    """Resolve all of these by hand, or none."""
    if not by.has_rank_of(User.Role.OPERATOR):
        raise MayNotResolve(gettext("Resolving alerts is for operators."))
    alerts = _held(alert_ids)
    for alert in alerts:
        _refuse_resolved(alert)
    close(alerts, at=at)
    return _noted(alerts, AlertEvent.Kind.RESOLVED, by=by, at=at, note=note)


def set_status(*, alert: Alert, status: str, by: User, at: datetime) -> Alert:
    """One step forward in an alert's life; there is no step back."""
    if status == Alert.Status.ACKNOWLEDGED:
        return acknowledge_alert(alert=alert, by=by, at=at)
    if status == Alert.Status.RESOLVED:
        return resolve_alert(alert=alert, by=by, at=at)
    raise InvalidInput.at(
        "status", gettext("an alert becomes acknowledged or resolved; it cannot be made active")
    )


@transaction.atomic
def comment_alert(*, alert: Alert, text: str, by: User, at: datetime) -> Alert:
    """Write something down about an alert, also when it is over."""
    [held] = _held([alert.pk])
    record_event(held, AlertEvent.Kind.COMMENTED, by=by, at=at, note=text)
    return held


@transaction.atomic
def assign_alert(*, alert: Alert, to: User | None, expected: int | None, by: User, at: datetime) -> Alert:
    """Say who looks after an open alert. `expected` is who does so far as the caller knows, by id."""
    [held] = _held([alert.pk])
    _refuse_resolved(held)
    if held.assigned_to_id != expected:
        who = held.assigned_to or gettext("nobody")
        raise AlertAlreadyHandled(
            gettext("Alert %(id)s is looked after by %(who)s by now.") % {"id": held.pk, "who": who}
        )
    held.assigned_to, held.updated_at = to, at
    held.save(update_fields=["assigned_to", "updated_at"])
    record_event(held, AlertEvent.Kind.ASSIGNED, by=by, at=at, note=f"To {to}." if to else "To nobody.")
    return held


@transaction.atomic
def shelve_alert(
    *, alert: Alert, by: User, at: datetime, reason: str, lasting: timedelta, once: bool = False
) -> Alert:
    """Put an open alert aside for a while: it is kept, and nobody is told.

    `once` means this occurrence only; otherwise what comes of the same trouble until then is silent too.
    """
    if not timedelta(0) < lasting <= LONGEST_SHELF:
        raise InvalidInput.at(
            "minutes", gettext("must be from 1 to %(most)s") % {"most": LONGEST_SHELF // timedelta(minutes=1)}
        )
    [held] = _held([alert.pk])
    _refuse_resolved(held)
    if held.silence == Alert.Silence.SHELVED:
        raise AlertAlreadyHandled(gettext("Alert %(id)s is shelved already.") % {"id": held.pk})
    held.silence, held.shelved_until, held.updated_at = Alert.Silence.SHELVED, at + lasting, at
    held.save(update_fields=["silence", "shelved_until", "updated_at"])
    Shelf.objects.update_or_create(
        key=held.key,
        defaults={"until": held.shelved_until, "once": once, "reason": reason, "by": by, "at": at},
    )
    what = "This occurrence" if once else "Everything of the kind"
    note = f"{what}, for {int(lasting.total_seconds() // 60)} minutes: {reason}"
    record_event(held, AlertEvent.Kind.SHELVED, by=by, at=at, note=note)
    return held


@transaction.atomic
def unshelve_alert(*, alert: Alert, by: User, at: datetime) -> Alert:
    """Take the kind off the shelf before its time, also where this occurrence of it is over."""
    [held] = _held([alert.pk])
    taken = Shelf.objects.filter(key=held.key).delete()[0]
    if held.status != Alert.Status.RESOLVED and held.silence == Alert.Silence.SHELVED:
        announce(alert=held, at=at, by=by, note="Taken off the shelf.")
    elif not taken:
        raise AlertAlreadyHandled(gettext("Alert %(id)s is not shelved.") % {"id": held.pk})
    else:
        record_event(held, AlertEvent.Kind.COMMENTED, by=by, at=at, note="Its kind was taken off the shelf.")
    return held


def each_alert(*, alert_ids: Sequence[int], do: Callable[[Alert], Alert]) -> tuple[int, list[str]]:
    """Do something with each of these on its own: (how many it was done to, what became of the others)."""
    done, refusals = 0, []
    for pk in sorted(set(alert_ids)):
        try:
            do(get_alert(pk))
        except (AlertUnknown, Conflict, Forbidden) as refusal:
            refusals.append(refusal.message)
        else:
            done += 1
    return done, refusals


def _held(alert_ids: Sequence[int]) -> list[Alert]:
    """These alerts as they are now, with their devices held back from judging and deleting; refuses a missing one."""
    wanted = sorted(set(alert_ids))
    devices = Alert.objects.filter(pk__in=wanted, device__isnull=False).values_list("device_id", flat=True)
    lock_devices(device_ids=sorted(set(devices)))
    # By key alone, and only the alerts: what they belong to is looked up without holding it.
    held = {
        alert.pk: alert for alert in Alert.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    }
    missing = [pk for pk in wanted if pk not in held]
    if missing:
        raise AlertUnknown(gettext("There is no alert %(id)s.") % {"id": missing[0]})
    return list(held.values())


def _noted(
    alerts: list[Alert], kind: AlertEvent.Kind, *, by: User | None, at: datetime, note: str
) -> list[Alert]:
    events = record_events([(alert, kind, by, note) for alert in alerts], at=at)
    tell_people(events=[event for event in events if not event.alert.silence], at=at)
    return alerts


def _refuse_resolved(alert: Alert) -> None:
    if alert.status == Alert.Status.RESOLVED:
        raise AlertAlreadyHandled(_as_it_is(alert))


def _as_it_is(alert: Alert) -> str:
    if alert.status != Alert.Status.ACKNOWLEDGED:
        return gettext("Alert %(id)s is %(status)s already.") % {"id": alert.pk, "status": said(alert.status)}
    if not alert.acknowledged_by:
        return gettext("Alert %(id)s is acknowledged already.") % {"id": alert.pk}
    by = {"id": alert.pk, "who": alert.acknowledged_by}
    return gettext("Alert %(id)s is acknowledged already by %(who)s.") % by
