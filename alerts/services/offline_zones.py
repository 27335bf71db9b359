"""Many devices of one zone that went together are one alert, which later ones join and those who return leave."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Count, F, Q

from alerts.models import Alert, AlertEvent, OfflineWatch
from alerts.queries.offline import watches_that_stand
from alerts.services.lifecycle import RANK, change_severity, open_alert, record_event, resolve_by_itself
from alerts.services.silencing import Place, in_maintenance
from alerts.services.telling import tell_people
from alerts.together import Silent, span_of, who_went_together
from devices.patience import patience_by_type
from factory.retrying import again_after_deadlock
from telemetry.services import lock_devices

DEVICE_KEY, ZONE_KEY = "offline:device:", "offline:zone:"
NAMED = 5  # devices, where it is told which came and went


@dataclass
class News:
    """The names of those who joined and who left the alerts of zones in this turn, by alert."""

    joined: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    left: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))

    def alerts(self) -> set[int]:
        return self.joined.keys() | self.left.keys()


@dataclass(frozen=True, slots=True)
class _Missing:
    """A silent device that people do not know of, or only by an alert of its own."""

    watch: OfflineWatch
    name: str
    severity: str
    tolerance: timedelta
    span: Silent


def raise_in_zone(zone: str, *, at: datetime, news: News) -> list[int]:
    """Tell of the devices of a zone that are due, as one; returns those who are to be told of alone."""
    present, joined, alone = again_after_deadlock(partial(_raise_in_zone, zone, at=at))
    if present is not None and joined:
        news.joined[present] += joined
    return alone


@transaction.atomic
def _raise_in_zone(zone: str, *, at: datetime) -> tuple[int | None, list[str], list[int]]:
    """(the alert that was open, the names of those who joined it, who is left)."""
    untold_or_alone = Q(alert=None) | Q(alert__open_key__startswith=DEVICE_KEY)
    watched = OfflineWatch.objects.filter(untold_or_alone, zone=zone)
    known_as: dict[int, int | None] = dict(watched.values_list("pk", "alert"))
    lock_devices(device_ids=[device_id for device_id, alert_id in known_as.items() if alert_id])
    present = Alert.objects.select_for_update().filter(open_key=ZONE_KEY + zone).first()
    missing = _missing(known_as, at=at)
    worked_on = _worked_on(zone, missing, at=at)
    counted = [one for one in missing if one.span.device_id not in worked_on]
    due = [one for one in counted if one.span.is_due]
    alone = [one.span.device_id for one in missing if one.span.is_due and one.span.device_id in worked_on]
    if present is not None:
        _join(present, due, at=at)
        return present.pk, [one.name for one in due], alone
    together = who_went_together([one.span for one in counted])
    if not together:
        return None, [], alone + [one.span.device_id for one in due]
    # Once there is an alert, whoever else is due joins it.
    _raise_for(zone, [one for one in counted if one.span.device_id in together or one.span.is_due], at=at)
    return None, [], alone


def _join(alert: Alert, due: list[_Missing], *, at: datetime) -> None:
    """Those who may have gone when the others did are no news. Those who were heard after people had been told
    are, however long the alert has been open for the sake of another."""
    OfflineWatch.objects.filter(pk__in=[one.span.device_id for one in due]).update(alert=alert)
    later = [one.name for one in due if one.span.first > alert.created_at]
    if not later:
        return
    alert.message = _message(alert.zone, alert.silent_devices.count())
    alert.save(update_fields=["message"])
    note = f"Went silent since it was told of: {_names(later)}."
    event = record_event(alert, AlertEvent.Kind.ANNOUNCED, at=at, note=note)
    if not alert.silence:
        tell_people(events=[event], at=at)


def _missing(known_as: dict[int, int | None], *, at: datetime) -> list[_Missing]:
    """Those of these that are missed still, and will be due before a tolerance is over if they are not yet."""
    locked = OfflineWatch.objects.select_for_update().filter(pk__in=known_as).order_by("pk")
    # A turn beside ours may just have told of one.
    same = [watch.pk for watch in locked if watch.alert_id == known_as[watch.pk]]
    standing = watches_that_stand().filter(pk__in=same).select_related("device__presence")
    found = [_missing_one(watch, at=at) for watch in standing]
    soon = at + max((one.tolerance for one in found if one.span.is_due), default=timedelta(0))
    return [one for one in found if one.watch.due_at <= soon]


def _missing_one(watch: OfflineWatch, *, at: datetime) -> _Missing:
    presence = watch.device.presence
    assert presence.last_seen_at is not None
    assert presence.went_silent_at is not None
    first, last = span_of(
        last_seen_at=presence.last_seen_at,
        went_silent_at=presence.went_silent_at,
        said_goodbye=presence.said_goodbye,
    )
    is_due = watch.alert_id is None and watch.due_at <= at
    return _Missing(
        watch,
        watch.device.name,
        patience_by_type()[watch.device.type].severity,
        watch.due_at - presence.went_silent_at,
        Silent(watch.pk, first, last, is_due),
    )


def _worked_on(zone: str, missing: list[_Missing], *, at: datetime) -> set[int]:
    """Planned work silences these one by one. Where it is the whole zone's, the alert of the zone is silent."""
    places: list[Place] = [(None, zone), *((one.span.device_id, "") for one in missing)]
    found = in_maintenance(places, at=at)
    return set() if (None, zone) in found else {device_id for device_id, _ in found if device_id is not None}


