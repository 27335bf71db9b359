"""Single samples of one metric, for rooms that look at what exactly a device said when. Raw readings only."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter

from telemetry import mark_sql, sql
from telemetry.fold import runs_of
from telemetry.reach import TooManyRows

Points = list[tuple[int, float]]  # (ms, value), ascending
Wanted = tuple[str, int, int]  # metric, from, to (exclusive)


def samples_in(
    wanted: Mapping[int, Wanted], *, rows_limit: int | None = None
) -> Iterator[tuple[int, Points]]:
    """(device, points) of one metric and window of each of some devices that have any; in order of devices.

    Raises `TooManyRows` past a limit of readings that are looked at, whatever they measure.
    """
    windows = [(device_id, start, end) for device_id, (_, start, end) in wanted.items() if start < end]
    looked_at = 0
    for device_id, rows in groupby(sql.stream_windows(windows), key=itemgetter(0)):
        metric = wanted[device_id][0]
        points = []
        for _, (at, data) in rows:
            looked_at += 1
            if rows_limit is not None and looked_at > rows_limit:
                raise TooManyRows
            if metric in data:
                points.append((at, data[metric]))
        yield device_id, points


def sample_before(device_id: int, metric: str, at: int) -> tuple[int, float] | None:
    """The last sample of a metric before a moment, as far as raw readings reach."""
    row = sql.neighbour(device_id, metric, at, before=True)
    return (row[0], row[1][metric]) if row else None


def sample_from(device_id: int, metric: str, at: int) -> tuple[int, float] | None:
    """The first sample of a metric from a moment on."""
    row = sql.neighbour(device_id, metric, at, before=False)
    return (row[0], row[1][metric]) if row else None


def last_reading_in(device_id: int, start: int, end: int) -> int | None:
    """When a device measured anything the last time in [start, end), ms; None where it did not."""
    found = sql.newest_readings(device_id, start, end, 1)
    return found[0][0] if found else None


def late_spans(device_ids: list[int]) -> dict[int, list[tuple[int, int]]]:
    """{device: spans} in which something came late that no worker has looked at yet."""
    return {
        device_id: [(start, end) for start, end in runs_of(buckets)]
        for device_id, buckets in mark_sql.dirty_quarters(device_ids).items()
    }


__all__ = [
    "Points",
    "TooManyRows",
    "Wanted",
    "last_reading_in",
    "late_spans",
    "sample_before",
    "sample_from",
    "samples_in",
]
