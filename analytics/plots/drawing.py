"""A plot that can be drawn in any width: once for a desk, once for a phone, once for print."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.safestring import SafeString

# In CSS px. A page stretches a sheet to its panel: from these widths words come out at 10 to 16 px, on a
# tablet as on a large screen. A printed line of 174 mm sets them in 8.5 pt.
WIDE, NARROW, PRINT = 800.0, 360.0, 720.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """What draws it for a width, what it says to somebody who cannot see it, and a line below it."""

    at: Callable[[float], SafeString]
    label: str
    caption: str = ""
