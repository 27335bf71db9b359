"""The judge: pure. (rule, condition, value, event time) -> the next condition.

Warning and critical are two latches of the same make. A latch closes when `count` readings in a row
were outside its bounds and `hold_ms` have passed since the first of them; it opens again when the
value was inside, by the hysteresis, for `clear_ms`. Outside means below the lower or above the upper
bound, not equal to it. A value holds until the next reading, so a delay runs out without one (`elapse`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

from django.utils.translation import gettext

BOUNDS = ("minValue", "warningMin", "warningMax", "maxValue")  # from low to high
LONGEST_MS = 86_400_000
MOST_IN_A_ROW = 1000


class Level(IntEnum):
    NORMAL = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """What is expected of one metric of one device. Bounds are in the metric's unit, times in ms."""

    id: int
    min_value: float | None = None
    max_value: float | None = None
    warning_min: float | None = None
    warning_max: float | None = None
    hysteresis: float = 0.0
    hold_ms: int = 0
    clear_ms: int = 0
    count: int = 1
    # The innermost bounds: between them is what nearly every reading of a healthy plant is.
    low: float = field(init=False, repr=False, compare=False)
    high: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lows = [bound for bound in (self.min_value, self.warning_min) if bound is not None]
        highs = [bound for bound in (self.max_value, self.warning_max) if bound is not None]
        object.__setattr__(self, "low", max(lows, default=-math.inf))
        object.__setattr__(self, "high", min(highs, default=math.inf))

    def is_critical(self, value: float, *, margin: float = 0.0) -> bool:
        return _is_outside(value, self.min_value, self.max_value, margin)

    def is_warning(self, value: float, *, margin: float = 0.0) -> bool:
        """Outside the warning band; what is critical is a warning too."""
        return _is_outside(value, self.warning_min, self.warning_max, margin) or self.is_critical(
            value, margin=margin
        )

    def bound_crossed(self, value: float, level: Level) -> float | None:
        """The bound that made `value` reach `level`."""
        lower, upper = self.min_value, self.max_value
        if level is Level.WARNING:
            lower = self.warning_min if self.warning_min is not None else lower
            upper = self.warning_max if self.warning_max is not None else upper
        if upper is not None and value > upper:
            return upper
        return lower if lower is not None and value < lower else None


@dataclass(frozen=True, slots=True)
class Latch:
    """One level: whether it holds, and since when and how often the readings have said otherwise."""

    closed: bool = False
    since: int | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """Where one metric of one device stands."""

    warning: Latch = Latch()
    critical: Latch = Latch()

    @property
    def level(self) -> Level:
        if self.critical.closed:
            return Level.CRITICAL
        return Level.WARNING if self.warning.closed else Level.NORMAL


NORMAL = Condition()


def judge(rule: Rule, condition: Condition, value: float, at: int) -> Condition:
    """The condition after a reading of event time `at`; the very same object when nothing changes."""
    if condition is NORMAL and rule.low <= value <= rule.high:
        return condition
    warning, critical = condition.warning, condition.critical
    next_warning = _step(warning, rule.is_warning(value, margin=_margin(warning, rule)), rule, at)
    next_critical = _step(critical, rule.is_critical(value, margin=_margin(critical, rule)), rule, at)
    if next_warning is warning and next_critical is critical:
        return condition
    return _condition(next_warning, next_critical)


def runs_out_at(rule: Rule, condition: Condition) -> int | None:
    """The event time at which the next delay runs out, if no reading says otherwise until then."""
    moments = [_runs_out_at(latch, rule) for latch in (condition.warning, condition.critical)]
    return min((moment for moment in moments if moment is not None), default=None)


def elapse(rule: Rule, condition: Condition, until: int) -> Iterator[tuple[Condition, int]]:
    """What the delays that run out until then bring about: each next condition, and its event time."""
    while (at := runs_out_at(rule, condition)) is not None and at <= until:
        condition = _condition(
            _run_out(condition.warning, rule, at),
            _run_out(condition.critical, rule, at),
        )
        yield condition, at


