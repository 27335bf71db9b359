from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from factory.errors import InvalidInput
from telemetry import sql
from telemetry.aggregate import aggregate, bucket_rule, longest_bucket_count
from telemetry.downsample import keep_extremes
from telemetry.models import State

T = TypeVar("T")

RAW_ROWS_LIMIT = 2_000_000
BUCKETS_LIMIT = 10_000


def _checked_range(start: int, end: int) -> None:
    if end <= start:
        raise InvalidInput.at("endTime", "must be after startTime")


def readings_of(
    *, device_id: int, start: int, end: int, limit: int, max_points: int | None = None
) -> list[tuple[int, dict[str, float]]]:
    """(timestamp, data) of a device in [start, end), ascending.

    The newest `limit` rows; or, with `max_points`, as many rows of the whole range, extremes kept.
    """
    _checked_range(start, end)
    if max_points is None:
        return sql.newest_readings(device_id, start, end, limit)
    metrics = len(latest_values(device_ids=[device_id]).get(device_id, {}))
    rows = ((at, data) for _, at, data in _bounded(sql.stream_readings([device_id], start, end)))
    return keep_extremes(rows, start=start, end=end, max_points=max_points, metrics=metrics)


def latest_values(*, device_ids: Sequence[int]) -> dict[int, dict[str, tuple[float, int]]]:
    """{device: {metric: (value, timestamp)}}: the newest value of each metric."""
    rows = State.objects.filter(device_id__in=device_ids).values_list("device_id", "latest")
    return {device: {m: (value, at) for m, (value, at) in latest.items()} for device, latest in rows}


def aggregated(
    *,
    device_ids: Sequence[int],
    start: int,
    end: int,
    interval_ms: int,
    time_zone: str | None = None,
    metrics: Iterable[str] | None = None,
) -> list[dict]:
    """Readings of several devices in [start, end) as buckets, ascending, empty ones left out.

    Exact to the last commit: computed from the raw readings.
    """
    _checked_range(start, end)
    if longest_bucket_count(start, end, interval_ms) > BUCKETS_LIMIT + 2:
        raise InvalidInput.at("intervalMs", f"gives more than {BUCKETS_LIMIT} buckets; take a longer one")
    rows = _bounded(sql.stream_readings(device_ids, start, end))
    buckets = aggregate(rows, bucket_of=bucket_rule(interval_ms, time_zone))
    wanted = None if metrics is None else set(metrics)
    return [buckets[at].as_row(at, metrics=wanted) for at in sorted(buckets)]


def _bounded(rows: Iterator[T]) -> Iterator[T]:
    for number, row in enumerate(rows):
        if number >= RAW_ROWS_LIMIT:
            raise InvalidInput.at(
                "startTime", f"the range holds more than {RAW_ROWS_LIMIT} readings; take a shorter one"
            )
        yield row
