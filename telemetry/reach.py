"""Folding stretches of raw readings so that the intervals across their borders are right too."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter

from telemetry import rollup_sql, sql
from telemetry.days import day_of
from telemetry.fold import ALWAYS, Fold, Row, Rule
from telemetry.mark_sql import NEVER
from telemetry.retention import raw_is_whole_from
from telemetry.sql import Window

Newest = dict[str, int]  # metric: the time of its newest sample


class TooManyRows(Exception):
    """More raw readings than may be read for one answer."""


@dataclass(slots=True, eq=False)
class Stretch:
    """What `fold` is to be fed of a device: raw readings from `start` on, to the end of what counts.

    With `is_seeded` the fold knows already what came before; else that is looked up. Nothing from `until` on is
    looked at. Before `whole_from` raw is gone, and the rollups are asked for the last samples.
    """

    device_id: int
    start: int
    fold: Fold
    newest: Newest
    is_seeded: bool = False
    until: int = ALWAYS
    whole_from: int = NEVER

    @property
    def metrics(self) -> list[str]:
        wanted = self.fold.metrics
        return [m for m in self.newest if wanted is None or m in wanted]

    @property
    def counters(self) -> list[str]:
        return [m for m in self.metrics if self.fold.rule(m).is_counter]

    def window(self) -> Window:
        """With as much on both sides as an interval of a gauge may be long."""
        gap = widest_gap(self.newest, self.fold.rule)
        begin = self.start if self.is_seeded else max(self.start - gap, self.whole_from)
        return self.device_id, begin, min(self.fold.hi + gap, self.until)

    def seed(self) -> None:
        """With what came before the window: a counter's interval may be longer than any gap."""
        if self.is_seeded:
            return
        _, begin, _ = self.window()
        for metric in self.metrics if begin == self.whole_from else self.counters:
            row = self._sample_before(metric, begin)
            if row is not None:
                self.fold.feed([row])

    def _sample_before(self, metric: str, at: int) -> Row | None:
        if at > self.whole_from:
            row = sql.neighbour(self.device_id, metric, at, before=True)
            if self.whole_from == NEVER or (row is not None and row[0] >= self.whole_from):
                return row
        return rollup_sql.last_sample(self.device_id, metric, before=self.whole_from)

    def reach_on(self) -> None:
        """To the next sample of a counter whose last one lies before the end."""
        _, _, end = self.window()
        for metric in self.counters:
            before = self.fold.last.get(metric)
            if before is not None and before[1] < self.fold.hi and self.newest[metric] >= end:
                row = sql.neighbour(self.device_id, metric, end, before=False)
                if row is not None and row[0] < self.until:
                    self.fold.feed([row])


def widest_gap(metrics: Iterable[str], rule: Rule) -> int:
    """The longest interval, in ms, over which a gauge among these metrics is integrated."""
    return max((rule(m).max_gap_seconds * 1000 for m in metrics if not rule(m).is_counter), default=0)


def folded(stretches: Iterable[Stretch], *, limit: int | None = None) -> Iterator[Stretch]:
    """Feed each stretch from raw and give it back; raises `TooManyRows` past `limit` readings."""
    read = 0

    def counted(rows: Iterable[tuple[int, Row]]) -> Iterator[Row]:
        nonlocal read
        for _, row in rows:
            read += 1
            if limit is not None and read > limit:
                raise TooManyRows
            yield row

    whole_from: dict[date, int] = {}

    def seeded(stretch: Stretch) -> None:
        if not stretch.is_seeded:
            day = day_of(stretch.start)
            if day not in whole_from:
                found = raw_is_whole_from(stretch.start)
                whole_from[day] = NEVER if found is None else found
            stretch.whole_from = whole_from[day]
        stretch.seed()

    for together in _rounds(stretches):
        for stretch in together.values():
            seeded(stretch)
        windows = [stretch.window() for stretch in together.values()]
        for device_id, rows in groupby(sql.stream_windows(windows), key=itemgetter(0)):
            stretch = together.pop(device_id)
            stretch.fold.feed(counted(rows))
            stretch.reach_on()
            yield stretch
        for stretch in together.values():
            stretch.reach_on()
            yield stretch


def _rounds(stretches: Iterable[Stretch]) -> Iterator[dict[int, Stretch]]:
    """One stretch of each device at a time, so that a statement can read those of many devices."""
    waiting: Sequence[Stretch] = list(stretches)
    while waiting:
        together: dict[int, Stretch] = {}
        waiting = [s for s in waiting if together.setdefault(s.device_id, s) is not s]
        yield together
