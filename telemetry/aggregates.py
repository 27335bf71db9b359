"""Readings of several devices as buckets: from the rollups where they tell, and from raw where they do not.

Everything is read in one snapshot. The rollups tell what raw says up to each device's watermark, but for the
quarters that were marked dirty since; those, the newer readings and the ends of the range that are not whole
quarters are folded from raw. So an answer is exact to the last commit.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from telemetry import mark_sql, rollup_sql, sql
from telemetry.buckets import Buckets, day_from, day_of
from telemetry.fold import QUARTER_MS, Fold, Last, Rule, Tallies, quarter_of, runs_of, take_newer
from telemetry.mark_sql import NEVER, DirtyQuarters, Mark
from telemetry.reach import Newest, Stretch, folded, widest_gap
from telemetry.retention import raw_is_there
from telemetry.rollup_sql import DAYS, DIRTY, Sum
from telemetry.tally import READINGS, Tally


class RawIsArchived(Exception):
    """Raw readings would have to be read that are not in the database any more."""


@dataclass(slots=True)
class Total:
    """One metric of all devices in one bucket. `integral` is in the metric's unit times seconds."""

    count: int = 0
    sum: float = 0.0
    min: float | None = None
    max: float | None = None
    last: float | None = None
    last_key: tuple[int, int] | None = (
        None  # when and of which device; of the same moment the highest id's counts
    )
    integral: float = 0.0
    covered_ms: int = 0
    increase: float | None = None

    def add(self, part: Sum | Tally) -> None:
        self.count += part.count
        self.sum += part.sum
        if part.min is not None and (self.min is None or part.min < self.min):
            self.min = part.min
        if part.max is not None and (self.max is None or part.max > self.max):
            self.max = part.max
        self.integral += part.integral
        self.covered_ms += part.covered_ms
        if part.increase is not None:
            self.increase = (self.increase or 0.0) + part.increase

    def offer_last(self, at: int, device_id: int, value: float | None) -> None:
        if self.last_key is None or (at, device_id) > self.last_key:
            self.last_key, self.last = (at, device_id), value


@dataclass(slots=True)
class Answer:
    """Totals by bucket and metric; those of the metric `READINGS` count the readings."""

    buckets: Buckets
    totals: dict[int, dict[str, Total]] = field(default_factory=dict)

    def total(self, at: int, metric: str) -> Total:
        return self.totals.setdefault(self.buckets.start_of(at), {}).setdefault(metric, Total())

    def add_tallies(self, device_id: int, tallies: Tallies) -> None:
        for (metric, at), tally in tallies.items():
            total = self.total(at, metric)
            total.add(tally)
            if tally.last_at is not None:
                total.offer_last(tally.last_at, device_id, tally.last)

    def add_sums(self, sums: Iterable[Sum]) -> None:
        """Sums of stored quarters; the last values themselves are looked up for the winners only."""
        # By bucket and metric, those whose last value lies in here.
        winners: dict[tuple[int, str], Total] = {}
        for part in sums:
            total = self.total(part.bucket, part.metric)
            total.add(part)
            if part.last_at is None:
                continue
            key = (part.last_at, part.last_device)
            if total.last_key is None or key > total.last_key:
                total.last_key = key
                if part.metric != READINGS:
                    winners[self.buckets.start_of(part.bucket), part.metric] = total
        places = {_place(total, metric): total for (_, metric), total in winners.items()}
        for place, value in rollup_sql.last_values(places).items():
            places[place].last = value


def _place(total: Total, metric: str) -> tuple[int, str, int]:
    """The quarter that holds a total's last value: (device, metric, bucket)."""
    assert total.last_key is not None
    at, device_id = total.last_key
    return device_id, metric, quarter_of(at)


