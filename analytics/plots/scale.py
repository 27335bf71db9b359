"""From values to places: an axis with round figures on it."""

from dataclasses import dataclass
from math import ceil, floor, log10

from analytics.plots.digits import Digits, thousands

FLAT = 1e-6  # values closer together than this share of themselves are drawn as equal
_TINY = 1e-250
_LARGE, _SMALL = 1e7, 1e-3


@dataclass(frozen=True, slots=True)
class Scale:
    """From the lowest to the highest figure on an axis, with the round ones in between."""

    low: float
    high: float
    ticks: tuple[float, ...]
    digits: Digits

    def share(self, value: float) -> float:
        """How far up the axis a value lies, 0 to 1; beyond it for values beyond it."""
        return (value - self.low) / (self.high - self.low)


def scale_for(low: float, high: float, *, most: int = 6, is_from_zero: bool = False) -> Scale:
    """Around `low` to `high` (finite, in this order), in at most `most` (2 or more) steps of 1, 2 or 5."""
    if is_from_zero:
        low, high = min(0.0, low), max(0.0, high)
    largest = max(abs(low), abs(high))
    if largest < _TINY:
        low, high, largest = 0.0, 1.0, 1.0
    elif high - low < FLAT * largest:
        low, high = low - 0.1 * largest, high + 0.1 * largest
        largest = max(abs(low), abs(high))
    lead, power = _step((high - low) / most)
    while True:
        first, last = floor(_steps(low, lead, power) + 1e-9), ceil(_steps(high, lead, power) - 1e-9)
        if last - first <= most:
            break
        lead, power = {1: (2, power), 2: (5, power), 5: (1, power + 1)}[lead]  # rounding outwards cost a step
    ticks = tuple(_times(place * lead, power) for place in range(first, last + 1))
    exponent = thousands(largest) if largest >= _LARGE or largest < _SMALL else 0
    return Scale(ticks[0], ticks[-1], ticks, Digits(max(0, exponent - power), exponent))


def _step(least: float) -> tuple[int, int]:
    """The smallest 1, 2 or 5 times a power of ten that is not below `least`, as (lead, power)."""
    power = floor(log10(least))
    for lead in (1, 2, 5):
        if lead * 10.0**power >= least * (1 - 1e-9):
            return lead, power
    return 1, power + 1


def _steps(value: float, lead: int, power: int) -> float:
    return value / (lead * 10.0**power)


def _times(count: int, power: int) -> float:
    """`count` × 10^`power`, as exact as a float can be: 0.3, not 0.30000000000000004."""
    return float(count * 10**power) if power >= 0 else count / 10**-power
