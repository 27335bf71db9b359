"""Which bucket a moment belongs to: pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from telemetry.fold import QUARTER_MS

DAY_MS = 86_400_000
EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
CALENDAR = ("day", "week", "month")

FirstDay = Callable[[date], date]


@dataclass(frozen=True)
class Buckets:
    """A way to cut time. Every bucket is made of whole pieces of `step` ms, aligned to the epoch.

    With a `day_zone` they are made of whole calendar days of that time zone, too.
    """

    step: int
    start_of: Callable[[int], int]
    shortest: int  # of a bucket, ms
    day_zone: str | None = None

    def count_at_most(self, start: int, end: int) -> int:
        """How many buckets a range can touch."""
        return (end - start) // self.shortest + 2


def fixed_buckets(interval_ms: int) -> Buckets:
    """Buckets of a fixed length, aligned to the epoch."""
    day_zone = "UTC" if interval_ms % DAY_MS == 0 else None
    return Buckets(interval_ms, lambda at: at - at % interval_ms, interval_ms, day_zone)


def calendar_buckets(zone: ZoneInfo, first_day: FirstDay, *, days: int) -> Buckets:
    """Buckets of whole calendar days in a time zone, so that a day may have 23 or 25 hours.

    `first_day` says with which day the bucket of a day begins; none has fewer than `days`. They are made of
    quarters of an hour, since every time zone is a multiple of that.
    """

    @lru_cache(maxsize=100_000)
    def start_of_quarter(quarter: int) -> int:
        first = first_day(datetime.fromtimestamp(quarter / 1000, zone).date())
        return int(datetime(first.year, first.month, first.day, tzinfo=zone).timestamp()) * 1000

    def start_of(at: int) -> int:
        return start_of_quarter(at - at % QUARTER_MS)

    return Buckets(QUARTER_MS, start_of, days * DAY_MS - 3 * 3_600_000, zone.key)


def _every(days: int) -> FirstDay:
    """Several days together are counted from 1970-01-01."""

    def first_day(day: date) -> date:
        return day - timedelta(days=(day.toordinal() - EPOCH_DAY) % days)

    return first_day


def buckets_for(
    *, interval_ms: int | None = None, interval: str | None = None, zone: ZoneInfo | None = None
) -> Buckets:
    """Epoch-aligned buckets; the calendar's from a day up when a time zone is given.

    `interval` is a word of the calendar: day, week (from Monday) or month; without a zone it is UTC's.
    """
    utc_or_zone = zone or ZoneInfo("UTC")
    if interval == "month":
        return calendar_buckets(utc_or_zone, lambda day: day.replace(day=1), days=28)
    if interval == "week":
        return calendar_buckets(utc_or_zone, lambda day: day - timedelta(days=day.weekday()), days=7)
    if interval == "day":
        return calendar_buckets(utc_or_zone, _every(1), days=1)
    assert interval_ms is not None
    if zone is not None and interval_ms >= DAY_MS and interval_ms % DAY_MS == 0:
        return calendar_buckets(zone, _every(interval_ms // DAY_MS), days=interval_ms // DAY_MS)
    return fixed_buckets(interval_ms)


def day_of(at: int, zone: str) -> int:
    """The midnight with which the calendar day of a moment begins, in ms."""
    return _days_of(zone).start_of(at)


def day_from(at: int, zone: str) -> int:
    """The first midnight that is not before a moment."""
    midnight = day_of(at, zone)
    return midnight if midnight == at else day_after(midnight, zone)


def day_after(midnight: int, zone: str) -> int:
    """The next midnight, 23 to 25 hours later."""
    return day_of(midnight + 26 * 3_600_000, zone)


@lru_cache(maxsize=8)
def _days_of(zone: str) -> Buckets:
    return calendar_buckets(ZoneInfo(zone), _every(1), days=1)