def totals(
    *,
    device_ids: Sequence[int],
    start: int,
    end: int,
    buckets: Buckets,
    rule: Rule,
    metrics: Iterable[str] | None = None,
    rows_limit: int | None = None,
) -> dict[int, dict[str, Total]]:
    """{bucket: {metric: total}} of [start, end); raises `TooManyRows` past the limit of
    raw readings, and `RawIsArchived`."""
    wanted = None if metrics is None else frozenset(metrics)
    rule = functools.cache(rule)  # asked for each sum of thousands
    with sql.snapshot():
        newest = {
            device_id: {metric: at for metric, (_, at) in latest.items()}
            for device_id, (_, latest, _) in sql.read_states(device_ids).items()
        }
        reading = _Reading(Answer(buckets), newest, rule, wanted, rows_limit)
        first, last = -(-start // QUARTER_MS) * QUARTER_MS, quarter_of(end)
        if buckets.step % QUARTER_MS or first >= last:
            reading.fold_all(start, end, step=buckets.step if buckets.step % QUARTER_MS else QUARTER_MS)
        else:
            reading.fold_all(start, first)
            reading.fold_all(last, end)
            reading.add_rollups(first, last)
    return reading.answer.totals


@dataclass(slots=True)
class _Reading:
    """What one answer reads."""

    answer: Answer
    newest: dict[int, Newest]
    rule: Rule
    metrics: frozenset[str] | None
    rows_limit: int | None

    def fold_all(self, start: int, end: int, *, step: int = QUARTER_MS) -> None:
        """A range of which nothing is taken from the rollups."""
        if start >= end:
            return
        if not raw_is_there(start, end):
            raise RawIsArchived
        for stretch in self._folded(
            Stretch(device_id, start, self._fold(start, end, step=step), newest)
            for device_id, newest in self.newest.items()
        ):
            self.answer.add_tallies(stretch.device_id, stretch.fold.tallies)
            stretch.fold.tallies.clear()

    def add_rollups(self, first: int, last: int) -> None:
        """[first, last) in whole quarters: the clean ones, the dirty ones, and the tails."""
        devices = sorted(self.newest)
        marks = mark_sql.watermarks(devices)
        dirty = mark_sql.dirty_quarters(devices)
        self._add_clean(devices, marks, dirty, first, last)
        seeds: dict[int, Last] = {device_id: dict(mark.last) for device_id, mark in marks.items()}
        for span in self._folded(self._spans(marks, dirty, first, last)):
            take_newer(seeds[span.device_id], span.fold.last, before=span.fold.hi)
            tallies = {key: t for key, t in span.fold.tallies.items() if first <= key[1] < last}
            self.answer.add_tallies(span.device_id, tallies)
        for tail in self._folded(self._tails(marks, seeds, first, last)):
            self.answer.add_tallies(tail.device_id, tail.fold.tallies)
            tail.fold.tallies.clear()

    def _add_clean(
        self, devices: list[int], marks: dict[int, Mark], dirty: DirtyQuarters, first: int, last: int
    ) -> None:
        """From the stored rollups: whole days of the plant where they serve, else quarters."""
        skip = DIRTY if dirty else ""
        zone = settings.PLANT_TIME_ZONE
        if self.answer.buckets.day_zone == zone and marks:
            begin, end = day_from(first, zone), self._last_midnight(last, zone)
            ready = [
                device_id
                for device_id, mark in marks.items()
                if mark.days_zone == zone
                and not any(begin <= bucket < end for bucket in dirty.get(device_id, ()))
            ]
            if ready and begin < end:
                self._add_sums(ready, begin, end, table=DAYS)
                self._add_sums(ready, first, begin, skip=skip)
                self._add_sums(ready, end, last, skip=skip)
                devices = sorted(set(devices).difference(ready))
        self._add_sums(devices, first, last, skip=skip)

    def _last_midnight(self, last: int, zone: str) -> int:
        """Up to which whole days may be taken: past the newest reading every day is whole."""
        newest = max((at for times in self.newest.values() for at in times.values()), default=0)
        return day_from(last, zone) if newest < last else day_of(last, zone)

    def _add_sums(self, devices: list[int], start: int, end: int, **options: str) -> None:
        if devices and start < end:
            step = self.answer.buckets.step
            self.answer.add_sums(
                rollup_sql.sum_rollups(devices, self.names, start, end, step=step, **options)
            )

    @property
    def names(self) -> list[str]:
        there = frozenset[str]().union(*self.newest.values())
        return sorted({READINGS, *(there if self.metrics is None else there & self.metrics)})

    def _spans(
        self, marks: dict[int, Mark], dirty: DirtyQuarters, first: int, last: int
    ) -> Iterator[Stretch]:
        """The dirty quarters in [first, last), and those that may hold a sample with which the tail begins."""
        for device_id, buckets in dirty.items():
            if device_id not in marks:
                continue
            mark, newest = marks[device_id], self.newest[device_id]
            seeds_from = self._seeds_from(mark, newest)
            for lo, hi in runs_of(
                bucket
                for bucket in buckets
                if bucket <= mark.rolled_to and (first <= bucket < last or bucket + QUARTER_MS > seeds_from)
            ):
                yield Stretch(device_id, lo, self._fold(lo, hi), newest, until=mark.rolled_to + 1)

    def _seeds_from(self, mark: Mark, newest: Newest) -> int:
        """No interval that ends after the watermark begins before this, but at the samples the mark knows."""
        counters = [mark.last[m][1] if m in mark.last else NEVER for m in newest if self.rule(m).is_counter]
        return min([mark.rolled_to - widest_gap(newest, self.rule), *counters])

    def _tails(
        self, marks: dict[int, Mark], seeds: dict[int, Last], first: int, last: int
    ) -> Iterator[Stretch]:
        """What is newer than the watermarks, as far as it counts in [first, last)."""
        for device_id, newest in self.newest.items():
            fold = self._fold(first, last)
            gap = widest_gap(newest, self.rule)
            mark = marks.get(device_id)
            if mark is None or mark.rolled_to < first - gap:
                yield Stretch(device_id, first, fold, newest)
                continue
            fold.last = seeds[device_id]
            tail = Stretch(device_id, mark.rolled_to + 1, fold, newest, is_seeded=True)
            if mark.rolled_to < last + gap or tail.counters:
                yield tail

    def _fold(self, lo: int, hi: int, *, step: int = QUARTER_MS) -> Fold:
        return Fold(self.rule, lo, hi, step, metrics=self.metrics)

    def _folded(self, stretches: Iterable[Stretch]) -> Iterator[Stretch]:
        return folded(stretches, limit=self.rows_limit)
