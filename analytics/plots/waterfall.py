"""From a whole down through what was lost to what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from django.utils.safestring import SafeString

from analytics.plots.digits import Digits, digits_for, percent
from analytics.plots.hatching import falling, rising
from analytics.plots.rows import BAR, Rows, draw_words, rows_for
from analytics.plots.scale import FLAT
from analytics.plots.sheet import Sheet, nothing


@dataclass(frozen=True, slots=True)
class Step:
    """What is taken away (below 0) or added."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`total` and the steps make the result."""

    total_label: str
    total: float
    steps: Sequence[Step]
    result_label: str
    unit: str


def draw(figure: Waterfall, *, width: float) -> SafeString:
    """A row each; every loss begins where the one before it ended."""
    heights = list(accumulate((step.value for step in figure.steps), initial=figure.total))
    if not figure.steps and figure.total == 0:
        return nothing(width)
    digits = digits_for([figure.total, heights[-1], *(step.value for step in figure.steps)])
    names = [figure.total_label, *(step.label for step in figure.steps), figure.result_label]
    texts = [
        _texts(figure, digits, figure.total),
        *(_texts(figure, digits, step.value, is_step=True) for step in figure.steps),
        _texts(figure, digits, heights[-1]),
    ]
    rows = rows_for(names, texts, width)
    sheet = Sheet(width, rows.height * len(names) + 6)
    low, high = min(0.0, *heights), max(0.0, *heights)
    reach = (high - low) or 1.0

    def x(value: float) -> float:
        return rows.left + (rows.right - rows.left) * (value - low) / reach

    begins = [0.0, *heights[:-1], 0.0]
    ends = [heights[0], *heights[1:], heights[-1]]
    for place, name in enumerate(names):
        is_step = 0 < place < len(names) - 1
        draw_words(
            sheet, rows, rows.height * place, name, texts[place], look="value" if is_step else "strong"
        )
        left, right = sorted((x(begins[place]), x(ends[place])))
        y = rows.bar_y(rows.height * place)
        _draw_bar(sheet, place, len(names), ends[place] - begins[place], left, y, right - left)
        if place < len(names) - 1:
            _draw_drop(sheet, rows, x(heights[place]), y)
    sheet.line("axis", x(0), 0, x(0), sheet.height - 6)
    return sheet.svg()


def _texts(figure: Waterfall, digits: Digits, value: float, *, is_step: bool = False) -> tuple[str, str]:
    """(`−42 h`, `8.3 %`): the value, with its sign where it is a step, and its share of the total."""
    sign = "+" if is_step and value > 0 else ""
    text = f"{sign}{digits(value)} {figure.unit}".strip()
    if abs(figure.total) <= FLAT * abs(value):
        return text, ""
    return text, percent(abs(value) / abs(figure.total) if is_step else value / figure.total)


def _draw_bar(sheet: Sheet, place: int, count: int, change: float, x: float, y: float, width: float) -> None:
    if place == 0:
        sheet.rect("bar", x, y, width, BAR)
    elif place == count - 1:
        sheet.rect("good", x, y, width, BAR)
    elif width > 0:
        sheet.rect("loss", x, y, max(width, 1), BAR)
        hatch = falling if change > 0 else rising
        sheet.path("stripe", hatch(x, y, width, BAR, 6))
        sheet.rect("edge", x, y, max(width, 1), BAR)


def _draw_drop(sheet: Sheet, rows: Rows, x: float, y: float) -> None:
    """The thin line from the end of one bar to the beginning of the next."""
    gap = rows.height - BAR
    if not rows.is_narrow:
        sheet.line("moment", x, y + BAR, x, y + BAR + gap)
