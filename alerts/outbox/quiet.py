"""Quiet hours: pure, on the clock of the plant."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def quiet_until(hours: Mapping[str, Any] | None, at: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours that reign at this moment end; None when none do. The end does not belong to them.

    `hours` is {start: "22:00", end: "06:00", days?}. An end that is not after the start is on the next day;
    `days` (1 Monday to 7 Sunday) name the day on which they start.
    """
    if not hours:
        return None
    today = at.astimezone(zone).date()
    for day in (today - DAY, today):
        if day.isoweekday() not in (hours.get("days") or EVERY_DAY):
            continue
        begin, end = _turn(day, time.fromisoformat(hours["start"]), time.fromisoformat(hours["end"]), zone)
        if begin <= at < end:
            return end
    return None


def _turn(day: date, start: time, end: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when, as moments: a night on which the clocks change is an hour shorter or longer."""
    last_day = day + DAY if end <= start else day
    return _moment(day, start, zone), _moment(last_day, end, zone)


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When the clock shows this: the first time of two, or, where it is left out, when it is put forward."""
    first = datetime.combine(day, clock, zone)
    moment, other = first.astimezone(UTC), first.replace(fold=1).astimezone(UTC)
    if other >= moment:
        return moment
    # It does not exist: by the clock before the change it would be after it, and the other way round.
    summer = moment.astimezone(zone).utcoffset()
    while other.astimezone(zone).utcoffset() != summer:
        other += MINUTE
    return other
