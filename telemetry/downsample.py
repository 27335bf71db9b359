"""Fewer points for a chart, with every extreme kept: pure."""

from collections.abc import Iterable

Row = tuple[int, dict[str, float]]


def width_of_spans(*, start: int, end: int, max_points: int, metrics: int) -> int:
    """How long the spans are of which every metric's lowest and highest value is kept, in ms."""
    spans = max(1, max_points // (2 * max(1, metrics)))
    return max(1, -(-(end - start) // spans))


def keep_extremes(rows: Iterable[Row], *, start: int, end: int, max_points: int, metrics: int) -> list[Row]:
    """At most about `max_points` rows of [start, end), ascending.

    The range is cut into equal spans; of each span the rows that hold a metric's lowest and highest
    value stay, whole, so that no peak is lost. `metrics` is how many metrics the rows hold.
    """
    width = width_of_spans(start=start, end=end, max_points=max_points, metrics=metrics)
    kept: list[Row] = []
    extremes: dict[str, tuple[Row, Row]] = {}
    current = -1
    for row in rows:
        span = (row[0] - start) // width
        if span != current:
            kept += _in_order(extremes)
            extremes, current = {}, span
        for metric, value in row[1].items():
            if metric not in extremes:
                extremes[metric] = (row, row)
                continue
            low, high = extremes[metric]
            if value < low[1][metric]:
                extremes[metric] = (row, high)
            elif value > high[1][metric]:
                extremes[metric] = (low, row)
    return kept + _in_order(extremes)


def _in_order(extremes: dict[str, tuple[Row, Row]]) -> list[Row]:
    unique = {row[0]: row for pair in extremes.values() for row in pair}
    return [unique[timestamp] for timestamp in sorted(unique)]
