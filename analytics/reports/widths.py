"""How wide the columns of a printed table are: what lays paper out gives every column the same. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics.plots.lettering import width_of

# Points, as the stylesheet of paper has them.
LINE = 493.0
SIZE = 8.5
PADDING = 10.0
PADDING_AFTER_NUMBER = 24.0
SLACK = 1.04  # how far off measuring may be


@dataclass(frozen=True, slots=True)
class Content:
    """What a column holds; what is not `is_broken` stays on one line."""

    head: str
    texts: Sequence[str]
    is_broken: bool = True
    is_after_number: bool = False

    @property
    def padding(self) -> float:
        return PADDING_AFTER_NUMBER if self.is_after_number else PADDING


def widths_of(columns: Sequence[Content]) -> list[float]:
    """Of each column in percent, together 100: all of it on one line where there is room, else what it needs."""
    least = [_least(column) for column in columns]
    full = [max(low, _widest(one.texts) + one.padding) for low, one in zip(least, columns, strict=True)]
    more, room = sum(full) - sum(least), max(0.0, LINE - sum(least))
    share = min(1.0, room / more) if more else 1.0
    wanted = [low + (most - low) * share for low, most in zip(least, full, strict=True)]
    return [round(100 * width / sum(wanted), 2) for width in wanted]


def _least(column: Content) -> float:
    words = (word for text in column.texts for word in text.split()) if column.is_broken else column.texts
    widest = min(_widest(words), LINE / 3)
    return max(_widest(column.head.split(), is_strong=True), widest) + column.padding


def _widest(texts: Iterable[str], *, is_strong: bool = False) -> float:
    widths = (width_of(text, SIZE, is_strong=is_strong) for text in texts)
    return SLACK * max(widths, default=0.0)
