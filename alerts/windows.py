"""When a maintenance window is open: pure, on the clock of its own time zone."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


class Window(Protocol):
    """What is asked of a window; `alerts.models.MaintenanceWindow` says what its parts mean."""

    starts_at: datetime
    ends_at: datetime | None
    days: list[int]
    start_time: time | None
    end_time: time | None
    time_zone: str


def is_within(window: Window, at: datetime) -> bool:
    """Whether the window is open at this moment; its end does not belong to it."""
    if at < window.starts_at or (window.ends_at is not None and at >= window.ends_at):
        return False
    if not window.days or window.start_time is None or window.end_time is None:
        return True
    zone = ZoneInfo(window.time_zone)
    today = at.astimezone(zone).date()
    return any(_is_open_on(day, window, at, zone) for day in (today - DAY, today))


def _is_open_on(day: date, window: Window, at: datetime, zone: ZoneInfo) -> bool:
    """Whether the turn that begins on this day is open; a turn over midnight belongs to the day it begins."""
    assert window.start_time is not None
    assert window.end_time is not None
    if day.isoweekday() not in window.days:
        return False
    last_day = day + DAY if window.end_time <= window.start_time else day
    begin = datetime.combine(day, window.start_time, zone)
    end = datetime.combine(last_day, window.end_time, zone)
    if _is_skipped(begin) or _is_skipped(end):
        # On the night the clock is put forward this time does not exist: go by what the clock shows.
        shown = at.astimezone(zone).replace(tzinfo=None)
        return begin.replace(tzinfo=None) <= shown < end.replace(tzinfo=None)
    # Moments are compared, so a turn in the night of a clock change is an hour longer or shorter by itself.
    return begin.timestamp() <= at.timestamp() < end.timestamp()


def _is_skipped(moment: datetime) -> bool:
    there = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return there.replace(tzinfo=None) != moment.replace(tzinfo=None)
