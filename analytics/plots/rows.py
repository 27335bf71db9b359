"""What plots of named rows share: the name beside its bar, or above it where there is no room."""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.plots.frame import NARROW_BELOW
from analytics.plots.lettering import SMALL, width_of
from analytics.plots.sheet import Sheet

BAR = 16.0
_WIDEST_NAME = 0.3  # of the sheet
_GAP = 14.0
_WIDE_ROW, _NARROW_ROW = 28.0, 42.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the bars lie and where the columns of figures end, in CSS px."""

    left: float
    right: float
    columns: tuple[float, ...]
    width: float
    is_narrow: bool

    @property
    def height(self) -> float:
        return _NARROW_ROW if self.is_narrow else _WIDE_ROW

    def bar_y(self, top: float) -> float:
        return top + (self.height - BAR - 4 if self.is_narrow else (self.height - BAR) / 2)

    def baseline(self, top: float) -> float:
        """Of the name and of the figures."""
        return top + (14 if self.is_narrow else self.height / 2 + 4.5)


def rows_for(
    names: Sequence[str], figures: Sequence[Sequence[str]], width: float, *, heads: Sequence[str] = ()
) -> Rows:
    """Columns as wide as their widest figure at the right, names up to a third of the width, bars in between."""
    if width < NARROW_BELOW:
        return Rows(0.0, width, (), width, is_narrow=True)
    name = min(max(width_of(name, is_strong=True) for name in names) + 2, _WIDEST_NAME * width)
    ends, end = [], width
    for column in reversed(range(len(figures[0]))):
        ends.append(end)
        widest = max(width_of(row[column], is_strong=True) for row in figures)
        end -= max(widest, width_of(heads[column], SMALL) if heads else 0) + _GAP
    return Rows(name + _GAP, end, tuple(reversed(ends)), width, is_narrow=False)


def draw_heads(sheet: Sheet, rows: Rows, heads: Sequence[str]) -> None:
    for end, head in zip(rows.columns, heads, strict=True):
        sheet.text("text", end, 12, head, anchor="end", size=SMALL)


def draw_words(
    sheet: Sheet, rows: Rows, top: float, name: str, figures: Sequence[str], *, look: str = "value"
) -> None:
    """The name at the left, which gives way to the figures; those in columns, or joined where it is narrow."""
    baseline = rows.baseline(top)
    if not rows.is_narrow:
        sheet.text(look, 0, baseline, name, room=rows.left - _GAP)
        for end, figure in zip(rows.columns, figures, strict=True):
            sheet.text(look, end, baseline, figure, anchor="end")
        return
    joined = " · ".join(filter(None, figures))
    sheet.text(look, 0, baseline, name, room=max(0, rows.width - width_of(joined, is_strong=True) - _GAP))
    sheet.text(look, rows.width, baseline, joined, anchor="end", room=rows.width)
