"""The people of the demo plant: they have said of most of its older stops why the machine stood."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from analytics.models import MachineMark, MachineProfile, StopCode, StopReason
from analytics.queries.downtime import Stop as Told
from analytics.queries.downtime import downtime_in
from analytics.queries.states import moment, ms
from analytics.services.stops import StopUnknown, classify_stop
from factory.demo.history import Machine, first_admin, plant_time
from factory.demo.schedule import Schedule
from factory.demo.turns import BREAKDOWN, MICRO, PLANNED
from telemetry.samples import sample_from

LOOK_BACK = timedelta(days=31)
LEFT_OPEN = timedelta(hours=12)  # the newest stops are for whoever looks at the plant
EXPLAINED = 0.85  # of the others
NOTES = {BREAKDOWN: "Repaired by the maintenance crew."}


def unexplained(machines: Sequence[Machine], *, at: datetime) -> list[Machine]:
    """The machines that ran before the last hours, and of which nobody has explained a stop yet."""
    profiles = {profile.device_id: profile for profile in MachineProfile.objects.order_by("valid_from")}
    explained = set(StopReason.objects.values_list("device_id", flat=True).distinct())
    found = []
    for device, schedule in machines:
        if device.pk in profiles and device.pk not in explained:
            metric = profiles[device.pk].running_metric
            first = sample_from(device.pk, metric, ms(at - LOOK_BACK)) if metric else None
            if first is not None and first[0] < ms(at - LEFT_OPEN):
                found.append((device, schedule))
    return found


def are_followed(machines: Sequence[Machine], *, at: datetime) -> bool:
    """Whether the workers know by now what these did before the last hours."""
    ids = [device.pk for device, _ in machines]
    known = MachineMark.objects.filter(pk__in=ids, followed_to__gte=ms(at - LEFT_OPEN))
    return known.count() == len(ids)


def explain_stops(
    machines: Sequence[Machine], *, at: datetime, is_over: Callable[[], bool] = lambda: False
) -> int:
    """Say of most stops before the last hours why the machine stood, until it is over; returns of how many."""
    start, end = at - LOOK_BACK, at - LEFT_OPEN
    schedules = {device.pk: schedule for device, schedule in machines}
    told = downtime_in(device_ids=list(schedules), start=ms(start), end=ms(end), now=ms(end))
    usable = set(StopCode.objects.filter(active=True).values_list("code", flat=True))
    by = first_admin()
    said = 0
    for stop_id, cause in _with_causes(told.stops, schedules):
        if is_over():
            break
        if cause in usable:
            try:
                classify_stop(stop_id=stop_id, code=cause, by=by, at=at, note=NOTES.get(cause, ""))
            except StopUnknown:
                continue  # derived anew meanwhile
            said += 1
    return said


def _with_causes(stops: Iterable[Told], schedules: Mapping[int, Schedule]) -> Iterator[tuple[int, str]]:
    """(number of the stop, cause) of those that somebody has a reason for."""
    for stop in stops:
        if stop.id is None or stop.is_added or stop.is_micro or stop.code or not stop.loss_ms:
            continue
        cause = _cause_of(stop, schedules[stop.device_id])
        is_told = Random(f"{stop.device_id} {stop.start}").random() < EXPLAINED
        if cause and (is_told or cause == BREAKDOWN):
            yield stop.id, cause


def _cause_of(stop: Told, schedule: Schedule) -> str:
    """That of the stop in its schedule which has most of it."""
    start, end = stop.start / 1000, stop.end / 1000
    begin, until = plant_time(moment(stop.start)) - timedelta(hours=4), plant_time(moment(stop.end))
    best, cause = 0.0, ""
    for one in schedule.stops(begin, until):
        shared = min(end, one.end) - max(start, one.start)
        if shared > best and one.cause not in (MICRO, *PLANNED):
            best, cause = shared, one.cause
    return cause
