"""Round moments of a plant's clock along an axis, on days of 23 and 25 hours too."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from analytics import writing
from analytics.plots.lettering import SMALL, width_of

_MINUTES = (5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MOST = 60  # more would never fit, so they are not even worked out
_APART = 12  # CSS px between two labels


Moment = tuple[datetime, str]
Under = Callable[[datetime], datetime | None]


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment at `x`, with the middle of its label, both in CSS px."""

    at: datetime
    label: str
    x: float
    middle: float


def time_ticks(
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    *,
    left: float = 0,
    right: float,
    edge: float | None = None,
    under: Under | None = None,
) -> list[Tick]:
    """As many round moments as have room for their labels where time runs from `left` to `right` (CSS px).

    The sheet ends at 0 and at `edge`, where labels move inwards instead of being cut. `under` moves a label to
    another moment, such as the middle of the day that it names, or drops it.
    """
    edge = right if edge is None else edge

    def x(at: datetime) -> float:
        return left + (right - left) * ((at - start) / (end - start))

    def placed(at: datetime, label: str, shown: datetime) -> Tick:
        half = width_of(label, SMALL) / 2
        return Tick(at, label, x(at), min(max(x(shown), half), edge - half))

    for moments in _from_fine_to_coarse(start, end, zone, (end - start) / timedelta(minutes=1)):
        shown = [(at, label, under(at) if under else at) for at, label in moments]
        ticks = [placed(at, label, other) for at, label, other in shown if other is not None]
        if not ticks:
            break
        if _fits(ticks):
            return ticks
    return [placed(start, day_of(start, zone), start)]


def day_of(at: datetime, zone: ZoneInfo) -> str:
    """`3 Nov`, and on the first day of a year that too."""
    local = at.astimezone(zone)
    return writing.day(local) if (local.month, local.day) == (1, 1) else writing.short_day(local)


def moment_of(at: datetime, zone: ZoneInfo) -> str:
    """A moment in words, for hover text: `Mon 3 Nov 2025, 14:00`."""
    return writing.full_minute(at.astimezone(zone))


def span_of(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """From when to when: whole days as days, an hour as `Mon 3 Nov 2025, 14:00 to 15:00`."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if first.time() == last.time() == time():
        until = end - timedelta(seconds=1)
        begins, final = writing.full_day(first), until.astimezone(zone)
        return begins if first.date() == final.date() else from_to(begins, writing.full_day(final))
    if first.date() == last.date():
        return from_to(moment_of(start, zone), writing.clock(last))
    return from_to(moment_of(start, zone), moment_of(end, zone))


def from_to(start: str, end: str) -> str:
    return gettext("%(start)s to %(end)s") % {"start": start, "end": end}


def starts_of_days(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[date, datetime]]:
    """Each day that begins from `start` to `end`, and the moment it does."""
    day = start.astimezone(zone).date()
    while (at := _begins(day, zone)) <= end:
        if at >= start:
            yield day, at
        day += timedelta(days=1)


def _from_fine_to_coarse(
    start: datetime, end: datetime, zone: ZoneInfo, lasts: float
) -> Iterator[list[Moment]]:
    for minutes in _MINUTES:
        if lasts / minutes <= _MOST:
            yield _hours(start, end, zone, minutes)
    for days in _DAYS:
        if lasts / 1440 / days <= _MOST:
            yield [
                (at, day_of(at, zone))
                for day, at in starts_of_days(start, end, zone)
                if (day.toordinal() - 1) % days == 0  # of seven: Mondays
            ]
    for months in _MONTHS:
        if lasts / 43_200 / months <= _MOST:
            yield list(_months(start, end, zone, months))


def _hours(start: datetime, end: datetime, zone: ZoneInfo, minutes: int) -> list[Moment]:
    """Every so many minutes of the clock; an hour that comes twice has two, one that is skipped none."""
    found: list[Moment] = []
    day = start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        for minute in range(0, 1440, minutes):
            local = datetime.combine(day, time(minute // 60, minute % 60), zone)
            moments = [local.astimezone(UTC)]
            if minutes <= 60:
                moments.append(local.replace(fold=1).astimezone(UTC))
            for at in dict.fromkeys(moments):
                if start <= at <= end and at.astimezone(zone).time() == local.time():
                    found.append((at, f"{local:%H:%M}" if minute else day_of(at, zone)))
        day += timedelta(days=1)
    return found


def _months(start: datetime, end: datetime, zone: ZoneInfo, months: int) -> Iterator[Moment]:
    first, last = start.astimezone(zone), end.astimezone(zone)
    for count in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        if count % months:
            continue
        at = _begins(date(count // 12, count % 12 + 1, 1), zone)
        if start <= at <= end:
            yield at, writing.month(at.astimezone(zone)) if count % 12 else str(count // 12)


def _begins(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, also where the clock jumps over midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _fits(ticks: list[Tick]) -> bool:
    return all(
        one.middle + width_of(one.label, SMALL) / 2 + _APART
        <= other.middle - width_of(other.label, SMALL) / 2
        for one, other in pairwise(ticks)
    )
