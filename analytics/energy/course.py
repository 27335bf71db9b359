"""Quarter-hours of energy, and what they come to in longer times. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from analytics.energy.meters import Meter

HOUR_MS = 3_600_000
BASE_SHARE = 0.05  # the base load is what is exceeded all but this share of the time
COMPARABLE = 0.8  # two times of which one is known for less than this share of the other are not compared
WHOLE = 0.99  # coverage from which on a quarter's demand is taken for what it was


@dataclass(slots=True)
class Amount:
    """The energy of some time; `kwh` is None where nothing is known. `covered_ms` is of all devices together."""

    kwh: float | None = None
    covered_ms: int = 0
    resets: int = 0
    rollovers: int = 0

    def add(self, other: "Amount") -> None:
        if other.kwh is not None:
            self.kwh = (self.kwh or 0.0) + other.kwh
        self.covered_ms += other.covered_ms
        self.resets += other.resets
        self.rollovers += other.rollovers

    @property
    def flags(self) -> set[str]:
        said = {"counter_reset": self.resets, "counter_rolled_over": self.rollovers}
        return {flag for flag, times in said.items() if times}


class Presence:
    """For how long devices together could have told of themselves: the measure of coverage."""

    def __init__(self, meters: Iterable[Meter]) -> None:
        known = list(meters)
        self._begins = _Steps([meter.begins_at for meter in known])
        self._ends = _Steps([meter.ends_at for meter in known])

    def expected_ms(self, start: int, end: int) -> int:
        """In [start, end), of all devices together."""
        return self._begins.after(start, end) - self._ends.after(start, end)


class _Steps:
    """Moments, and how long after each of them a time lasts, summed."""

    def __init__(self, moments: list[int]) -> None:
        self._moments = sorted(moments)
        self._sums = [0, *accumulate(self._moments)]

    def after(self, start: int, end: int) -> int:
        """The time of [start, end) that is after each moment, of all of them together."""
        before, until = bisect_right(self._moments, start), bisect_right(self._moments, end)
        inside = self._sums[until] - self._sums[before]
        return before * (end - start) + (until - before) * end - inside


@dataclass
class Course:
    """Quarter-hours (or shorter pieces of `step` ms) of energy by their beginning, of all devices together."""

    step: int
    presence: Presence
    pieces: dict[int, Amount] = field(default_factory=dict)

    def piece(self, at: int) -> Amount:
        return self.pieces.setdefault(at, Amount())

    def kw(self, at: int) -> float | None:
        """The demand of a piece: its energy over its time."""
        kwh = self.pieces[at].kwh
        return None if kwh is None else kwh / (self.step / HOUR_MS)

    def coverage(self, at: int) -> float:
        expected = self.presence.expected_ms(at, at + self.step)
        return min(1.0, self.pieces[at].covered_ms / expected) if expected > 0 else 0.0

    def base_load_kw(self) -> float | None:
        """What is exceeded 95 % of the time, of the pieces that are known as a whole."""
        known = sorted(
            kw for at in self.pieces if (kw := self.kw(at)) is not None and self.coverage(at) >= WHOLE
        )
        return known[int(len(known) * BASE_SHARE)] if known else None


@dataclass(slots=True)
class Bucket:
    """The energy of one bucket; coverage 0..1 is the share of the time, of all devices, of which something is known."""

    start: int
    end: int
    amount: Amount = field(default_factory=Amount)
    peak_kw: float | None = None
    peak_at: int | None = None
    coverage: float = 0.0


def change_between(before: Bucket, after: Bucket) -> float | None:
    """The share by which it is more than before; None where too little is known to hold them against each other."""
    then, now = before.amount, after.amount
    if then.kwh is None or now.kwh is None or then.kwh <= 0:
        return None
    known = sorted([then.covered_ms, now.covered_ms])
    return now.kwh / then.kwh - 1 if known[0] >= COMPARABLE * known[1] else None


def bucketed(course: Course, buckets: Sequence[tuple[int, int]]) -> list[Bucket]:
    """The buckets (start, end), in order and apart from each other, each with the pieces that begin in it."""
    found = [Bucket(start, end) for start, end in buckets]
    starts = [start for start, _ in buckets]
    for at, amount in course.pieces.items():
        place = bisect_right(starts, at) - 1
        bucket = found[max(place, 0)]
        bucket.amount.add(amount)
        kw = course.kw(at)
        if kw is not None and (
            bucket.peak_kw is None or (kw, -at) > (bucket.peak_kw, -(bucket.peak_at or 0))
        ):
            bucket.peak_kw, bucket.peak_at = kw, at
    for bucket in found:
        expected = course.presence.expected_ms(bucket.start, bucket.end)
        bucket.coverage = min(1.0, bucket.amount.covered_ms / expected) if expected > 0 else 0.0
    return found


def bucket_bounds(
    start: int, end: int, *, start_of: Callable[[int], int], shortest: int
) -> list[tuple[int, int]]:
    """The buckets that touch [start, end), each cut to it: (from, to)."""
    bounds = []
    at = start
    while at < end:
        following = _next(at, start_of, shortest)
        bounds.append((at, min(following, end)))
        at = following
    return bounds


def _next(at: int, start_of: Callable[[int], int], shortest: int) -> int:
    """Where the bucket after that of a moment begins."""
    here = start_of(at)
    low, high = max(at, here), here + shortest
    if start_of(high) == high:
        return high
    while start_of(high) == here:
        low, high = high, high + shortest
    while high - low > 1:  # between them lies the border
        middle = (low + high) // 2
        if start_of(middle) == here:
            low = middle
        else:
            high = middle
    return high


def total_of(course: Course, start: int, end: int) -> Bucket:
    """All of it as one bucket."""
    return bucketed(course, [(start, end)])[0]


def price_of(kwh: float | None, per_kwh: float | None) -> float | None:
    return None if kwh is None or per_kwh is None else kwh * per_kwh
