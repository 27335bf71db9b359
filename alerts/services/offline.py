"""What becomes of devices that went silent.

A turn compares who is missed with who is watched, in the database alone: whatever a process that died left
undone, the next turn finds. Turns of two workers at once do each step once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeGuard

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from alerts.models import Alert, OfflineWatch
from alerts.queries.offline import watches_that_are_over, watches_that_stand
from alerts.services.lifecycle import open_alert, resolve_by_itself
from alerts.services.offline_zones import DEVICE_KEY, News, raise_in_zone, update_zone_alerts
from devices.models import Presence
from devices.patience import patience_by_type
from factory.retrying import again_after_deadlock
from telemetry.services import lock_devices

AT_ONCE = 5000  # devices in one transaction
ALERTS_AT_ONCE = 50  # each costs several statements, while its device's readings wait


def watch_silence(*, at: datetime) -> None:
    """Let go who is back, take up who went, tell of those who have been gone for long enough."""
    news = News()
    _let_go(at=at, news=news)
    _take_up(at=at)
    _raise_due(at=at, news=news)
    update_zone_alerts(at=at, news=news)


# Who is back, or whom nobody misses any more


def _let_go(*, at: datetime, news: News) -> None:
    alone: list[int] = []
    others: list[int] = []
    for device_id, open_key in watches_that_are_over().values_list("pk", "alert__open_key"):
        (alone if _is_alone(open_key) else others).append(device_id)
    for ids in _parts(others, AT_ONCE):
        for alert_id, name in again_after_deadlock(partial(_forget, ids)):
            if alert_id is not None:
                news.left[alert_id].append(name)
    for ids in _parts(alone, ALERTS_AT_ONCE):
        again_after_deadlock(partial(_resolve_alone, ids, at=at))


def _is_alone(open_key: str | None) -> TypeGuard[str]:
    """Whether this is the key of an open alert about one device."""
    return open_key is not None and open_key.startswith(DEVICE_KEY)


@transaction.atomic
def _forget(device_ids: Sequence[int]) -> list[tuple[int | None, str]]:
    """(alert, name) of those who are not watched any more, and had no alert of their own."""
    _lock(device_ids)
    over = watches_that_are_over().filter(pk__in=device_ids)
    rows = over.values_list("pk", "alert__open_key", "alert", "device__name")
    left = [row for row in rows if not _is_alone(row[1])]  # a turn beside ours may just have told of it
    OfflineWatch.objects.filter(pk__in=[device_id for device_id, *_ in left]).delete()
    return [(alert_id, name) for _, _, alert_id, name in left]


@transaction.atomic
def _resolve_alone(device_ids: Sequence[int], *, at: datetime) -> None:
    lock_devices(device_ids=device_ids)  # as who deletes a device does, before looking for what belongs to it
    _lock(device_ids)
    columns = ("pk", "since", "alert__open_key", "device__presence__last_seen_at", "device__status")
    for device_id, since, open_key, last_seen_at, status in list(
        watches_that_are_over().filter(pk__in=device_ids).values_list(*columns)
    ):
        if not _is_alone(open_key):
            continue  # a turn beside ours has made it one of its zone's
        heard = last_seen_at is not None and last_seen_at > since
        note = "It reports again." if heard else f"Its status was set to {status} by hand."
        resolve_by_itself(open_key=open_key, at=at, ended_at=at, note=note)
        OfflineWatch.objects.filter(pk=device_id).delete()


# Who went


def _take_up(*, at: datetime) -> None:
    newest = _take_up_after(0)
    while newest:
        newest = _take_up_after(newest)


@transaction.atomic
def _take_up_after(newest: int) -> int:
    """Watch the next devices; the last of them, or 0 where there are no more."""
    watched = OfflineWatch.objects.filter(pk=OuterRef("pk"))
    unwatched = Presence.objects.missed().filter(~Exists(watched), pk__gt=newest).order_by("pk")
    columns = ("pk", "device__zone", "device__type", "since", "went_silent_at")
    rows = list(unwatched.values_list(*columns)[:AT_ONCE])
    patience = patience_by_type()
    OfflineWatch.objects.bulk_create(
        [
            OfflineWatch(
                device_id=device_id,
                zone=zone,
                since=since,
                due_at=went_silent_at + timedelta(seconds=patience[type_].tolerance_seconds),
            )
            for device_id, zone, type_, since, went_silent_at in rows
        ],
        ignore_conflicts=True,  # another worker took it up
    )
    return rows[-1][0] if len(rows) == AT_ONCE else 0


# Who has been gone for long enough


def _raise_due(*, at: datetime, news: News) -> None:
    due = OfflineWatch.objects.filter(alert=None, due_at__lte=at)
    alone = list(due.filter(zone="").order_by("pk").values_list("pk", flat=True))
    for zone in list(due.exclude(zone="").order_by("zone").values_list("zone", flat=True).distinct()):
        alone += raise_in_zone(zone, at=at, news=news)
    for ids in _parts(alone, ALERTS_AT_ONCE):
        again_after_deadlock(partial(_raise_alone, ids, at=at))


@transaction.atomic
def _raise_alone(device_ids: Sequence[int], *, at: datetime) -> None:
    lock_devices(device_ids=device_ids)  # whoever is just being heard is seen below as being back
    untold = [watch.pk for watch in _lock(device_ids) if watch.alert_id is None]
    columns = ("pk", "since", "device__name", "device__type")
    patience = patience_by_type()
    for device_id, since, name, type_ in list(
        watches_that_stand().filter(pk__in=untold).values_list(*columns)
    ):
        alert = open_alert(
            open_key=f"{DEVICE_KEY}{device_id}",
            type=Alert.Type.DEVICE_OFFLINE,
            severity=patience[type_].severity,
            message=f"{name} has been silent since {_clock(since, at=at)}",
            at=at,
            started_at=since,
            device_id=device_id,
        )
        OfflineWatch.objects.filter(pk=device_id).update(alert=alert)


def _clock(moment: datetime, *, at: datetime) -> str:
    """As the clock on the plant's wall has it, with the day where that is not today."""
    local, today = timezone.localtime(moment), timezone.localdate(at)
    return f"{local:%H:%M}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def _lock(device_ids: Sequence[int]) -> list[OfflineWatch]:
    return list(OfflineWatch.objects.select_for_update().filter(pk__in=device_ids).order_by("pk"))


def _parts(ids: list[int], size: int) -> list[list[int]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
