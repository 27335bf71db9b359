"""How far along each of a few shares is: bars with a mark at their target."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from analytics.plots.frame import NARROW_BELOW, bounded
from analytics.plots.lettering import SMALL, width_of
from analytics.plots.sheet import Sheet, nothing, px
from analytics.writing import number, short_number

_WIDE_ROW, _NARROW_ROW = 40.0, 56.0
_RAIL, _BAR = 18.0, 8.0
_WIDEST_NAME = 0.3


@dataclass(frozen=True, slots=True)
class Level:
    """A value in percent, None where it is not known; `band` is what is normal, `target` what is wanted."""

    label: str
    value: float | None
    target: float | None = None
    band: tuple[float, float] | None = None


def draw(levels: Sequence[Level], *, width: float) -> SafeString:
    """A row each, from 0 to 100 %; what is above goes to the edge with an arrow and says its number."""
    if not levels:
        return nothing(width)
    is_narrow = width < NARROW_BELOW
    widest = max(width_of(level.label) for level in levels) + 16
    left = 0.0 if is_narrow else min(widest, _WIDEST_NAME * width)
    texts = [(_value(level), _target(level)) for level in levels]
    column = max(max(width_of(value, 13, is_strong=True), width_of(target, SMALL)) for value, target in texts)
    right = width if is_narrow else width - column - 22
    row = _NARROW_ROW if is_narrow else _WIDE_ROW
    sheet = Sheet(width, row * len(levels) + 4)
    for place, (level, (value, target)) in enumerate(zip(levels, texts, strict=True)):
        top = row * place
        if is_narrow:
            tail = width_of(value, 13, is_strong=True) + 10
            name = max(0, width - tail - width_of(target, SMALL) - 14)
            sheet.text("value", 0, top + 17, level.label, room=name)
            sheet.text("strong", width, top + 17, value, anchor="end", size=13, room=width)
            room = max(0, width - tail)
            sheet.text("text", room, top + 17, target, anchor="end", size=SMALL, room=room)
        else:
            sheet.text("value", 0, top + row / 2 + 4.5, level.label, room=left - 16)
            baseline = top + row / 2 + (-1.5 if target else 4.5)
            sheet.text("strong", width, baseline, value, anchor="end", size=13)
            sheet.text("text", width, top + row / 2 + 13, target, anchor="end", size=SMALL)
        _draw_bar(sheet, level, left, right, top + (24 if is_narrow else (row - _RAIL) / 2))
    return sheet.svg()


def _value(level: Level) -> str:
    return "–" if level.value is None else f"{number(level.value, 1)} %".replace("-", "−")


def _target(level: Level) -> str:
    """What the value is held against, and in words when it falls short."""
    if level.target is None:
        return ""
    is_short = level.value is not None and level.value < level.target
    if is_short:
        return gettext("below target %(target)s %%") % {"target": bounded(level.target)}
    return target_words(level.target)


def target_words(target: float) -> str:
    return gettext("target %(target)s %%") % {"target": bounded(target)}


def _draw_bar(sheet: Sheet, level: Level, left: float, right: float, y: float) -> None:
    def x(value: float) -> float:
        return left + (right - left) * min(1.0, max(0.0, value / 100))

    middle = y + _RAIL / 2
    if level.value is None:
        sheet.rect("frame", left + 0.5, y + 0.5, right - left - 1, _RAIL - 1)
    else:
        title = f"{level.label}: {_value(level)}"
        sheet.rect("rail", left, y, right - left, _RAIL, title=title)
        if level.band:
            low, high = level.band
            normal = gettext("normal %(low)s to %(high)s %%") % {
                "low": short_number(low),
                "high": short_number(high),
            }
            sheet.rect("band", x(low), y, x(high) - x(low), _RAIL, title=normal)
        if x(level.value) > left:
            sheet.rect("bar", left, middle - _BAR / 2, x(level.value) - left, _BAR, title=title)
        if level.value > 100:
            tip = f"M{px(right - 9)} {px(middle - 7)}L{px(right)} {px(middle)}L{px(right - 9)} {px(middle + 7)}Z"
            sheet.path("target", tip, title=title)
    if level.target is not None:
        at = min(max(x(level.target), left + 1), right - 1)
        sheet.rect("target", at - 1, y - 3, 2, _RAIL + 6, title=target_words(level.target))
