"""Which bucket a moment belongs to: pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from telemetry.fold import QUARTER_MS

DAY_MS = 86_400_000
EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
CALENDAR = ("day", "week", "month")

FirstDay = Callable[[date], date]


@dataclass(frozen=True)
class Buckets:
    """A way to cut time. Every bucket is made of whole pieces of `step` ms, aligned to the epoch."""

    step: int
    start_of: Callable[[int], int]
    shortest: int  # of a bucket, ms

    def count_at_most(self, start: int, end: int) -> int:
        """How many buckets a range can touch."""
        return (end - start) // self.shortest + 2


def fixed_buckets(interval_ms: int) -> Buckets:
    """Buckets of a fixed length, aligned to the epoch."""
    return Buckets(interval_ms, lambda at: at - at % interval_ms, interval_ms)


def calendar_buckets(zone: ZoneInfo, first_day: FirstDay, *, days: int) -> Buckets:
    """Buckets of whole calendar days in a time zone, so that a day may have 23 or 25 hours.

    `first_day` says with which day the bucket of a day begins; none has fewer than `days`. They are made of
    quarters of an hour, since every time zone is a multiple of that.
    """
    starts: dict[date, int] = {}
    known: dict[int, int] = {}

    def start_of(at: int) -> int:
        quarter = at - at % QUARTER_MS
        found = known.get(quarter)
        if found is None:
            first = first_day(datetime.fromtimestamp(at / 1000, zone).date())
            if first not in starts:
                midnight = datetime(first.year, first.month, first.day, tzinfo=zone)
                starts[first] = int(midnight.timestamp()) * 1000
            found = known[quarter] = starts[first]
        return found

    return Buckets(QUARTER_MS, start_of, days * DAY_MS - 3 * 3_600_000)


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
