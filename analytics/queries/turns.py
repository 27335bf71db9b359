"""Which shifts of a machine a time is about, and what of each counts.

A shift belongs to the day on which it begins. So of whole days of the plant these are the shifts that begin on them,
with all of a night shift; of any other time it is what of each shift lies in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from analytics.oee.shifts import Occurrence, whole_days
from analytics.oee.spans import Span
from analytics.queries.machines import Machine

FAR_MS = 2 * 86_400_000  # a shift lasts a day at most, on a clock that may be another one than the plant's

Days = tuple[date, date]  # the first and the last


@dataclass(frozen=True, slots=True)
class Turn:
    """A shift, and what of it counts: [start, end), ms."""

    occurrence: Occurrence
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Turns:
    """The shifts of a time in order, and the time in which what the machine did is about them: [start, end), ms."""

    start: int
    end: int
    turns: list[Turn]

    @property
    def planned(self) -> list[Span]:
        return [span for turn in self.turns for span in turn.occurrence.planned(turn.start, turn.end)]


def days_of(start: int, end: int, now: int) -> Days | None:
    """The days of the plant that [start, end) is; one that goes on yet may end with `now`."""
    first = whole_days(settings.PLANT_TIME_ZONE, start, start + 1)[0]
    last = whole_days(settings.PLANT_TIME_ZONE, end - 1, end)[0]
    is_whole = first.start == start and (last.end == end or end >= now)
    return (first.day, last.day) if is_whole else None


def turns_of(machines: Mapping[int, Machine], start: int, end: int, now: int) -> dict[int, Turns]:
    """{device: the shifts of each machine in [start, end), ms}, as far as they are before `now`."""
    days = days_of(start, end, now)
    return {
        device_id: _turns_of_one(machine, start, end, now, days) for device_id, machine in machines.items()
    }


def _turns_of_one(machine: Machine, start: int, end: int, now: int, days: Days | None) -> Turns:
    begins, ends = machine.profiles[0].valid_from, min(machine.ends_at, now)
    if days is None:
        low, high = max(start, begins), min(end, ends)
        return Turns(low, high, _cut(machine.shifts_in(start, end), low, high))
    near = machine.shifts_in(start - FAR_MS, end + FAR_MS)
    turns = _cut([one for one in near if days[0] <= one.day <= days[1]], begins, ends)
    # What lies in a shift of the day before or after is about that one.
    low = max([start, *(one.end for one in near if one.day < days[0])])
    high = min([end, *(one.start for one in near if one.day > days[1])])
    if turns:
        low, high = min(low, turns[0].start), max(high, turns[-1].end)
    return Turns(max(low, begins), min(high, ends), turns)


def _cut(shifts: list[Occurrence], low: int, high: int) -> list[Turn]:
    turns = [Turn(one, max(one.start, low), min(one.end, high)) for one in shifts]
    return [turn for turn in turns if turn.start < turn.end]
