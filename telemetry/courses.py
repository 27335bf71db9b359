"""The course of a device over any range, thinned for a chart, with every extreme kept.

A short range is read from raw. Of a long one the rollups know the extremes and when they were; raw is read for
what they do not tell, and for the rows that are drawn.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from telemetry import mark_sql, rollup_sql, sql
from telemetry.downsample import keep_extremes, width_of_spans
from telemetry.fold import QUARTER_MS, Row, quarter_of, runs_of
from telemetry.mark_sql import NEVER
from telemetry.reach import TooManyRows
from telemetry.retention import raw_is_there

LONG_SPAN_MS = 2 * QUARTER_MS  # from spans of this width on the rollups are asked


def course(
    *, device_id: int, start: int, end: int, max_points: int, metrics: Iterable[str], rows_limit: int
) -> list[Row]:
    """About `max_points` (timestamp, data) of [start, end), ascending; raises `TooManyRows`.

    Where raw has been archived already, the extremes of every quarter of an hour are what there is, and a row holds
    only the metrics whose extreme it is.
    """
    names = sorted(metrics)
    spans = {"start": start, "end": end, "max_points": max_points, "metrics": len(names)}
    with sql.snapshot():
        if not names:
            return []
        if width_of_spans(**spans) < LONG_SPAN_MS and raw_is_there(start, end):
            return keep_extremes(_bounded(device_id, [(start, end)], rows_limit), **spans)
        kept = keep_extremes(_extremes(device_id, names, start, end, rows_limit), **spans)
        whole = sql.select_readings({device_id: {at for at, _ in kept}}) if kept else {}
        return [(at, whole.get((device_id, at), data)) for at, data in kept]


def _extremes(device_id: int, names: list[str], start: int, end: int, rows_limit: int) -> Iterator[Row]:
    """Rows that hold the extremes of every quarter, ascending: from the rollups, and from raw what they lack."""
    first, last = -(-start // QUARTER_MS) * QUARTER_MS, quarter_of(end)
    mark = mark_sql.watermarks([device_id]).get(device_id)
    rolled_to = mark.rolled_to if mark else NEVER
    dirty = mark_sql.dirty_quarters([device_id]).get(device_id, {})
    stale = [bucket for bucket in dirty if first <= bucket < last and bucket <= rolled_to]
    edges = [(start, min(first, end)), (max(first, last), end)]  # of one quarter when all lies in it
    windows = [*edges, *runs_of(stale), (max(first, rolled_to + 1), last)]
    points: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for bucket, metric, low, low_at, high, high_at in rollup_sql.quarter_extremes(
        device_id, names, first, last
    ):
        if bucket not in dirty:
            points[low_at][metric] = low
            points[high_at][metric] = high
    for at, data in _bounded(device_id, [window for window in windows if window[0] < window[1]], rows_limit):
        points[at] |= data
    for at in sorted(points):
        yield at, points[at]


def _bounded(device_id: int, windows: Iterable[tuple[int, int]], rows_limit: int) -> Iterator[Row]:
    rows = chain.from_iterable(sql.stream_windows([(device_id, lo, hi)]) for lo, hi in windows)
    for _, row in islice(rows, rows_limit):
        yield row
    if next(rows, None) is not None:
        raise TooManyRows
