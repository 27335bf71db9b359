"""What a calendar comes to: the shifts of the next days, and those in which the clocks change. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from analytics.oee.shifts import DAY, MINUTES_A_DAY, CalendarRule, Occurrence, minutes_of, occurrences
from analytics.oee.spans import length

DAYS_SHOWN = 7
LOOKED_AHEAD = 370  # days; the clocks change at least once in them, where they change at all
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One shift of a day: what of it is to be worked, and by how much it is longer or shorter than usual."""

    shift: Occurrence
    starts: datetime
    ends: datetime
    planned_ms: int
    odd_ms: int

    @property
    def lasts_ms(self) -> int:
        return self.shift.end - self.shift.start


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A day with the shifts that begin on it."""

    day: date
    turns: tuple[Turn, ...]
    is_holiday: bool

    @property
    def planned_ms(self) -> int:
        return sum(turn.planned_ms for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a calendar comes to: its next days, and the shifts that are odd when the clocks change next."""

    zone: str
    days: list[PlannedDay]
    changes_on: date | None
    changed: list[Turn]

    @property
    def planned_ms(self) -> int:
        return sum(day.planned_ms for day in self.days)


def preview_of(rule: CalendarRule, first: date) -> Preview:
    changes_on = next_clock_change(rule.zone, first)
    changed = at_clock_change(rule, changes_on) if changes_on else []
    return Preview(rule.zone, days_of(rule, first), changes_on, changed)


def days_of(rule: CalendarRule, first: date, *, count: int = DAYS_SHOWN) -> list[PlannedDay]:
    """So many days from the first one on; a shift is told with the day on which it begins."""
    days = [first + number * DAY for number in range(count)]
    found = _turns(rule, days[0], days[-1])
    return [
        PlannedDay(
            day, tuple(turn for turn in found if turn.shift.day == day), is_holiday=day in rule.holidays
        )
        for day in days
    ]


def at_clock_change(rule: CalendarRule, changes_on: date) -> list[Turn]:
    """The shifts that last longer or shorter than usual since the clocks change on a day."""
    return [turn for turn in _turns(rule, changes_on - DAY, changes_on) if turn.odd_ms]


def next_clock_change(zone: str, first: date) -> date | None:
    """The next day that has not 24 hours."""
    days = (first + number * DAY for number in range(LOOKED_AHEAD))
    return next((day for day in days if _midnight(day + DAY, zone) - _midnight(day, zone) != DAY), None)


def _turns(rule: CalendarRule, first: date, last: date) -> list[Turn]:
    start, end = _midnight(first, rule.zone), _midnight(last + DAY, rule.zone)
    found = occurrences([rule], _ms(start), _ms(end))
    return [_turn(rule, one) for one in found if first <= one.day <= last]


def _turn(rule: CalendarRule, shift: Occurrence) -> Turn:
    zone = ZoneInfo(rule.zone)
    starts = datetime.fromtimestamp(shift.start / 1000, zone)
    ends = datetime.fromtimestamp(shift.end / 1000, zone)
    planned = length(shift.planned(shift.start, shift.end))
    return Turn(shift, starts, ends, planned, shift.end - shift.start - _usual_ms(rule, shift.name))


def _usual_ms(rule: CalendarRule, name: str) -> int:
    """For how long a shift lasts by the clock."""
    [said] = (shift for shift in rule.shifts if shift.name == name)
    minutes = minutes_of(said.end) - minutes_of(said.start)
    return ((minutes - 1) % MINUTES_A_DAY + 1) * MINUTE_MS


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000
