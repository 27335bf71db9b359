"""One reading of what devices measured over a range, for whoever adds it up: exact to the last commit.

The rollups tell what raw says up to each device's watermark, but for the quarters that were marked dirty since.
Those, the newer readings and the ends of the range that are not whole quarters are folded from raw, once, and
handed to each collector; from the clean rollups each takes what it needs. Everything is read in one snapshot.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from telemetry import mark_sql, rollup_sql, sql
from telemetry.exchange_sql import exchanges_of
from telemetry.fold import QUARTER_MS, Exchanges, Fold, Last, Rule, Tallies, quarter_of, runs_of, take_newer
from telemetry.mark_sql import NEVER, DirtyQuarters, Mark
from telemetry.reach import Newest, Stretch, folded, widest_gap
from telemetry.retention import raw_is_there
from telemetry.rollup_sql import DIRTY, QUARTERS, Sum
from telemetry.tally import READINGS


class RawIsArchived(Exception):
    """Raw readings would have to be read that are not in the database any more."""


class Collector(Protocol):
    """Adds up what devices measured. Parts may come in any order; together they are the whole, once."""

    def take(self, device_id: int, tallies: Tallies) -> None:
        """What was folded from raw of a device. The tallies are the collector's to read, not to keep."""

    def take_clean(self, clean: "Clean", start: int, end: int) -> None:
        """Fetch from the rollups with buckets in [start, end), whole quarters, what they tell truly."""


@dataclass(frozen=True)
class Clean:
    """The rollups of these devices, as far as they are true: without the quarters that are dirty."""

    devices: list[int]
    names: list[str]  # the metrics that are wanted and that any of them has, and `READINGS`
    newest: dict[int, Newest]
    marks: dict[int, Mark]
    dirty: DirtyQuarters

    def sums(
        self,
        start: int,
        end: int,
        *,
        step: int,
        devices: Sequence[int] | None = None,
        metrics: Sequence[str] | None = None,
        table: str = QUARTERS,
        by_device: bool = False,
    ) -> Iterator[Sum]:
        """Over the devices, or of each of them; whole days only where none of them has a dirty quarter there."""
        chosen = self.devices if devices is None else devices
        names = self.names if metrics is None else metrics
        if not chosen or not names or start >= end:
            return iter(())
        skip = DIRTY if self.dirty and table == QUARTERS else ""
        return rollup_sql.sum_rollups(
            chosen, names, start, end, step=step, table=table, skip=skip, by_device=by_device
        )


def clean_of(device_ids: Sequence[int]) -> Clean:
    """The stored rollups of devices as they are, also where something came late that no worker has looked at yet."""
    return Clean(sorted(device_ids), [], {}, {}, {})


def collect(
    collectors: Sequence[Collector],
    *,
    device_ids: Sequence[int],
    start: int,
    end: int,
    rule: Rule,
    step: int = QUARTER_MS,
    metrics: Iterable[str] | None = None,
    rows_limit: int | None = None,
) -> None:
    """Give the collectors what the devices measured in [start, end), in buckets of `step` ms.

    A step that is no quarter of an hour is folded from raw altogether. Raises `TooManyRows` past the limit of raw
    readings, and `RawIsArchived`.
    """
    wanted = None if metrics is None else frozenset(metrics)
    rule = functools.cache(rule)  # asked for each sum of thousands
    with sql.snapshot():
        newest = {
            device_id: {metric: at for metric, (_, at) in latest.items()}
            for device_id, (_, latest, _) in sql.read_states(device_ids).items()
        }
        exchanges = exchanges_of(list(newest))
        reading = _Reading(collectors, newest, rule, wanted, rows_limit, exchanges)
        first, last = -(-start // QUARTER_MS) * QUARTER_MS, quarter_of(end)
        if step != QUARTER_MS or first >= last:
            reading.fold_all(start, end, step=step)
        else:
            reading.fold_all(start, first)
            reading.fold_all(last, end)
            reading.add_rollups(first, last)


@dataclass(slots=True)
class _Reading:
    """What is read for one answer."""

    collectors: Sequence[Collector]
    newest: dict[int, Newest]
    rule: Rule
    metrics: frozenset[str] | None
    rows_limit: int | None
    exchanges: dict[int, Exchanges]

    def fold_all(self, start: int, end: int, *, step: int = QUARTER_MS) -> None:
        """A range of which nothing is taken from the rollups."""
        if start >= end:
            return
        if not raw_is_there(start, end):
            raise RawIsArchived
        for stretch in self._folded(
            Stretch(device_id, start, self._fold(device_id, start, end, step=step), newest)
            for device_id, newest in self.newest.items()
        ):
            self._hand_on(stretch.device_id, stretch.fold.tallies)
            stretch.fold.tallies.clear()

    def add_rollups(self, first: int, last: int) -> None:
        """[first, last) in whole quarters: the clean ones, the dirty ones, and the tails."""
        devices = sorted(self.newest)
        marks = mark_sql.watermarks(devices)
        dirty = mark_sql.dirty_quarters(devices)
        clean = Clean(devices, self.names, self.newest, marks, dirty)
        for collector in self.collectors:
            collector.take_clean(clean, first, last)
        seeds: dict[int, Last] = {device_id: dict(mark.last) for device_id, mark in marks.items()}
        for span in self._folded(self._spans(marks, dirty, first, last)):
            take_newer(seeds[span.device_id], span.fold.last, before=span.fold.hi)
            tallies = {key: t for key, t in span.fold.tallies.items() if first <= key[1] < last}
            self._hand_on(span.device_id, tallies)
        for tail in self._folded(self._tails(marks, seeds, first, last)):
            self._hand_on(tail.device_id, tail.fold.tallies)
            tail.fold.tallies.clear()

    def _hand_on(self, device_id: int, tallies: Tallies) -> None:
        for collector in self.collectors:
            collector.take(device_id, tallies)

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
                fold = self._fold(device_id, lo, hi)
                yield Stretch(device_id, lo, fold, newest, until=mark.rolled_to + 1)

    def _seeds_from(self, mark: Mark, newest: Newest) -> int:
        """No interval that ends after the watermark begins before this, but at the samples the mark knows."""
        counters = [mark.last[m][1] if m in mark.last else NEVER for m in newest if self.rule(m).is_counter]
        return min([mark.rolled_to - widest_gap(newest, self.rule), *counters])

    def _tails(
        self, marks: dict[int, Mark], seeds: dict[int, Last], first: int, last: int
    ) -> Iterator[Stretch]:
        """What is newer than the watermarks, as far as it counts in [first, last)."""
        for device_id, newest in self.newest.items():
            fold = self._fold(device_id, first, last)
            gap = widest_gap(newest, self.rule)
            mark = marks.get(device_id)
            if mark is None or mark.rolled_to < first - gap:
                yield Stretch(device_id, first, fold, newest)
                continue
            fold.last = seeds[device_id]
            tail = Stretch(device_id, mark.rolled_to + 1, fold, newest, is_seeded=True)
            if mark.rolled_to < last + gap or tail.counters:
                yield tail

    def _fold(self, device_id: int, lo: int, hi: int, *, step: int = QUARTER_MS) -> Fold:
        exchanges = self.exchanges.get(device_id, {})
        return Fold(self.rule, lo, hi, step, metrics=self.metrics, exchanges=exchanges)

    def _folded(self, stretches: Iterable[Stretch]) -> Iterator[Stretch]:
        return folded(stretches, limit=self.rows_limit)
