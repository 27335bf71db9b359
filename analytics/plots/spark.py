"""A course in the size of a word."""

from collections.abc import Sequence

from django.utils.safestring import SafeString

from analytics.plots.scale import FLAT
from analytics.plots.sheet import Sheet, px
from analytics.plots.thinning import Point, runs, thinned

_EDGE = 3.0  # CSS px that the dot of the last value needs


def draw(values: Sequence[float | None], *, width: float = 120, height: float = 28) -> SafeString:
    """Values at even distances, None where the line breaks, a dot at the last; a dashed line for none at all."""
    sheet = Sheet(width, height)
    known = [value for value in values if value is not None]
    if not known:
        sheet.line("bound", _EDGE, height / 2, width - _EDGE, height / 2)
        return sheet.svg()
    low, high = min(known), max(known)
    is_flat = high - low <= FLAT * max(abs(low), abs(high))
    step = (width - 2 * _EDGE) / max(1, len(values) - 1)

    def y(value: float) -> float:
        share = 0.5 if is_flat else (value - low) / (high - low)
        return height - _EDGE - (height - 2 * _EDGE) * share

    places = ((_EDGE + step * place, None if one is None else y(one)) for place, one in enumerate(values))
    found = runs(places)
    course, alone = "", list[Point]()
    for run in found:
        if len(run) > 1:
            course += "M" + "L".join(f"{px(x)} {px(up)}" for x, up in thinned(run))
        else:
            alone += run
    sheet.path("line-1", course)
    for x, up in [*alone, found[-1][-1]]:
        sheet.dot("point-1", x, up, 2.4)
    return sheet.svg()
