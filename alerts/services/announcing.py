"""When what silenced an alert is over: people hear of what is still there, once."""

from datetime import datetime, timedelta

from django.db import transaction

from alerts.models import Alert, AlertEvent, Shelf
from alerts.services.lifecycle import record_event
from alerts.services.silencing import in_maintenance, why_quiet
from alerts.services.telling import tell_people
from factory.accounts.models import User
from telemetry.services import lock_devices

# How long a device may take to flush its backlog before people are told.
LATE_PATIENCE = timedelta(minutes=10)
AT_ONCE = 200
LOOKED_AT = 1_000
NO_LONGER = {
    Alert.Silence.LATE: "It began in readings that came late, and is still there.",
    Alert.Silence.SHELVED: "No longer shelved, and still there.",
    Alert.Silence.MAINTENANCE: "The planned work is over, and it is still there.",
    Alert.Silence.NONE: "",
}


def no_longer_late(*, open_key: str, at: datetime) -> None:
    """The trouble that came in a backlog is still there: now people hear of it, unless one of them has."""
    alert = Alert.objects.filter(open_key=open_key).first()
    if alert is None:
        return
    if alert.late:
        Alert.objects.filter(pk=alert.pk).update(late=False)
        alert.late = False
    if alert.silence == Alert.Silence.LATE:
        announce(alert=alert, at=at)


@transaction.atomic
def page_waiting_late_alerts(*, at: datetime) -> int:
    """Page what has stood open for long though its device never caught up: silent again, or its clock is wrong."""
    waiting = Alert.objects.open().filter(silence=Alert.Silence.LATE, updated_at__lte=at - LATE_PATIENCE)
    alerts = list(waiting.order_by("device_id", "pk")[:AT_ONCE])
    lock_devices(device_ids=[alert.device_id for alert in alerts if alert.device_id])
    for alert in alerts:
        no_longer_late(open_key=alert.key, at=at)
    return len(alerts)


def end_silences(*, at: datetime) -> int:
    """Announce what is still open though its shelf or its maintenance is over; returns how many."""
    shelved = Alert.objects.open().filter(silence=Alert.Silence.SHELVED, shelved_until__lte=at)
    told = _announce_all(list(shelved.order_by("device_id", "pk")[: 10 * AT_ONCE]), at=at)
    last = 0
    while True:
        worked_on = Alert.objects.open().filter(silence=Alert.Silence.MAINTENANCE, pk__gt=last)
        alerts = list(worked_on.order_by("pk")[:LOOKED_AT])
        if alerts:
            still = in_maintenance([(alert.device_id, alert.zone) for alert in alerts], at=at)
            told += _announce_all(
                [alert for alert in alerts if (alert.device_id, alert.zone) not in still], at=at
            )
            last = alerts[-1].pk
        if len(alerts) < LOOKED_AT:
            break
    Shelf.objects.filter(until__lte=at).delete()
    return told


def _announce_all(alerts: list[Alert], *, at: datetime) -> int:
    told = 0
    for start in range(0, len(alerts), AT_ONCE):
        part = alerts[start : start + AT_ONCE]
        with transaction.atomic():
            # As judging and deleting do: the device first, then what is about it.
            lock_devices(device_ids=sorted({alert.device_id for alert in part if alert.device_id}))
            told += sum(announce(alert=alert, at=at) for alert in part)
    return told


def announce(*, alert: Alert, at: datetime, by: User | None = None, note: str = "") -> bool:
    """What silenced an open alert is over. False when it is not, or when somebody was first.

    People hear of it now, unless one of them looks after it as bad as it is; unless something else silences it.
    """
    reason = Alert.Silence(alert.silence)
    quiet = why_quiet({alert.key: (alert.device_id, alert.zone)}, at=at).get(alert.key)
    if quiet is not None and quiet.reason == reason and quiet.until == alert.shelved_until:
        return False
    silence = quiet.reason if quiet else Alert.Silence.NONE
    if not silence and alert.late and reason != Alert.Silence.LATE:
        silence = Alert.Silence.LATE  # its device has not caught up yet
    won = (
        Alert.objects.open()
        .filter(pk=alert.pk, silence=reason)
        .update(silence=silence, shelved_until=quiet.until if quiet else None, updated_at=at)
    )
    if not won:
        return False
    alert.refresh_from_db()
    event = record_event(alert, AlertEvent.Kind.ANNOUNCED, at=at, by=by, note=note or NO_LONGER[reason])
    if not silence and _is_news(alert):
        tell_people(events=[event], at=at)
    return True


def _is_news(alert: Alert) -> bool:
    """Nobody looks after it, or it has become worse since somebody said so."""
    if alert.status == Alert.Status.ACTIVE:
        return True
    steps = alert.events.filter(kind__in=[AlertEvent.Kind.ROSE, AlertEvent.Kind.ACKNOWLEDGED])
    newest = steps.order_by("-pk").values_list("kind", flat=True).first()
    return newest == AlertEvent.Kind.ROSE
