"""Buckets over raw readings: pure, so that it can be held against brute force."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from telemetry.metrics import DECLARED

DAY_MS = 86_400_000
EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal()

BucketOf = Callable[[int], int]


class Figures:
    """Count, sum, extremes and last value of one metric in one bucket."""

    __slots__ = ("count", "last", "last_at", "max", "min", "sum")

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.min = float("inf")
        self.max = float("-inf")
        self.last = 0.0
        self.last_at = -1

    def add(self, value: float, at: int) -> None:
        self.count += 1
        self.sum += value
        if value < self.min:
            self.min = value
        if value > self.max:
            self.max = value
        if at >= self.last_at:
            self.last, self.last_at = value, at

    @property
    def avg(self) -> float:
        return self.sum / self.count

    def as_dict(self) -> dict[str, float]:
        return {
            "avg": self.avg,
            "min": self.min,
            "max": self.max,
            "sum": self.sum,
            "count": self.count,
            "last": self.last,
        }


def fixed_buckets(interval_ms: int) -> BucketOf:
    """Buckets of a fixed length, aligned to the epoch."""
    return lambda at: at - at % interval_ms


def calendar_buckets(days: int, zone: ZoneInfo) -> BucketOf:
    """Buckets of whole calendar days in a time zone, so that a day may have 23 or 25 hours.

    Several days together are counted from 1970-01-01.
    """
    starts: dict[int, int] = {}

    def bucket(at: int) -> int:
        ordinal = datetime.fromtimestamp(at / 1000, zone).date().toordinal() - EPOCH_DAY
        first = ordinal - ordinal % days
        if first not in starts:
            day = datetime.fromordinal(first + EPOCH_DAY).replace(tzinfo=zone)
            starts[first] = int(day.astimezone(UTC).timestamp() * 1000)
        return starts[first]

    return bucket


def bucket_rule(interval_ms: int, time_zone: str | None) -> BucketOf:
    """Epoch-aligned buckets; the plant's calendar from a day up when a time zone is given."""
    if time_zone and interval_ms >= DAY_MS and interval_ms % DAY_MS == 0:
        return calendar_buckets(interval_ms // DAY_MS, ZoneInfo(time_zone))
    return fixed_buckets(interval_ms)


def longest_bucket_count(start: int, end: int, interval_ms: int) -> int:
    """How many buckets a range can touch at most."""
    shortest = interval_ms - (timedelta(hours=3) // timedelta(milliseconds=1) if interval_ms >= DAY_MS else 0)
    return (end - start) // shortest + 2


class Bucket:
    """All figures of one bucket; `count` is the number of readings."""

    __slots__ = ("count", "metrics")

    def __init__(self) -> None:
        self.count = 0
        self.metrics: dict[str, Figures] = {}

    def as_row(self, start: int, *, metrics: set[str] | None) -> dict[str, Any]:
        """The bucket as clients know it; `metrics` narrows the free-form part."""
        row: dict[str, Any] = {"timestamp": start, "count": self.count}
        for metric in DECLARED:
            figures = self.metrics.get(metric.key)
            row[f"avg{metric.key.capitalize()}"] = figures.avg if figures else None
        row["metrics"] = {
            key: figures.as_dict()
            for key, figures in sorted(self.metrics.items())
            if metrics is None or key in metrics
        }
        return row


def aggregate(rows: Iterable[tuple[int, int, dict[str, float]]], *, bucket_of: BucketOf) -> dict[int, Bucket]:
    """Fold (device, timestamp, data) rows into buckets by their start."""
    buckets: dict[int, Bucket] = {}
    for _, timestamp, data in rows:
        start = bucket_of(timestamp)
        bucket = buckets.get(start)
        if bucket is None:
            bucket = buckets[start] = Bucket()
        bucket.count += 1
        for metric, value in data.items():
            figures = bucket.metrics.get(metric)
            if figures is None:
                figures = bucket.metrics[metric] = Figures()
            figures.add(value, timestamp)
    return buckets
