"""From raw readings to tallies per metric and bucket: pure, so that it can be held against brute force.

Between two samples of a metric a gauge holds or moves in a straight line; over a gap longer than the metric's
maximum nothing is known of it. A counter has counted on whatever the gap, so its increase is shared out over it
evenly. Intervals are cut at the borders of the buckets, so that buckets add up to the whole; and where a counter
was exchanged for another one, since that begins at a value of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from telemetry.metrics import Metric
from telemetry.tally import READINGS, Tally

QUARTER_MS = 900_000
ALWAYS = 2**62  # after every time, and with a minus before it
JITTER = 0.01  # a counter that falls by less than this share of its value trembles; it was not reset

Span = tuple[int, int]  # from, to (exclusive)
Row = tuple[int, dict[str, float]]
Last = dict[str, tuple[float, int]]  # metric: its last value, and when
Tallies = dict[tuple[str, int], Tally]  # by metric and start of the bucket
Rule = Callable[[str], Metric]


class Exchange(NamedTuple):
    """At `at` (ms) one counter ended with `old`, and another one began with `new`."""

    at: int
    old: float
    new: float

    def comes_after(self, sample: tuple[float, int]) -> bool:
        """Whether the old counter showed this (value, when); of the moment itself, the one that it is nearer to."""
        value, when = sample
        return when < self.at or (when == self.at and abs(value - self.old) < abs(value - self.new))


Exchanges = dict[str, list[Exchange]]  # by metric, in the order of their times


class Fall(Enum):
    """Why a counter shows less than before."""

    NONE = auto()
    JITTER = auto()
    ROLLOVER = auto()
    RESET = auto()


@dataclass(slots=True)
class Fold:
    """Folds the readings of one device, in the order of their times, into epoch-aligned buckets of `step` ms.

    Only what lies in [lo, hi) counts. Rows before and after may be fed as well: they say where the intervals
    across the borders begin and end. `last` may hold what came before the first row.
    """

    rule: Rule
    lo: int
    hi: int
    step: int = QUARTER_MS
    last: Last = field(default_factory=dict)
    metrics: frozenset[str] | None = None  # all of them when None
    exchanges: Exchanges = field(default_factory=dict)
    tallies: Tallies = field(default_factory=dict)

    def feed(self, rows: Iterable[Row]) -> None:
        tallies, last, lo, hi, step = self.tallies, self.last, self.lo, self.hi, self.step
        rules: dict[str, Metric] = {}
        for at, data in rows:
            bucket = at - at % step
            is_inside = lo <= at < hi
            if is_inside:
                self._tally(READINGS, bucket).count_reading(at)
            for metric, value in data.items():
                if self.metrics is not None and metric not in self.metrics:
                    continue
                rule = rules.get(metric)
                if rule is None:
                    rule = rules[metric] = self.rule(metric)
                before = last.get(metric)
                tally = None
                if is_inside:
                    tally = tallies.get((metric, bucket)) or self._tally(metric, bucket)
                    tally.add(value, at)
                if before is not None:
                    if metric in self.exchanges and rule.is_counter:
                        before = self._up_to_the_last_exchange(metric, rule, before, (value, at))
                    if tally is not None and bucket <= before[1] < at and before[1] >= lo:
                        _add_interval(tally, rule, before[0], before[1], value, at, before[1], at)
                    else:
                        self._share_out(metric, rule, before[0], before[1], value, at)
                last[metric] = (value, at)

    def _tally(self, metric: str, bucket: int) -> Tally:
        tally = self.tallies.get((metric, bucket))
        if tally is None:
            tally = self.tallies[metric, bucket] = Tally()
        return tally

    def _up_to_the_last_exchange(
        self, metric: str, rule: Metric, before: tuple[float, int], now: tuple[float, int]
    ) -> tuple[float, int]:
        """Count what old counters counted between two samples, and return what the one that is there now began with."""
        reached = before
        for exchange in self.exchanges[metric]:
            if exchange.comes_after(before) and not exchange.comes_after(now):
                self._share_out(metric, rule, *reached, exchange.old, exchange.at)
                reached = exchange.new, exchange.at
        return reached

    def _share_out(self, metric: str, rule: Metric, v0: float, t0: int, v1: float, t1: int) -> None:
        """Cut the interval from t0 to t1 at the borders of the buckets, and of what counts."""
        if not rule.is_counter and t1 - t0 > rule.max_gap_seconds * 1000:
            return
        start, end = max(t0, self.lo), min(t1, self.hi)
        while start < end:
            bucket = start - start % self.step
            stop = min(end, bucket + self.step)
            _add_interval(self._tally(metric, bucket), rule, v0, t0, v1, t1, start, stop)
            start = stop


def quarter_of(at: int) -> int:
    return at - at % QUARTER_MS


def runs_of(buckets: Iterable[int]) -> list[Span]:
    """Neighbouring quarters together, in order."""
    runs: list[Span] = []
    for bucket in sorted(buckets):
        if runs and runs[-1][1] == bucket:
            runs[-1] = (runs[-1][0], bucket + QUARTER_MS)
        else:
            runs.append((bucket, bucket + QUARTER_MS))
    return runs


def take_newer(last: Last, seen: Last, *, before: int) -> None:
    """Of two last samples of a metric the newer one wins, and of the same moment the one seen."""
    for metric, (value, at) in seen.items():
        if at < before and (metric not in last or at >= last[metric][1]):
            last[metric] = (value, at)


def _add_interval(
    tally: Tally, rule: Metric, v0: float, t0: int, v1: float, t1: int, start: int, stop: int
) -> None:
    """Add the part [start, stop) of the interval between the samples (v0, t0) and (v1, t1)."""
    length, part = t1 - t0, stop - start
    is_known = length <= rule.max_gap_seconds * 1000
    if is_known:
        tally.covered_ms += part
    if rule.is_counter:
        fall = fall_of(rule, v0, v1)
        share = growth(rule, v0, v1, fall) * (part / length)
        tally.increase = share if tally.increase is None else tally.increase + share
        if stop == t1:  # noted once, where it was seen
            tally.resets += fall is Fall.RESET
            tally.rollovers += fall is Fall.ROLLOVER
    elif is_known:
        if rule.holds:
            tally.integral += v0 * part / 1000
        else:
            # The mean of a straight line over a part of it is its value in the middle of that part.
            middle = v0 + (v1 - v0) * (((start - t0) + (stop - t0)) / (2 * length))
            tally.integral += middle * part / 1000


def fall_of(rule: Metric, before: float, after: float) -> Fall:
    """What a counter did that showed `before` and now shows `after`.

    A fall by less than `JITTER` is neither. Of the others one is a roll-over where the metric has one and it then
    grew by no more than half of it; else it is a reset.
    """
    if after >= before:
        return Fall.NONE
    if before - after < JITTER * abs(before):
        return Fall.JITTER
    if rule.rollover is not None and before <= rule.rollover and before - after >= rule.rollover / 2:
        return Fall.ROLLOVER
    return Fall.RESET


def growth(rule: Metric, before: float, after: float, fall: Fall) -> float:
    """By how much a counter grew from one sample to the next.

    After a reset the new value was counted from 0. Jitter is taken back again by the rise after it.
    """
    if fall is Fall.ROLLOVER:
        assert rule.rollover is not None
        return after + rule.rollover - before
    return after if fall is Fall.RESET else after - before
