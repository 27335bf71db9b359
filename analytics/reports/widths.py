"""How wide the columns of a printed table are: what lays paper out gives every column the same. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics.plots.lettering import width_of

# Points, as the stylesheet of paper has them.
LINE = 493.0
SIZE = 8.5
PADDING = 10.0
PADDING_AFTER_NUMBER = 24.0
POWERS = (1.0, 0.5, 0.75, 1.5, 2.0, 3.0)  # the first of those that do as well
SPACE = 2.5  # behind the last word of a line it takes no room
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
    """Of each column in percent, together 100: all of it on one line where there is room, else what it needs.

    What is left beside that is shared so that there are fewest lines: a single long name takes no room from sentences.
    """
    least = [_least(column) for column in columns]
    full = [max(low, _widest(one.texts) + one.padding) for low, one in zip(least, columns, strict=True)]
    room = LINE - sum(least)
    if sum(full) <= LINE or room <= 0:
        wanted = full if room > 0 else least
    else:
        words = [[_words(text) for text in one.texts] for one in columns]
        shares = [_shared(least, full, room, power) for power in POWERS]
        wanted = min(shares, key=lambda share: _lines(words, share, columns))
    return [round(100 * width / sum(wanted), 2) for width in wanted]


def _shared(least: list[float], full: list[float], room: float, power: float) -> list[float]:
    """The room by what each lacks; the higher the power, the more of it to those that lack most."""
    lacks = [most - low for low, most in zip(least, full, strict=True)]
    weights = [(lack / max(lacks)) ** power if lack else 0.0 for lack in lacks]
    return [
        low + min(lack, room * weight / sum(weights))
        for low, lack, weight in zip(least, lacks, weights, strict=True)
    ]


def _words(text: str) -> list[float]:
    """How wide each word is, with the space behind it."""
    return [SLACK * width_of(f"{word} ", SIZE) for word in text.split()]


def _lines(words: Sequence[Sequence[list[float]]], share: list[float], columns: Sequence[Content]) -> int:
    """How many lines all rows come to."""
    inner = [width - one.padding for width, one in zip(share, columns, strict=True)]
    rows = zip(*words, strict=True)
    return sum(max(_broken(text, width) for text, width in zip(row, inner, strict=True)) for row in rows)


def _broken(words: list[float], width: float) -> int:
    lines, used = 1, 0.0
    for word in words:
        if used and used + word > width + SPACE:
            lines, used = lines + 1, 0.0
        used += word
    return lines


def _least(column: Content) -> float:
    words = (word for text in column.texts for word in text.split()) if column.is_broken else column.texts
    widest = min(_widest(words), LINE / 3)
    return max(_widest(column.head.split(), is_strong=True), widest) + column.padding


def _widest(texts: Iterable[str], *, is_strong: bool = False) -> float:
    widths = (width_of(text, SIZE, is_strong=is_strong) for text in texts)
    return SLACK * max(widths, default=0.0)
