"""How severe: a square with a ring, a triangle, a circle, each with a hatch of its own."""

from enum import StrEnum

from django.utils.translation import gettext_lazy

from analytics.plots.hatching import falling, level, rising
from analytics.plots.sheet import Sheet, px


class Severity(StrEnum):
    """Worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


WORDS = {
    Severity.CRITICAL: gettext_lazy("critical"),
    Severity.WARNING: gettext_lazy("warning"),
    Severity.INFO: gettext_lazy("info"),
}


def word_of(severity: Severity) -> str:
    return str(WORDS[severity])


def draw_mark(sheet: Sheet, severity: Severity, x: float, y: float) -> None:
    """The shape that stands for it everywhere, around (x, y)."""
    if severity is Severity.CRITICAL:
        sheet.rect("critical-mark", x - 2.8, y - 2.8, 5.6, 5.6)
        sheet.rect("critical-ring", x - 4.8, y - 4.8, 9.6, 9.6, round_by=1)
    elif severity is Severity.WARNING:
        sheet.path("warning-mark", f"M{px(x)} {px(y - 5)}L{px(x + 5.2)} {px(y + 4)}H{px(x - 5.2)}Z")
    else:
        sheet.dot("info-mark", x, y, 4)


def draw_shade(
    sheet: Sheet, severity: Severity, x: float, y: float, width: float, height: float, title: str
) -> None:
    """A tint with the hatch of its severity: dense rising, falling, level lines."""
    sheet.rect(f"{severity.value}-tint", x, y, width, height, title=title)
    if severity is Severity.CRITICAL:
        lines = rising(x, y, width, height, 6)
    elif severity is Severity.WARNING:
        lines = falling(x, y, width, height, 10)
    else:
        lines = level(x, y, width, height, 10)
    sheet.path(f"{severity.value}-hatch", lines)
