"""The steps of an alert's life. Each is compare-and-set, leaves an event row, and is broadcast."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from alerts import tasks
from alerts.models import Alert, AlertEvent, Delivery
from alerts.queries import get_alert, live_item
from factory.accounts.models import User
from factory.errors import Conflict, Forbidden, InvalidInput
from factory.live.broadcast import broadcast_on_commit
from factory.queueing import enqueue_on_commit
from telemetry.services import lock_devices

ALERT_STREAM = "alert"
LATE_PATIENCE = timedelta(
    minutes=10
)  # how long a device may take to flush its backlog before people are told
LATE_AT_ONCE = 200


class AlertAlreadyHandled(Conflict):
    """Somebody got there first."""


class MayNotResolve(Forbidden):
    """Viewers acknowledge; resolving is for operators."""


def open_alert(
    *,
    open_key: str,
    type: str,
    severity: str,
    message: str,
    at: datetime,
    started_at: datetime,
    device_id: int | None = None,
    metric: str = "",
    value: float | None = None,
    threshold: float | None = None,
    late: bool = False,
) -> Alert:
    """Raise an alert; the open one with this key, if there is one, is returned as it is."""
    alert, created = Alert.objects.get_or_create(
        open_key=open_key,
        defaults={
            "device_id": device_id,
            "type": type,
            "severity": severity,
            "message": message,
            "metric": metric,
            "value": value,
            "threshold": threshold,
            "started_at": started_at,
            "late": late,
            "created_at": at,
            "updated_at": at,
        },
    )
    if created:
        event = _record(alert, AlertEvent.Kind.OPENED, at=at)
        if not late:
            tell_people(event=event, at=at)
    return alert


def change_severity(*, alert: Alert, severity: str, at: datetime, **figures: Any) -> None:
    """The same trouble has become worse or less bad; worse is news to people, unless it is `late`."""
    rose = severity == Alert.Severity.CRITICAL
    changed = (
        Alert.objects.open()
        .filter(pk=alert.pk)
        .exclude(severity=severity)
        .update(severity=severity, updated_at=at, occurrences=F("occurrences") + int(rose), **figures)
    )
    if not changed:
        return
    alert.refresh_from_db()
    event = _record(alert, AlertEvent.Kind.ROSE if rose else AlertEvent.Kind.FELL, at=at)
    if rose and not alert.late:
        tell_people(event=event, at=at)


def no_longer_late(*, alert: Alert, at: datetime) -> None:
    """The trouble that began in a backlog is still there: now people hear of it, unless one of them has."""
    if not Alert.objects.open().filter(pk=alert.pk, late=True).update(late=False, updated_at=at):
        return
    worse = alert.events.filter(kind__in=[AlertEvent.Kind.OPENED, AlertEvent.Kind.ROSE])
    event = worse.order_by("-pk").first()
    if event is not None and alert.status == Alert.Status.ACTIVE:
        tell_people(event=event, at=at)


@transaction.atomic
def page_waiting_late_alerts(*, at: datetime) -> int:
    """Page what has stood open for long though its device never caught up: silent again, or its clock is wrong."""
    waiting = (
        Alert.objects.open().filter(late=True, created_at__lte=at - LATE_PATIENCE).order_by("device_id", "pk")
    )
    alerts = list(waiting[:LATE_AT_ONCE])
    lock_devices(device_ids=[alert.device_id for alert in alerts if alert.device_id])
    for alert in alerts:
        no_longer_late(alert=alert, at=at)
    return len(alerts)


def resolve_by_itself(*, open_key: str, at: datetime, ended_at: datetime, note: str) -> bool:
    """The trouble is over; False when there was no open alert about it."""
    alert = Alert.objects.filter(open_key=open_key).first()
    if alert is None:
        return False
    won = Alert.objects.filter(pk=alert.pk, open_key=open_key).update(
        status=Alert.Status.RESOLVED, open_key=None, resolved_at=at, ended_at=ended_at, updated_at=at
    )
    if won:
        alert.refresh_from_db()
        _record(alert, AlertEvent.Kind.RESOLVED, at=at, note=note)
    return bool(won)


@transaction.atomic
def acknowledge_alert(*, alert: Alert, by: User, at: datetime, note: str = "") -> Alert:
    """Record that `by` has seen the alert. Only the first of two people wins."""
    won = Alert.objects.filter(pk=alert.pk, status=Alert.Status.ACTIVE).update(
        status=Alert.Status.ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=at, updated_at=at
    )
    if not won:
        raise AlertAlreadyHandled(_what_happened(alert))
    alert.refresh_from_db()
    _record(alert, AlertEvent.Kind.ACKNOWLEDGED, at=at, by=by, note=note)
    return alert


@transaction.atomic
def resolve_alert(*, alert: Alert, by: User, at: datetime, note: str = "") -> Alert:
    """Close an alert by hand. While the value stays out of range it does not open anew."""
    if not by.has_rank_of(User.Role.OPERATOR):
        raise MayNotResolve("Resolving alerts is for operators.")
    won = (
        Alert.objects.open()
        .filter(pk=alert.pk)
        .update(status=Alert.Status.RESOLVED, open_key=None, resolved_at=at, updated_at=at)
    )
    if not won:
        raise AlertAlreadyHandled(_what_happened(alert))
    alert.refresh_from_db()
    _record(alert, AlertEvent.Kind.RESOLVED, at=at, by=by, note=note)
    return alert


def set_status(*, alert: Alert, status: str, by: User, at: datetime) -> Alert:
    """One step forward in an alert's life; there is no step back."""
    if status == Alert.Status.ACKNOWLEDGED:
        return acknowledge_alert(alert=alert, by=by, at=at)
    if status == Alert.Status.RESOLVED:
        return resolve_alert(alert=alert, by=by, at=at)
    raise InvalidInput.at("status", "an alert becomes acknowledged or resolved; it cannot be made active")


