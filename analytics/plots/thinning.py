"""Lines with no more points than a screen has: what the eye would see of all of them."""

from collections.abc import Iterable, Sequence

Point = tuple[float, float]


def runs(points: Iterable[tuple[float, float | None]]) -> list[list[Point]]:
    """The stretches of a line between its breaks."""
    found: list[list[Point]] = [[]]
    for x, y in points:
        if y is not None:
            found[-1].append((x, y))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def thinned(run: Sequence[Point], *, every: float = 1.0) -> list[Point]:
    """First, lowest, highest and last point of every column of `every` CSS px, in their order."""
    kept: list[Point] = []
    column: list[Point] = []
    for point in [*run, None]:
        if point is not None and (not column or point[0] // every == column[0][0] // every):
            column.append(point)
            continue
        if len(column) > 4:
            lowest, highest = min(column, key=_height), max(column, key=_height)
            chosen = {id(one) for one in (column[0], lowest, highest, column[-1])}
            column = [one for one in column if id(one) in chosen]
        kept += column
        column = [point] if point is not None else []
    return kept


def _height(point: Point) -> float:
    return point[1]
