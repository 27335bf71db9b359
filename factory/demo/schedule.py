"""What a machine of the demo plant is to do at any moment, and what it has counted by then. Pure.

It depends on nothing but the machine's name and kind. So whoever goes on with a machine, after a restart or after its
past was made up, goes on where the other one ended; and no counter ever falls.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from math import floor
from random import Random
from typing import NamedTuple

from factory.demo.hours import (
    EPOCH,
    SHIFTS,
    hours_since_epoch,
    load_at,
    load_hours,
    shifts_on,
    sway_at,
    sway_hours,
)
from factory.demo.kinds import ENERGY, PARTS, REJECTS, Kind
from factory.demo.turns import CYCLE_DAYS, Layout, Stop, laid_out, turn_of

DAY = timedelta(days=1)
REMEMBERED = 2  # shifts laid out: those of a day


class Doing(NamedTuple):
    is_running: bool
    load: float  # 0 to 1


@dataclass(frozen=True)
class Schedule:
    """One machine's. Moments carry the plant's time zone."""

    name: str
    kind: Kind

    @cached_property
    def share(self) -> float:
        """Of the plant's load, what it bears."""
        return Random(f"{self.name} share").uniform(*self.kind.shares)

    @cached_property
    def phase(self) -> float:
        """Of the waves in its load: no two machines have them together."""
        return Random(f"{self.name} phase").random()

    def doing(self, at: datetime) -> Doing:
        if not self.kind.pauses:
            sway = self.kind.sway * sway_at(at, self.phase)
            return Doing(True, (load_at(at) + sway) * self.share)
        seconds = at.timestamp()
        for layout in self._layouts_of(at):
            if layout.is_running(seconds):
                return Doing(True, layout.turn.speed * self.share)
        return Doing(False, 0.0)

    def counted(self, at: datetime) -> dict[str, float]:
        """What its counters show."""
        shown: dict[str, float] = {}
        if self.kind.makes is not None:
            parts, rejects = self._made(at)
            shown[PARTS], shown[REJECTS] = float(floor(parts)), float(floor(rejects))
        if self.kind.counts_energy:
            shown[ENERGY] = round(self._kwh(at), 2)
        return shown

    def stops(self, start: datetime, end: datetime) -> Iterator[Stop]:
        """The stops that begin in [start, end), in order, those of a few seconds among them."""
        low, high = start.timestamp(), end.timestamp()
        for layout in self._layouts(start, end):
            yield from (stop for stop in layout.stops if low <= stop.start < high)

    def changes(self, start: datetime, end: datetime) -> list[float]:
        """When in [start, end) it begins and ceases to run, in order."""
        edges = {
            edge
            for layout in self._layouts(start, end)
            for run in layout.runs
            for edge in (run.warm, run.end)
        }
        ordered = sorted(edges)
        return ordered[bisect_left(ordered, start.timestamp()) : bisect_left(ordered, end.timestamp())]

    # The turns

    def _layouts(self, start: datetime, end: datetime) -> Iterator[Layout]:
        if not self.kind.pauses:
            return
        day = start
        while day.date() <= end.date():
            yield from self._layouts_of(day)
            day += DAY

    def _layouts_of(self, at: datetime) -> Iterator[Layout]:
        """Those of the day's shifts; no shift goes on after midnight."""
        day = at.date()
        place = (day.toordinal() - EPOCH.toordinal()) % CYCLE_DAYS
        for shift in shifts_on(day, str(at.tzinfo)):
            key = (place, shift.start)
            layout = self._remembered.get(key)
            if layout is None:
                while len(self._remembered) >= REMEMBERED:
                    self._remembered.pop(next(iter(self._remembered)))
                layout = self._remembered[key] = laid_out(self.name, place, shift)
            yield layout

    @cached_property
    def _remembered(self) -> dict[tuple[int, int], Layout]:
        return {}

    # The counters

    def _made(self, at: datetime) -> tuple[float, float]:
        """Pieces and rejects since the epoch."""
        cycles, place = divmod(at.toordinal() - EPOCH.toordinal(), CYCLE_DAYS)
        sums = self._sums
        parts = cycles * sums[-1][0] + sums[place][0]
        rejects = cycles * sums[-1][1] + sums[place][1]
        seconds = at.timestamp()
        for layout in self._layouts_of(at):
            made = layout.worked(seconds) * self._pace(layout.turn.speed)
            parts += made
            rejects += made * layout.turn.rejects
        return parts, rejects

    @cached_property
    def _sums(self) -> list[tuple[float, float]]:
        """Pieces and rejects of a cycle up to each of its days, and of all of it."""
        parts, rejects = [0.0], [0.0]
        for place in range(CYCLE_DAYS):
            of_day = [0.0, 0.0]
            for rule in SHIFTS:
                if place % 7 + 1 in rule.days:
                    turn = turn_of(self.name, place, rule.name)
                    made = turn.worked(_to_be_worked(rule)) * self._pace(turn.speed)
                    of_day[0] += made
                    of_day[1] += made * turn.rejects
            parts.append(of_day[0])
            rejects.append(of_day[1])
        return list(zip(accumulate(parts), accumulate(rejects), strict=True))

    def _pace(self, speed: float) -> float:
        """Pieces a second."""
        assert self.kind.makes is not None
        return speed / self.kind.makes.cycle_seconds

    def _kwh(self, at: datetime) -> float:
        [power] = [signal for signal in self.kind.signals if signal.metric == "power"]
        load = load_hours(at) + self.kind.sway * sway_hours(at, self.phase)
        return (power.idle * hours_since_epoch(at) + (power.full - power.idle) * self.share * load) / 1000


def _to_be_worked(rule) -> float:
    """Seconds of a shift without its breaks, by the clock; none of ours goes over midnight."""
    spans = [(rule.start, rule.end), *rule.breaks]
    whole, *breaks = [
        (end.hour * 60 + end.minute - start.hour * 60 - start.minute) * 60.0 for start, end in spans
    ]
    return whole - sum(breaks)
