"""When a scheduled report is due, and which time it is about: pure, on the plant's clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def next_due(cadence: str, at_time: time, zone: ZoneInfo, *, after: datetime) -> datetime:
    """The first moment after `after` at which it is due: each day, on Mondays, or on the first of the month."""
    day = after.astimezone(zone).date()
    while True:
        due = datetime.combine(day, at_time, zone).astimezone(UTC)
        if due > after and _is_day(cadence, day):
            return due
        day += DAY


def _is_day(cadence: str, day: date) -> bool:
    if cadence == "weekly":
        return day.isoweekday() == 1
    return cadence == "daily" or day.day == 1


def period_before(cadence: str, due: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The whole day, week or month before the day on which it is due."""
    end = due.astimezone(zone).date()
    if cadence == "weekly":
        end -= timedelta(days=end.weekday())
        start = end - timedelta(days=7)
    elif cadence == "monthly":
        end = end.replace(day=1)
        start = (end - DAY).replace(day=1)
    else:
        start = end - DAY
    return _midnight(start, zone), _midnight(end, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