def _raise_for(zone: str, members: list[_Missing], *, at: datetime) -> None:
    alert = open_alert(
        open_key=ZONE_KEY + zone,
        type=Alert.Type.DEVICE_OFFLINE,
        severity=_worst(one.severity for one in members),
        message=_message(zone, len(members)),
        at=at,
        started_at=min(one.watch.since for one in members),
        zone=zone,
    )
    Alert.objects.filter(pk=alert.pk).update(occurrences=len(members))
    for one in members:
        if one.watch.alert_id is not None:
            resolve_by_itself(
                open_key=f"{DEVICE_KEY}{one.span.device_id}",
                at=at,
                ended_at=at,
                note=f"One of {len(members)} devices in {zone} that went silent: alert {alert.pk}.",
            )
    OfflineWatch.objects.filter(pk__in=[one.span.device_id for one in members]).update(alert=alert)


# What changes while it is open


def update_zone_alerts(*, at: datetime, news: News) -> None:
    """Let the alerts of zones say how many are silent now, at most one step each; the last to return ends it."""
    told = Alert.objects.filter(
        status__in=[Alert.Status.ACTIVE, Alert.Status.ACKNOWLEDGED],  # an index leads to the few open ones
        type=Alert.Type.DEVICE_OFFLINE,
        open_key__startswith=ZONE_KEY,
    ).annotate(silent=Count("silent_devices"))
    # Whoever was deleted, or whose turn broke off, is in no news.
    changed = told.filter(~Q(silent=F("occurrences")) | Q(pk__in=news.alerts())).order_by("pk")
    for alert_id in list(changed.values_list("pk", flat=True)):
        step = partial(_update, alert_id, at=at, joined=news.joined[alert_id], left=news.left[alert_id])
        again_after_deadlock(step)


@transaction.atomic
def _update(alert_id: int, *, at: datetime, joined: Sequence[str], left: Sequence[str]) -> None:
    still_open = Alert.objects.select_for_update().filter(pk=alert_id, open_key__isnull=False)
    alert = still_open.first()
    if alert is None:
        return
    types = list(alert.silent_devices.values_list("device__type", flat=True))
    if alert.occurrences == len(types) and not (joined or left):
        return  # a turn beside ours has said it
    assert alert.open_key is not None
    if not types:
        resolve_by_itself(
            open_key=alert.open_key, at=at, ended_at=at, note="None of its devices is silent any more."
        )
        return
    patience = patience_by_type()
    message = _message(alert.zone, len(types))
    severity = _worst(patience[type_].severity for type_ in types)
    change_severity(open_key=alert.open_key, severity=severity, at=at, message=message)
    Alert.objects.filter(pk=alert.pk).update(message=message, occurrences=len(types), updated_at=at)
    alert.refresh_from_db()
    record_event(alert, AlertEvent.Kind.CHANGED, at=at, note=_note(len(types), joined, left))


def _message(zone: str, silent: int) -> str:
    return f"{silent} {'device' if silent == 1 else 'devices'} in {zone} went silent"


def _note(silent: int, joined: Sequence[str], left: Sequence[str]) -> str:
    words = [f"{silent} silent now."]
    words += [f"Joined: {_names(joined)}."] if joined else []
    words += [f"Left: {_names(left)}."] if left else []
    return " ".join(words)


def _names(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _worst(severities: Iterable[str]) -> str:
    return max(severities, key=lambda severity: RANK[Alert.Severity(severity)])
