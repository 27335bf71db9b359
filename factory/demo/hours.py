"""When the demo plant works, and how busy it is. Pure: the moments asked about carry the plant's time zone."""

import math
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import accumulate

from analytics.oee.shifts import CalendarRule, Occurrence, ShiftRule, occurrences

EPOCH = date(2024, 1, 1)  # a Monday: what is counted was 0 then
EPOCH_SECONDS = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
SATURDAY, SUNDAY = 5, 6

SHIFTS = (
    ShiftRule(
        "Early",
        frozenset({1, 2, 3, 4, 5, 6}),
        time(6),
        time(14),
        ((time(9), time(9, 15)), (time(12), time(12, 30))),
    ),
    ShiftRule(
        "Late",
        frozenset({1, 2, 3, 4, 5}),
        time(14),
        time(22),
        ((time(16, 45), time(17)), (time(19, 30), time(20))),
    ),
)
DIPS = (9.125, 12.25, 16.875, 19.75)  # the middle of each break, in hours

NIGHT_LOAD, WORK_LOAD, SATURDAY_SHARE = 0.35, 0.55, 0.85
STEP = 300  # seconds; the course of a week is added up so finely
# How the load of each machine sways about the plant's: by how much, over how many hours.
WAVES = ((0.03, 131.0), (0.025, 31.0), (0.02, 5.3), (0.015, 0.8), (0.01, 0.28))


@lru_cache(maxsize=1024)
def shifts_on(day: date, zone: str) -> tuple[Occurrence, ...]:
    """The shifts that begin on a day, in order."""
    begins = int(datetime.combine(day, time(), UTC).timestamp() * 1000)
    reach = int(timedelta(days=1).total_seconds() * 1000)
    found = occurrences((CalendarRule(zone, SHIFTS),), begins - reach, begins + 2 * reach)
    return tuple(one for one in found if one.day == day)


def load_at(moment: datetime) -> float:
    """How busy the plant is, 0 to 1, by its own clock: two shifts, a quiet night, one shift on Saturdays."""
    return NIGHT_LOAD + WORK_LOAD * _work(moment.weekday(), _seconds_of(moment) / 3600)


def load_hours(moment: datetime) -> float:
    """The load added up since the epoch, in hours: what this grows by in a time is the load in it.

    The night's share goes by real time, the rest by the plant's clock; where that is put forward or back, nobody works.
    """
    weeks, day = divmod(moment.toordinal() - EPOCH.toordinal(), 7)
    sums = _week()
    place, rest = divmod(day * 86_400 + _seconds_of(moment), STEP)
    here, following = sums[int(place)], sums[int(place) + 1]
    worked = weeks * sums[-1] + here + (following - here) * rest / STEP
    return NIGHT_LOAD * hours_since_epoch(moment) + WORK_LOAD * worked


def sway_at(moment: datetime, phase: float) -> float:
    """By how much a machine's load is above the plant's; `phase` is its own, 0 to 1."""
    hours = hours_since_epoch(moment)
    return sum(
        height * math.sin(math.tau * (hours / length + phase * place))
        for place, (height, length) in enumerate(WAVES, 1)
    )


def sway_hours(moment: datetime, phase: float) -> float:
    """The sway added up, in hours, as `load_hours` adds the load up."""
    hours = hours_since_epoch(moment)
    return -sum(
        height * length / math.tau * math.cos(math.tau * (hours / length + phase * place))
        for place, (height, length) in enumerate(WAVES, 1)
    )


def hours_since_epoch(moment: datetime) -> float:
    return (moment.timestamp() - EPOCH_SECONDS) / 3600


def _seconds_of(moment: datetime) -> float:
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6


@cache
def _week() -> tuple[float, ...]:
    """The work of a week up to each step, in hours."""
    points = range(0, 7 * 86_400, STEP)
    middles = (_work(point // 86_400, (point % 86_400 + STEP / 2) / 3600) for point in points)
    return (0.0, *accumulate(work * STEP / 3600 for work in middles))


def _work(weekday: int, hour: float) -> float:
    """How much is worked, 0 to 1; exactly 0 at night."""
    if weekday == SUNDAY:
        return 0.0
    ends = 14.0 if weekday == SATURDAY else 22.0
    busy = _ramp(hour, 5.5, 6.5) - _ramp(hour, ends - 0.25, ends + 0.75)
    dips = sum(0.15 * _bump(hour, dip, 0.3) for dip in DIPS)
    return (SATURDAY_SHARE if weekday == SATURDAY else 1.0) * busy * (1 - dips)


def _ramp(hour: float, start: float, end: float) -> float:
    x = min(1.0, max(0.0, (hour - start) / (end - start)))
    return x * x * (3 - 2 * x)


def _bump(hour: float, centre: float, width: float) -> float:
    return math.exp(-(((hour - centre) / width) ** 2))
