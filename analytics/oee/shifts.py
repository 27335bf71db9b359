"""Shift calendars: which shifts there were in a time, and which part of it was to be worked. Pure.

A shift belongs to the day on which it begins. Its moments are those of the clock of its time zone, so one from 22:00
to 06:00 lasts an hour less or more in the night in which the clocks change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from analytics.oee.spans import Span, joined, without

DAY = timedelta(days=1)
MINUTE_MS = 60_000
MINUTES_A_DAY = 1440
MINUTES_A_WEEK = 7 * MINUTES_A_DAY
ClockSpan = tuple[time, time]


@dataclass(frozen=True, slots=True)
class ShiftRule:
    """A time of work on some days (1 Monday to 7 Sunday); an end at or before the start is on the next day."""

    name: str
    days: frozenset[int]
    start: time
    end: time
    breaks: tuple[ClockSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """The shifts of one time zone, for those that begin in [first_day, last_day)."""

    zone: str
    shifts: tuple[ShiftRule, ...]
    holidays: frozenset[date] = frozenset()
    first_day: date = date.min
    last_day: date = date.max


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One shift as it was: its day, [start, end), and the breaks in it, in order and apart from each other."""

    name: str
    day: date
    start: int
    end: int
    breaks: tuple[Span, ...] = ()

    def planned(self, start: int, end: int) -> list[Span]:
        """What of [start, end) was to be worked in it."""
        return without([(max(start, self.start), min(end, self.end))], self.breaks)


def occurrences(calendars: Sequence[CalendarRule], start: int, end: int) -> list[Occurrence]:
    """The shifts that reach into [start, end), in order of time; each calendar speaks of its own days."""
    return list(_occurrences(tuple(calendars), start, end))


@lru_cache(maxsize=32)  # hundreds of machines of one answer work by the same few calendars
def _occurrences(calendars: tuple[CalendarRule, ...], start: int, end: int) -> tuple[Occurrence, ...]:
    found = [
        occurrence
        for calendar in calendars
        for day in _days(calendar, start, end)
        for occurrence in _on(day, calendar)
        if occurrence.start < end and occurrence.end > start
    ]
    return tuple(_apart(sorted(found, key=lambda one: (one.start, one.end, one.name))))


def _apart(found: list[Occurrence]) -> list[Occurrence]:
    """Where one calendar follows another, the last shift of the old one ends with the first of the new one."""
    ends = [later.start for later in found[1:]] + [found[-1].end] if found else []
    return [
        one if one.end <= end else replace(one, end=end)
        for one, end in zip(found, ends, strict=True)
        if one.start < end
    ]


def whole_days(zone: str, start: int, end: int) -> list[Occurrence]:
    """Round the clock, for machines without a calendar: each day of a time zone from midnight to midnight."""
    around = CalendarRule(zone, (ShiftRule("", frozenset(range(1, 8)), time(0), time(0)),))
    return occurrences([around], start, end)


def _days(calendar: CalendarRule, start: int, end: int) -> Iterator[date]:
    zone = ZoneInfo(calendar.zone)
    # A shift of the day before may reach into it.
    day = max(datetime.fromtimestamp(start / 1000, zone).date() - DAY, calendar.first_day)
    last = datetime.fromtimestamp(end / 1000, zone).date()
    while day <= last and day < calendar.last_day:
        if day not in calendar.holidays:
            yield day
        day += DAY


def _on(day: date, calendar: CalendarRule) -> Iterator[Occurrence]:
    zone = ZoneInfo(calendar.zone)
    for shift in calendar.shifts:
        if day.isoweekday() not in shift.days:
            continue
        start = _moment(day, shift.start, zone)
        end = _moment(day + DAY if shift.end <= shift.start else day, shift.end, zone)
        breaks = sorted(_break_spans(day, shift, zone, start, end))
        if start < end:
            yield Occurrence(shift.name, day, start, end, tuple(joined(breaks)))


def _break_spans(day: date, shift: ShiftRule, zone: ZoneInfo, start: int, end: int) -> Iterator[Span]:
    for begins, ends in shift.breaks:
        first = day + DAY if begins < shift.start else day  # after midnight
        left = _moment(first, begins, zone)
        # As long as it is on the clock, also where that is changed meanwhile.
        left, right = max(left, start), min(left + _lasts(begins, ends) * MINUTE_MS, end)
        if left < right:
            yield left, right


def _moment(day: date, at: time, zone: ZoneInfo) -> int:
    """A time of the clock as a moment. One that the clock skips is as much later; one shown twice is the first."""
    return int(datetime.combine(day, at, zone).astimezone(UTC).timestamp()) * 1000


# What a calendar may be


def why_no_calendar(shifts: Sequence[ShiftRule]) -> dict[str, str]:
    """{field on the wire: reason} why shifts cannot be so; empty where they can."""
    names = [shift.name for shift in shifts]
    found: dict[str, str] = {}
    for place, shift in enumerate(shifts):
        here = f"shifts.{place}"
        if names.index(shift.name) != place:
            found[f"{here}.name"] = gettext("two shifts are called %(shift)s") % {"shift": shift.name}
        if not shift.days:
            found[f"{here}.days"] = gettext("name at least one day")
        for number, span in enumerate(shift.breaks):
            if reason := _why_no_break(span, shift):
                found[f"{here}.breaks.{number}"] = reason
    if not found:
        found |= _overlapping(shifts)
    return found


def minutes_of(at: time) -> int:
    return at.hour * 60 + at.minute


def _lasts(start: time, end: time) -> int:
    """Minutes on the clock from a start to an end; the same time is a day later."""
    return (minutes_of(end) - minutes_of(start) - 1) % MINUTES_A_DAY + 1


def _why_no_break(span: ClockSpan, shift: ShiftRule) -> str:
    begins, ends = span
    if begins == ends:
        return gettext("must not be empty")
    into = (minutes_of(begins) - minutes_of(shift.start)) % MINUTES_A_DAY
    if into + _lasts(begins, ends) > _lasts(shift.start, shift.end):
        return gettext("is not within %(start)s to %(end)s") % {
            "start": f"{shift.start:%H:%M}",
            "end": f"{shift.end:%H:%M}",
        }
    return ""


def _overlapping(shifts: Sequence[ShiftRule]) -> dict[str, str]:
    turns = sorted(
        (
            (day - 1) * MINUTES_A_DAY + minutes_of(shift.start),
            _lasts(shift.start, shift.end),
            place,
        )
        for place, shift in enumerate(shifts)
        for day in shift.days
    )
    again = [(begin + MINUTES_A_WEEK, lasts, place) for begin, lasts, place in turns[:1]]
    for (begin, lasts, place), (next_begin, _, other) in pairwise([*turns, *again]):
        if begin + lasts > next_begin:
            return {f"shifts.{other}.start": gettext("overlaps with %(name)s") % {"name": shifts[place].name}}
    return {}
