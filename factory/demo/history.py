"""What the demo plant did while nobody listened, stored as its devices would have told it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import islice
from random import Random
from zoneinfo import ZoneInfo

from django.conf import settings

from analytics.models import MachineProfile, StopCode
from analytics.services.stops import StopsOverlap, add_stop
from devices.models import Device
from factory.accounts.models import User
from factory.demo.past import EVERY_SECONDS, measured
from factory.demo.schedule import Schedule
from factory.demo.turns import PLANNED
from telemetry.batch import Sample
from telemetry.queries import latest_values
from telemetry.services import store_readings

BATCH = 5000  # readings in one transaction: short enough that a running plant can write in between
DEVICES_AT_ONCE = 500
PLANNED_AHEAD = timedelta(days=14)
LONGEST_CATCH_UP = timedelta(days=7)
SHORT_SECONDS = 2 * EVERY_SECONDS  # a silence that no figure suffers from

Machine = tuple[Device, Schedule]
Said = Mapping[str, tuple[float, int]]  # metric: its newest value, and when (ms)


def store_past(
    machines: Sequence[Machine],
    *,
    days: int,
    at: datetime,
    progress: Callable[[int], object] = lambda devices: None,
) -> int:
    """Store what devices that were never heard of measured since the midnight so many days ago, and note their planned
    stops, those of the next days among them; returns how many readings were stored."""
    now = plant_time(at)
    start = datetime.combine(now.date() - timedelta(days=days), time(), now.tzinfo)
    heard = _newest(machines)
    silent = [machine for machine in machines if not heard.get(machine[0].pk)]
    note_planned_stops(silent, start=start, end=now + PLANNED_AHEAD, at=at)
    return _store(
        ((device, schedule, start, {}) for device, schedule in silent), until=now, progress=progress
    )


def catch_up(machines: Sequence[Machine], *, at: datetime) -> int:
    """Store what devices measured since they were last heard: careful ones keep it while nobody listens, for a week
    at most. Returns how many readings were stored."""
    now = plant_time(at)
    heard = _newest(machines)
    behind = []
    for device, schedule in machines:
        said = heard.get(device.pk)
        if said:
            last = max(when for _, when in said.values())
            since = max(datetime.fromtimestamp(last / 1000 + 1, now.tzinfo), now - LONGEST_CATCH_UP)
            if (now - since).total_seconds() > SHORT_SECONDS:
                behind.append((device, schedule, since, said))
    return _store(behind, until=now)


def plant_time(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(settings.PLANT_TIME_ZONE))


def _newest(machines: Sequence[Machine]) -> dict[int, Said]:
    ids = [device.pk for device, _ in machines]
    found: dict[int, Said] = {}
    for start in range(0, len(ids), DEVICES_AT_ONCE):
        found |= latest_values(device_ids=ids[start : start + DEVICES_AT_ONCE])
    return found


def _store(
    wanted: Iterable[tuple[Device, Schedule, datetime, Said]],
    *,
    until: datetime,
    progress: Callable[[int], object] = lambda devices: None,
) -> int:
    def samples() -> Iterator[Sample]:
        for device, schedule, start, said in wanted:
            rng = Random(f"{schedule.name} {start:%Y-%m-%d}")
            reported = {metric: value for metric, (value, _) in said.items()}
            for when, data in measured(schedule, start=start, end=until, rng=rng, reported=reported):
                yield Sample(device.pk, when, data)
            progress(1)

    made = samples()
    stored = 0
    while batch := list(islice(made, BATCH)):
        store_readings(samples=batch, received_at=int(until.timestamp() * 1000))
        stored += len(batch)
    return stored


def note_planned_stops(machines: Sequence[Machine], *, start: datetime, end: datetime, at: datetime) -> None:
    """Maintenance, and when there are no orders: known before, so somebody writes it down."""
    usable = set(StopCode.objects.filter(active=True, planned=True).values_list("code", flat=True))
    profiles = set(MachineProfile.objects.values_list("device_id", flat=True))
    planner = first_admin()
    for device, schedule in machines:
        if device.pk not in profiles:
            continue
        for stop in schedule.stops(start, end):
            if stop.cause in PLANNED and stop.cause in usable:
                begin, over = int(stop.start * 1000), int(stop.end * 1000)
                try:
                    add_stop(device=device, start=begin, end=over, code=stop.cause, by=planner, at=at)
                except StopsOverlap:
                    pass  # people know of another one there


def first_admin() -> User | None:
    """On whose behalf the demo's people write."""
    return User.objects.filter(role=User.Role.ADMIN, is_active=True).order_by("pk").first()
