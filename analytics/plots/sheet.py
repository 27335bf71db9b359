"""SVG text, element by element: the one place that escapes, rounds and writes a tag."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from analytics.plots.lettering import SMALL, TEXT, shortened, width_of
from analytics.plots.looks import LOOKS

NOTHING = gettext_lazy("No figures in this time.")
FAMILY = "Inter, sans-serif"
# What XML cannot say at all, in names as in everything else.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def told(words: str) -> SafeString:
    """Words as they may stand in SVG."""
    return escape(_UNSPEAKABLE.sub("\ufffd", words))


def px(length: float) -> str:
    """A length in hundredths of a CSS px: `12.5`, `3`."""
    text = f"{length:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Sheet:
    """A plot while it is drawn, from back to front, in CSS px from the upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def rect(
        self,
        look: str,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        title: str = "",
        round_by: float = 0,
    ) -> None:
        where = f'x="{px(x)}" y="{px(y)}" width="{px(max(0.0, width))}" height="{px(max(0.0, height))}"'
        self._add("rect", look, where + (f' rx="{px(round_by)}"' if round_by else ""), title)

    def line(self, look: str, x1: float, y1: float, x2: float, y2: float) -> None:
        self._add("line", look, f'x1="{px(x1)}" y1="{px(y1)}" x2="{px(x2)}" y2="{px(y2)}"')

    def path(self, look: str, course: str, *, title: str = "") -> None:
        if course:
            self._add("path", look, f'd="{course}"', title)

    def dot(self, look: str, x: float, y: float, radius: float, *, title: str = "") -> None:
        self._add("circle", look, f'cx="{px(x)}" cy="{px(y)}" r="{px(radius)}"', title)

    def text(
        self,
        look: str,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        size: float = TEXT,
        room: float | None = None,
    ) -> None:
        """One line on the baseline `y`; cut to `room` with the whole of it as hover text."""
        is_strong = "font-weight" in LOOKS[look]
        shown = words if room is None else shortened(words, room, size, is_strong=is_strong)
        if not shown:
            return
        how = f'x="{px(x)}" y="{px(y)}"'
        how += f' font-size="{size:g}"' if size != TEXT else ""
        how += f' text-anchor="{anchor}"' if anchor != "start" else ""
        title = f"<title>{told(words)}</title>" if shown != words else ""
        self._parts.append(f"<text {_dressed(look)} {how}>{told(shown)}{title}</text>")

    @contextmanager
    def group(self, look: str) -> Iterator["Bunch"]:
        """Many marks of one look, which is then said once."""
        bunch = Bunch()
        yield bunch
        if bunch.parts:
            self._parts.append(f"<g {_dressed(look)}>{''.join(bunch.parts)}</g>")

    def svg(self) -> SafeString:
        return mark_safe(
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot-svg" viewBox="0 0 {px(self.width)} {px(self.height)}"'
            f' width="{px(self.width)}" height="{px(self.height)}" font-family="{FAMILY}" font-size="{TEXT:g}">'
            f"{''.join(self._parts)}</svg>"
        )

    def _add(self, tag: str, look: str, how: str, title: str = "") -> None:
        self._parts.append(_element(tag, f"{_dressed(look)} {how}", title))


class Bunch:
    """Marks that say no look of their own."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, *, title: str = "") -> None:
        where = f'x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"'
        self.parts.append(_element("rect", where, title))


def nothing(width: float, height: float = 120, words: str | Promise = NOTHING) -> SafeString:
    """A frame with a sentence, where there is nothing to draw."""
    words = str(words)
    sheet = Sheet(width, height)
    sheet.rect("frame", 0.5, 0.5, width - 1, height - 1, round_by=6)
    size = TEXT if width_of(words) <= width - 16 else SMALL
    sheet.text("text", width / 2, height / 2 + 4, words, anchor="middle", size=size, room=width - 16)
    return sheet.svg()


def _element(tag: str, how: str, title: str) -> str:
    return f"<{tag} {how}><title>{told(title)}</title></{tag}>" if title else f"<{tag} {how}/>"


def _dressed(look: str) -> str:
    attributes = " ".join(f'{name}="{value}"' for name, value in LOOKS[look].items())
    return f'class="p-{look}" {attributes}'
