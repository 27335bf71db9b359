"""What a machine of the demo plant measured in a time that is over. Pure.

It reported every few minutes, and just before and after it began or ceased to run. Before a breakdown its trouble
shows; now and then another one comes and goes by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from factory.demo.kinds import Trouble
from factory.demo.machines import Fault, found, measure, new_fault
from factory.demo.schedule import Schedule
from factory.demo.turns import BREAKDOWN

EVERY_SECONDS = 300
BEFORE_SECONDS, AFTER_SECONDS = 1.0, 8.0  # of a change: by then its power has followed
TROUBLE_A_DAY = 0.12
CALM_SECONDS = 3 * 3600.0  # at the end, in which nothing new goes wrong


def measured(
    schedule: Schedule,
    *,
    start: datetime,
    end: datetime,
    rng: Random,
    reported: Mapping[str, float] | None = None,
) -> Iterator[tuple[int, dict[str, float]]]:
    """(ms, data) of [start, end), in order, after it had `reported` something. Moments carry the plant's time zone."""
    machine = found(schedule, at=start, rng=rng, reported=reported)
    faults = past_faults(schedule, start=start, end=end, rng=rng)
    fault = next(faults, None)
    for seconds in _moments(schedule, start, end):
        while fault is not None and seconds >= fault.began:
            machine = replace(machine, fault=fault)
            fault = next(faults, None)
        at = datetime.fromtimestamp(seconds, start.tzinfo)
        machine, data = measure(machine, schedule, at=at, rng=rng)
        yield int(seconds * 1000), data


def _moments(schedule: Schedule, start: datetime, end: datetime) -> list[float]:
    """Each machine has its own second at which it reports."""
    low, high = start.timestamp(), end.timestamp()
    own = Random(f"{schedule.name} moment").randrange(EVERY_SECONDS)
    first = int(low - low % EVERY_SECONDS) + own
    moments = {float(at) for at in range(first, int(high), EVERY_SECONDS)}
    if schedule.kind.makes is not None:
        for change in schedule.changes(start, end):
            moments |= {round(change - BEFORE_SECONDS, 3), round(change + AFTER_SECONDS, 3)}
    return sorted(at for at in moments if low <= at < high)


def past_faults(schedule: Schedule, *, start: datetime, end: datetime, rng: Random) -> Iterator[Fault]:
    """What went wrong in [start, end), in order and apart from each other."""
    kind = schedule.kind
    if not kind.troubles:
        return
    passing = [trouble for trouble in kind.troubles if not trouble.stops]
    faults = []
    for stop in schedule.stops(start, end):
        if stop.cause == BREAKDOWN:
            faults.append(_slow(schedule, kind.troubles[-1], ends=stop.start, rng=rng))
    day = start
    while passing and not kind.pauses and day < end:
        if rng.random() < TROUBLE_A_DAY:
            ends = day.timestamp() + rng.uniform(6, 22) * 3600
            faults.append(_slow(schedule, rng.choice(passing), ends=ends, rng=rng))
        day += timedelta(days=1)
    until = start.timestamp()
    for fault in sorted(faults, key=lambda fault: fault.began):
        if until <= fault.began and _end_of(fault) < end.timestamp() - CALM_SECONDS:
            yield fault
            until = _end_of(fault)


def _slow(schedule: Schedule, trouble: Trouble, *, ends: float, rng: Random) -> Fault:
    """A trouble that grew for a good while, and was at its worst until it ended."""
    rise, hold, fall = rng.uniform(1200, 2400), rng.uniform(400, 1200), rng.uniform(300, 600)
    fault = new_fault(trouble, schedule.kind.limits[trouble.metric], at=ends - rise - hold, rng=rng)
    return replace(fault, rise=rise, hold=hold, fall=fall)


def _end_of(fault: Fault) -> float:
    return fault.began + fault.rise + fault.hold + fault.fall
