"""Figures as they are written: grouped, with the same decimals throughout a plot, powers of ten where they help."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, log10

from django.utils.translation import gettext

from analytics.writing import written

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LARGE, _SMALL = 1e9, 1e-3


@dataclass(frozen=True, slots=True)
class Digits:
    """How many decimals, and which power of ten is taken out (0: none)."""

    decimals: int = 0
    exponent: int = 0

    def __call__(self, value: float) -> str:
        """`1,234.5`, `−3`, `1.2×10⁹`."""
        text = self.bare(value)
        if not self.exponent:
            return text
        return f"{text}×{self.power}" if text.strip("−0.,") else "0"

    def bare(self, value: float) -> str:
        """The same without the power of ten, which then stands elsewhere."""
        text = f"{value / 10**self.exponent:,.{self.decimals}f}"
        if not text.strip("-0."):
            text = text.lstrip("-")
        return written(text.replace("-", "−"))

    @property
    def power(self) -> str:
        return f"10{str(self.exponent).translate(_RAISED)}" if self.exponent else ""

    def unit(self, unit: str) -> str:
        """The unit over an axis of bare figures: `kWh`, `10⁹ kWh`."""
        return f"{self.power} {unit}".strip()


def digits_for(values: Iterable[float]) -> Digits:
    """Three digits of the largest, one behind the point at least; none where there are only whole numbers."""
    known = list(values)
    largest = max(map(abs, known), default=0.0)
    if largest >= _LARGE or 0 < largest < _SMALL:
        return Digits(decimals=2, exponent=thousands(largest))
    if all(value == int(value) for value in known):
        return Digits()
    least = 1 if largest < 1000 else 0
    return Digits(decimals=max(least, 2 - floor(log10(largest)) - (largest < 1)))


def thousands(value: float) -> int:
    """The power of ten of a positive value, in steps of three: 6 for 12,000,000."""
    return max(-300, 3 * floor(floor(log10(value)) / 3))


def percent(share: float) -> str:
    """A share as people read it: `8.3 %`, `42 %`, `under 0.1 %`."""
    value = 100 * share
    if value == 0:
        return "0 %"
    if abs(value) < 0.1:
        return gettext("under %(share)s %%") % {"share": written("0.1")}
    text = f"{value:,.1f}" if abs(value) < 9.95 else f"{value:,.0f}"
    return f"{written(text.replace('-', '−'))} %"
