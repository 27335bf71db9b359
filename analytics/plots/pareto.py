"""The few that make the most: bars from the largest down, with the share they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, ngettext

from analytics.plots.digits import digits_for, percent
from analytics.plots.hatching import falling
from analytics.plots.lettering import SMALL
from analytics.plots.rows import BAR, Rows, draw_heads, draw_words, rows_for
from analytics.plots.sheet import Sheet, nothing, px

_HEAD = 20.0
_HEADS = (gettext_lazy("value"), gettext_lazy("share"), gettext_lazy("added up"))


@dataclass(frozen=True, slots=True)
class Item:
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Pareto:
    """Items in any order; those after the first `most` are put together."""

    items: Sequence[Item]
    unit: str
    most: int = 12


def draw(figure: Pareto, *, width: float) -> SafeString:
    """A row each; on a wide sheet a line shows how the shares add up to 100 % at the right end of the bars."""
    total = sum(item.value for item in figure.items if item.value > 0)
    if not any(item.value for item in figure.items):
        return nothing(width)
    items = _largest(figure)
    digits = digits_for([item.value for item in items])
    shares = [max(0.0, item.value) / total if total else 0.0 for item in items]
    sums = list(accumulate(shares))
    texts = [
        (f"{digits(item.value)} {figure.unit}".strip(), *_shares(share, reached))
        for item, share, reached in zip(items, shares, sums, strict=True)
    ]
    heads = [str(head) for head in _HEADS]
    rows = rows_for([item.label for item in items], texts, width, heads=heads)
    head = 0.0 if rows.is_narrow else _HEAD
    sheet = Sheet(width, head + rows.height * len(items) + 4)
    if head:
        draw_heads(sheet, rows, heads)
    low, high = min(0.0, *(item.value for item in items)), max(0.0, *(item.value for item in items))
    rest = figure.most if len(items) < len(figure.items) else None

    def x(value: float) -> float:
        return rows.left + (rows.right - rows.left) * (value - low) / ((high - low) or 1.0)

    for place, item in enumerate(items):
        top = head + rows.height * place
        left, right = sorted((x(0), x(item.value)))
        title = f"{item.label}: {' · '.join(texts[place])}"
        sheet.rect("pale" if place == rest else "bar", left, rows.bar_y(top), right - left, BAR, title=title)
        if place == rest:
            sheet.path("stripe", falling(left, rows.bar_y(top), right - left, BAR, 6))
        draw_words(sheet, rows, top, item.label, texts[place])
    if head and total:
        _draw_sums(sheet, rows, sums, head)
    return sheet.svg()


def _largest(figure: Pareto) -> list[Item]:
    ordered = sorted(figure.items, key=lambda item: -item.value)
    if len(ordered) <= figure.most + 1:  # a single one is shown as itself
        return ordered
    rest = ordered[figure.most :]
    others = ngettext("%(count)d other", "%(count)d others", len(rest)) % {"count": len(rest)}
    return [*ordered[: figure.most], Item(others, sum(item.value for item in rest))]


def _shares(share: float, reached: float) -> tuple[str, str]:
    return (percent(share), f"Σ {percent(min(1.0, reached))}") if share else ("", "")


def _draw_sums(sheet: Sheet, rows: Rows, sums: list[float], head: float) -> None:
    """The line of the shares added up, from row to row."""
    reach = rows.right - rows.left
    places = [
        (rows.left + reach * min(1.0, reached), rows.bar_y(head + rows.height * place) + BAR / 2)
        for place, reached in enumerate(sums)
    ]
    sheet.line("grid", rows.right, head, rows.right, sheet.height - 4)
    sheet.text("text", rows.right, 12, "100 %", anchor="end", size=SMALL)
    sheet.path("sum", "M" + "L".join(f"{px(x)} {px(y)}" for x, y in places))
    for x, y in places:
        sheet.dot("dot", x, y, 2.4)
