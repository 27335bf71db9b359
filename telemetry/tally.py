"""What the samples of one metric come to in one span of time: pure."""

from collections.abc import Iterable
from typing import Any

READINGS = ""  # the metric under which the readings themselves are counted

FIELDS = (
    "count",
    "sum",
    "min",
    "min_at",
    "max",
    "max_at",
    "first",
    "first_at",
    "last",
    "last_at",
    "integral",
    "covered_ms",
    "increase",
    "resets",
    "rollovers",
)


class Tally:
    """Count, sum, extremes, first and last sample; the integral (unit x seconds), covered time and increase.

    Samples are counted where they lie; an interval between two samples is shared out where it runs. So a span may
    have an integral and no sample: then its values are None.
    """

    __slots__ = FIELDS

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.min: float | None = None
        self.min_at: int | None = None
        self.max: float | None = None
        self.max_at: int | None = None
        self.first: float | None = None
        self.first_at: int | None = None
        self.last: float | None = None
        self.last_at: int | None = None
        self.integral = 0.0
        self.covered_ms = 0
        self.increase: float | None = None  # of a counter
        self.resets = 0  # how often it fell and was counted from 0 again
        self.rollovers = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.as_tuple() == other.as_tuple()

    def __repr__(self) -> str:
        return f"Tally({dict(zip(FIELDS, self.as_tuple(), strict=True))})"

    def as_tuple(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in FIELDS)

    @classmethod
    def of(cls, values: Iterable[Any]) -> "Tally":
        """From values in the order of `FIELDS`."""
        tally = cls()
        for name, value in zip(FIELDS, values, strict=True):
            setattr(tally, name, value)
        return tally

    def add(self, value: float, at: int) -> None:
        """A sample. Samples of one device come in the order of their times."""
        self.count += 1
        self.sum += value
        if self.min is None or value < self.min:
            self.min, self.min_at = value, at
        if self.max is None or value > self.max:
            self.max, self.max_at = value, at
        if self.first_at is None:
            self.first, self.first_at = value, at
        self.last, self.last_at = value, at

    def count_reading(self, at: int) -> None:
        """A reading as such, without a value."""
        self.count += 1
        if self.first_at is None:
            self.first_at = at
        self.last_at = at

    def merge(self, other: "Tally") -> None:
        """Add what another span comes to. Of two values for the same moment the other's wins."""
        self.count += other.count
        self.sum += other.sum
        self.integral += other.integral
        self.covered_ms += other.covered_ms
        if other.increase is not None:
            self.increase = (self.increase or 0.0) + other.increase
        self.resets += other.resets
        self.rollovers += other.rollovers
        if other.min is not None and (self.min is None or other.min < self.min):
            self.min, self.min_at = other.min, other.min_at
        if other.max is not None and (self.max is None or other.max > self.max):
            self.max, self.max_at = other.max, other.max_at
        if other.first_at is not None and (self.first_at is None or other.first_at < self.first_at):
            self.first, self.first_at = other.first, other.first_at
        if other.last_at is not None and (self.last_at is None or other.last_at >= self.last_at):
            self.last, self.last_at = other.last, other.last_at
