"""What the marks mean, in rows that fit the width."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analytics.plots.lettering import SMALL, width_of
from analytics.plots.sheet import Sheet

ROW = 18.0
SWATCH, SWATCH_HEIGHT = 16.0, 10.0
_AFTER_SWATCH, _BETWEEN = 6.0, 16.0
Sample = Callable[[Sheet, float, float], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A word, and what draws its sample into 16 × 10 CSS px from (x, y)."""

    label: str
    draw: Sample


@dataclass(frozen=True, slots=True)
class Legend:
    """Entries with their places: (entry, x, row)."""

    placed: tuple[tuple[Entry, float, int], ...]
    rows: int
    width: float

    @property
    def height(self) -> float:
        return self.rows * ROW

    def draw(self, sheet: Sheet, y: float) -> None:
        for entry, x, row in self.placed:
            middle = y + row * ROW + ROW / 2
            entry.draw(sheet, x, middle - SWATCH_HEIGHT / 2)
            left = x + SWATCH + _AFTER_SWATCH
            sheet.text("text", left, middle + 4, entry.label, size=SMALL, room=self.width - left)


def legend_of(entries: Sequence[Entry], width: float, *, after: float = 0) -> Legend:
    """The entries from left to right; the first row begins `after` what already stands there."""
    placed: list[tuple[Entry, float, int]] = []
    x, row = (after + _BETWEEN if after else 0.0), 0
    for entry in entries:
        needed = SWATCH + _AFTER_SWATCH + width_of(entry.label, SMALL)
        if x + needed > width and x > 0:
            x, row = 0.0, row + 1
        placed.append((entry, x, row))
        x += needed + _BETWEEN
    rows = row + 1 if placed or after else 0
    return Legend(tuple(placed), rows, width)
