"""Hatches as lines that end where their area does: patterns and clips are beyond what prints our plots."""

from math import ceil, floor

from analytics.plots.sheet import px


def rising(x: float, y: float, width: float, height: float, gap: float = 6) -> str:
    """Lines like `/` over an area; those of neighbours meet, because all are counted from the corner."""
    right, bottom = x + width, y + height
    parts = []
    for place in range(ceil((x + y) / gap), floor((right + bottom) / gap) + 1):
        total = place * gap
        left, end = max(x, total - bottom), min(right, total - y)
        if end > left:
            parts.append(f"M{px(left)} {px(total - left)}L{px(end)} {px(total - end)}")
    return "".join(parts)


def falling(x: float, y: float, width: float, height: float, gap: float = 6) -> str:
    """Lines like a backslash."""
    right, bottom = x + width, y + height
    parts = []
    for place in range(ceil((x - bottom) / gap), floor((right - y) / gap) + 1):
        total = place * gap
        left, end = max(x, total + y), min(right, total + bottom)
        if end > left:
            parts.append(f"M{px(left)} {px(left - total)}L{px(end)} {px(end - total)}")
    return "".join(parts)


def upright(x: float, y: float, width: float, height: float, gap: float = 4) -> str:
    """Upright lines; at least one."""
    count = max(1, floor(width / gap))
    first = x + (width - (count - 1) * gap) / 2
    return "".join(f"M{px(first + place * gap)} {px(y)}V{px(y + height)}" for place in range(count))


def level(x: float, y: float, width: float, height: float, gap: float = 4) -> str:
    """Level lines."""
    rows = range(ceil(y / gap), floor((y + height) / gap) + 1)
    return "".join(f"M{px(x)} {px(row * gap)}H{px(x + width)}" for row in rows)
