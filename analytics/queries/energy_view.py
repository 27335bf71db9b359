"""The energy of a time as a page or a report shows it: by bucket, beside the time before, and of each device."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from analytics.energy.course import Bucket, Course, bucketed, change_between
from analytics.energy.meters import Meter, kwh_of
from analytics.periods import moment_before, time_before
from analytics.plant_clock import plant_zone
from analytics.queries.energy import Beside, beside, energy_by, energy_in, energy_total
from analytics.queries.meters import Scope
from telemetry.aggregates import RawIsArchived, Total, totals_by_device
from telemetry.buckets import Buckets, buckets_for
from telemetry.rules import metric_for

QUARTER_MS, HOUR_MS, DAY_MS = 900_000, 3_600_000, 86_400_000
MOST_BARS = 100


@dataclass
class EnergyView:
    """`before` is the same time before, as far as this one has lasted."""

    scope: Scope
    start: int
    end: int
    now: int
    word: str  # what a bar is: hour, day, week or month
    buckets: list[Bucket]
    total: Bucket
    course: Course
    before: list[Bucket]  # one for each of the first buckets
    before_start: int
    before_end: int
    before_total: Bucket
    meters: dict[int, Meter]
    known: Beside
    flags: list[str]

    @property
    def change(self) -> float | None:
        """The share by which it is more than before."""
        return change_between(self.before_total, self.total)


def cut_for(start: int, end: int, word: str = "") -> tuple[str, Buckets]:
    """How a time is cut so that its bars can be read: by the word asked for, if these are not too many."""
    zone = plant_zone()
    lengths = {
        "quarter": QUARTER_MS,
        "hour": HOUR_MS,
        "day": DAY_MS,
        "week": 7 * DAY_MS,
        "month": 30 * DAY_MS,
    }
    usual = {"hour": 2.1 * DAY_MS, "day": 93 * DAY_MS, "week": 200 * DAY_MS}
    chosen = next((name for name, most in usual.items() if end - start <= most), "month")
    if word in lengths and (end - start) / lengths[word] <= MOST_BARS:
        chosen = word
    if chosen in ("quarter", "hour"):
        return chosen, buckets_for(interval_ms=lengths[chosen])
    return chosen, buckets_for(interval=chosen, zone=zone)


def lasted_yet(start: int, end: int, now: int) -> int:
    """How much of [start, end) is over, ms: half a day is not held against a whole one.

    In whole quarters of an hour, since of last year there is nothing finer.
    """
    lasted = max(QUARTER_MS, min(end, max(now, start)) - start)
    return lasted - lasted % QUARTER_MS if lasted < end - start else end - start


def compared_with(start: int, end: int, now: int) -> tuple[int, int]:
    """[from, to) with which [start, end), ms, is compared: as much of the time before as of this one is over."""
    begins = time_before(start, end, zone=plant_zone())
    lasted = lasted_yet(start, end, now)
    return begins, start if lasted == end - start else min(begins + lasted, start)


def _bar_by_bar(
    course: Course, buckets: Sequence[Bucket], word: str, begins: int, until: int
) -> list[Bucket]:
    """The time before cut so that each bucket has the same days, hours or month of it beside it."""
    move = partial(
        moment_before,
        start=buckets[0].start,
        before=begins,
        zone=plant_zone(),
        by_months=word == "month",
    )
    edges = [move(one.start) for one in buckets] + [move(buckets[-1].end)]
    bounds = [(low, min(high, until)) for low, high in pairwise(edges) if low < until]
    beyond = [(bounds[-1][1], until)] if bounds[-1][1] < until else []  # days that a longer month had
    return bucketed(course, [*bounds, *beyond])[: len(bounds)]


def energy_view(scope: Scope, *, start: int, end: int, now: int, word: str = "") -> EnergyView:
    """The energy of a scope in [start, end), ms."""
    chosen, buckets = cut_for(start, end, word)
    energy = energy_in(scope, start=start, end=end)
    total = energy_total(energy, start, end, now)
    known = beside(energy.meters, start, end)
    begins, until = compared_with(start, end, now)
    earlier = energy_in(scope, start=begins, end=until)
    found = energy_by(energy.course, start, end, now, buckets)
    return EnergyView(
        scope=scope,
        start=start,
        end=end,
        now=now,
        word=chosen,
        buckets=found,
        total=total,
        course=energy.course,
        before_start=begins,
        before_end=until,
        before=_bar_by_bar(earlier.course, found, chosen, begins, until),
        before_total=energy_total(earlier, begins, until, now),
        meters=energy.meters,
        known=known,
        flags=known.flags_of(total),
    )


def energy_of_each(meters: Mapping[int, Meter], *, start: int, end: int) -> dict[int, float]:
    """{device: kWh} in [start, end), ms, of those of which anything is known; whole quarters where raw is archived."""
    together: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
    for device_id, meter in meters.items():
        for metric in meter.metrics:
            begin, stop = meter.spans_of(metric)
            begin, stop = max(begin, start), min(stop, end)
            if begin < stop:
                together[metric, begin, stop].append(device_id)
    found: dict[int, float] = {}
    for (metric, begin, stop), devices in together.items():
        for device_id, totals in _totals(devices, begin, stop, metric).items():
            total = totals.get(metric)
            if total is None:
                continue
            kwh = kwh_of(
                metric_for(metric),
                increase=total.increase,
                integral=total.integral,
                covered_ms=total.covered_ms,
            )
            if kwh is not None:
                found[device_id] = found.get(device_id, 0.0) + kwh
    return found


def _totals(devices: list[int], start: int, end: int, metric: str) -> dict[int, dict[str, Total]]:
    def ask(low: int, high: int) -> dict[int, dict[str, Total]]:
        return totals_by_device(device_ids=devices, start=low, end=high, rule=metric_for, metrics=[metric])

    try:
        return ask(start, end)
    except RawIsArchived:
        low, high = start - start % QUARTER_MS, end - end % QUARTER_MS
        return ask(low, high) if low < high else {}