@transaction.atomic
def acknowledge_alerts(*, alert_ids: Sequence[int], by: User, at: datetime, note: str = "") -> list[Alert]:
    """Acknowledge all of these, or none."""
    return [acknowledge_alert(alert=alert, by=by, at=at, note=note) for alert in _locked(alert_ids)]


@transaction.atomic
def resolve_alerts(*, alert_ids: Sequence[int], by: User, at: datetime, note: str = "") -> list[Alert]:
    """Resolve all of these by hand, or none."""
    return [resolve_alert(alert=alert, by=by, at=at, note=note) for alert in _locked(alert_ids)]


def _locked(alert_ids: Sequence[int]) -> list[Alert]:
    """These alerts, with the judging of their devices held back, so that both write in the same order."""
    alerts = [get_alert(pk) for pk in sorted(set(alert_ids))]
    lock_devices(device_ids=[alert.device_id for alert in alerts if alert.device_id])
    return alerts


def _what_happened(alert: Alert) -> str:
    current = Alert.objects.select_related("acknowledged_by").filter(pk=alert.pk).first()
    if current is None:
        return f"Alert {alert.pk} is gone."
    who = f" by {current.acknowledged_by}" if current.status == Alert.Status.ACKNOWLEDGED else ""
    return f"Alert {alert.pk} is {current.status} already{who}."


def _record(
    alert: Alert, kind: AlertEvent.Kind, *, at: datetime, by: User | None = None, note: str = ""
) -> AlertEvent:
    event = AlertEvent.objects.create(
        alert=alert,
        kind=kind,
        severity=alert.severity,
        status=alert.status,
        value=alert.value,
        by=by,
        note=note,
        at=at,
    )
    event.alert = alert
    broadcast_on_commit(ALERT_STREAM, [live_item(event)])
    return event


def tell_people(*, event: AlertEvent, at: datetime) -> None:
    """Put a message about this event into the outbox, in the same transaction."""
    if not settings.ALERT_EMAIL:
        return
    delivery, created = Delivery.objects.get_or_create(
        event=event, recipient=settings.ALERT_EMAIL, defaults={"due_at": at, "created_at": at}
    )
    if created:
        enqueue_on_commit(tasks.send_delivery, delivery_id=delivery.pk)