def revise(rule: Rule, condition: Condition, value: float) -> Condition:
    """The condition under a rule that was not in force before: no delay goes on that `value`, the one it is
    about, does not support any more. Levels change with the next reading only."""
    return _condition(
        _supported(condition.warning, rule.is_warning(value, margin=_margin(condition.warning, rule))),
        _supported(condition.critical, rule.is_critical(value, margin=_margin(condition.critical, rule))),
    )


def _margin(latch: Latch, rule: Rule) -> float:
    return rule.hysteresis if latch.closed else 0.0


def _supported(latch: Latch, outside: bool) -> Latch:
    return Latch(latch.closed) if latch.since is not None and outside == latch.closed else latch


def _condition(warning: Latch, critical: Latch) -> Condition:
    condition = Condition(warning, critical)
    return NORMAL if condition == NORMAL else condition


def _runs_out_at(latch: Latch, rule: Rule) -> int | None:
    if latch.since is None:
        return None
    if latch.closed:
        return latch.since + rule.clear_ms
    return latch.since + rule.hold_ms if latch.count >= rule.count else None


def _run_out(latch: Latch, rule: Rule, at: int) -> Latch:
    moment = _runs_out_at(latch, rule)
    return latch if moment is None or moment > at else Latch(closed=not latch.closed)


def _step(latch: Latch, outside: bool, rule: Rule, at: int) -> Latch:
    if outside == latch.closed:
        return latch if latch.since is None else Latch(latch.closed)
    since = at if latch.since is None else latch.since
    count = latch.count + 1 if outside else 0
    held = at - since
    if outside and count >= rule.count and held >= rule.hold_ms:
        return Latch(closed=True)
    if not outside and held >= rule.clear_ms:
        return Latch(closed=False)
    return Latch(latch.closed, since, count)


def _is_outside(value: float, lower: float | None, upper: float | None, margin: float) -> bool:
    return (lower is not None and value < lower + margin) or (upper is not None and value > upper - margin)


def _is_finite(number: float | None) -> bool:
    return number is None or math.isfinite(number)


def why_implausible(rule: Rule) -> dict[str, str]:
    """{field: reason} for a rule that cannot be meant; empty when it can."""
    bounds = (rule.min_value, rule.warning_min, rule.warning_max, rule.max_value)
    problems = {
        name: gettext("must be finite")
        for name, bound in zip(BOUNDS, bounds, strict=True)
        if not _is_finite(bound)
    }
    if not (_is_finite(rule.hysteresis) and rule.hysteresis >= 0):
        problems["hysteresis"] = gettext("must be 0 or more")
    if not 0 <= rule.hold_ms <= LONGEST_MS:
        problems["holdSeconds"] = gettext("must be from 0 to %(most)s") % {"most": LONGEST_MS // 1000}
    if not 0 <= rule.clear_ms <= LONGEST_MS:
        problems["clearSeconds"] = gettext("must be from 0 to %(most)s") % {"most": LONGEST_MS // 1000}
    if not 1 <= rule.count <= MOST_IN_A_ROW:
        problems["count"] = gettext("must be from 1 to %(most)s") % {"most": MOST_IN_A_ROW}
    if problems:
        return problems
    if all(bound is None for bound in bounds):
        return {"maxValue": gettext("give at least one of minValue, maxValue, warningMin, warningMax")}
    known = [(name, bound) for name, bound in zip(BOUNDS, bounds, strict=True) if bound is not None]
    for (lower, low), (upper, high) in pairwise(known):
        if low > high:
            return {
                upper: gettext("must not be below %(lower)s (%(low)s)") % {"lower": lower, "low": f"{low:g}"}
            }
    lows = [bound for bound in bounds[:2] if bound is not None]
    highs = [bound for bound in bounds[2:] if bound is not None]
    if lows and highs and rule.hysteresis and 2 * rule.hysteresis >= min(highs) - max(lows):
        # No value would be inside of both bounds by so much, and no alert would ever end.
        return {"hysteresis": gettext("must be smaller than half the range between the bounds")}
    return {}
