"""What becomes of one shift at one machine: how long it stands, how fast it works, what it spoils. Pure.

A turn is drawn from the machine's name and the day's place in a cycle of four weeks. So what is made in whole turns
is known without going through them, and a counter of years costs no more than one of a day.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from random import Random
from typing import NamedTuple

from analytics.oee.shifts import Occurrence

CYCLE_DAYS = 28
SATURDAY = 5
CHANGEOVER, NO_MATERIAL, CLEANING, JAM, BREAKDOWN = (
    "changeover",
    "no_material",
    "cleaning",
    "jam",
    "breakdown",
)
MAINTENANCE, NO_ORDERS, MICRO = "maintenance", "no_orders", "micro"
PLANNED = (MAINTENANCE, NO_ORDERS)
CAUSES = (
    CHANGEOVER,
    CHANGEOVER,
    CHANGEOVER,
    NO_MATERIAL,
    NO_MATERIAL,
    CLEANING,
    JAM,
)  # as often as they are here

STOP_SECONDS = 600.0  # of one on average
MICRO_SECONDS = 30.0
BREAKDOWN_SHARE, BREAKDOWN_SECONDS = 0.04, (1800.0, 5400.0)
IDLE_SATURDAYS = 0.2  # on which orders run out before the shift does
WARM_SECONDS = 30.0  # it runs so long before work begins, and makes nothing yet


@dataclass(frozen=True, slots=True)
class Turn:
    """Shares are of the time to be worked, less the planned stop; speed is of the fastest it could be."""

    availability: float
    micro: float
    speed: float
    rejects: float
    breakdown: float = 0.0  # seconds
    planned: str = ""  # why it stands as planned, if it does
    planned_seconds: float = 0.0

    def worked(self, seconds: float) -> float:
        """For how long it makes pieces in a shift with so many seconds to be worked."""
        left = seconds - self.planned_seconds
        return left * (self.availability - self.micro) - self.breakdown


class Character(NamedTuple):
    """What a machine is like from one day to the next."""

    availability: float
    speed: float
    rejects: float
    maintenance_day: int  # of the first two weeks, and again of the last two


@lru_cache(maxsize=20_000)
def character_of(name: str) -> Character:
    rng = Random(f"{name} character")
    return Character(
        rng.uniform(0.82, 0.93),
        rng.uniform(0.84, 0.95),
        rng.uniform(0.008, 0.028),
        rng.choice([day + 7 * week for week in range(2) for day in range(5)]),
    )


def turn_of(name: str, place: int, shift: str) -> Turn:
    """The turn of a machine in the shift of this name, on this day (0 to 27, 0 a Monday) of the cycle."""
    character = character_of(name)
    rng, day = Random(f"{name} {place} {shift}"), _day(place)
    breakdown = rng.uniform(*BREAKDOWN_SECONDS) if rng.random() < BREAKDOWN_SHARE else 0.0
    planned, planned_seconds = "", 0.0
    if place % 14 == character.maintenance_day and shift == "Early":
        planned, planned_seconds = MAINTENANCE, 60.0 * rng.randrange(60, 121, 15)
    elif place % 7 == SATURDAY and rng.random() < IDLE_SATURDAYS:
        planned, planned_seconds = NO_ORDERS, 60.0 * rng.randrange(60, 181, 30)
    return Turn(
        availability=_near(rng, character.availability - day.standing, 0.03, 0.72, 0.97),
        micro=rng.uniform(0.006, 0.02),
        speed=_near(rng, character.speed - day.slowness, 0.02, 0.78, 0.99),
        rejects=character.rejects * rng.uniform(0.5, 1.7),
        breakdown=breakdown,
        planned=planned,
        planned_seconds=planned_seconds,
    )


class Day(NamedTuple):
    """What the whole plant suffers on a day, by missing people and late deliveries."""

    standing: float
    slowness: float


@cache
def _day(place: int) -> Day:
    rng = Random(f"day {place}")
    return Day(rng.uniform(0.0, 0.06), rng.uniform(0.0, 0.03))


def _near(rng: Random, value: float, spread: float, low: float, high: float) -> float:
    return min(high, max(low, rng.gauss(value, spread)))


class Stop(NamedTuple):
    """Times are seconds since the epoch; a stop may reach over a break."""

    start: float
    end: float
    cause: str


class Run(NamedTuple):
    """It runs from `warm` on and works from `start` on; `before` is what it had worked until then in its shift."""

    warm: float
    start: float
    end: float
    before: float


@dataclass(frozen=True)
class Layout:
    """A turn laid out on the clock: runs and stops, each in order."""

    turn: Turn
    runs: list[Run]
    stops: list[Stop]

    @cached_property
    def _begins(self) -> list[float]:
        return [run.warm for run in self.runs]

    def run_at(self, at: float) -> Run | None:
        """The run under way, or the last one before."""
        place = bisect_right(self._begins, at) - 1
        return self.runs[place] if place >= 0 else None

    def is_running(self, at: float) -> bool:
        run = self.run_at(at)
        return run is not None and at < run.end

    def worked(self, at: float) -> float:
        """How many seconds it has worked by then."""
        run = self.run_at(at)
        return 0.0 if run is None else run.before + min(max(at - run.start, 0.0), run.end - run.start)


def laid_out(name: str, place: int, shift: Occurrence) -> Layout:
    """The turn of a machine in a shift, with its stops somewhere in it."""
    turn = turn_of(name, place, shift.name)
    spans = [(start / 1000, end / 1000) for start, end in shift.planned(shift.start, shift.end)]
    seconds = sum(end - start for start, end in spans)
    rng = Random(f"{name} {place} {shift.name} stops")
    runs: list[Run] = []
    stops: list[Stop] = []
    at = before = 0.0  # in the time to be worked; of that, in what was worked
    for length, cause in _pieces(turn, seconds, rng):
        parts = list(_on_the_clock(spans, at, at + length))
        at += length
        if not parts:
            continue
        if cause:
            stops.append(Stop(parts[0][0], parts[-1][1], cause))
            continue
        for start, end in parts:
            is_announced = any(start == begin for begin, _ in spans) or (
                bool(stops) and stops[-1].end == start and stops[-1].cause in PLANNED
            )
            runs.append(Run(start - WARM_SECONDS if is_announced else start, start, end, before))
            before += end - start
    return Layout(turn, runs, stops)


def _pieces(turn: Turn, seconds: float, rng: Random) -> Iterator[tuple[float, str]]:
    """(length, why it stands; empty: it works), one after the other; they fill the time to be worked."""
    stops = _stops(turn, seconds - turn.planned_seconds, rng)
    worked = turn.worked(seconds)
    if turn.planned == MAINTENANCE:
        yield turn.planned_seconds, MAINTENANCE
    done = 0.0
    for place, stop in zip(sorted(rng.uniform(0, worked) for _ in stops), stops, strict=True):
        yield place - done, ""
        yield stop
        done = place
    yield worked - done, ""
    if turn.planned == NO_ORDERS:
        yield turn.planned_seconds, NO_ORDERS


def _stops(turn: Turn, seconds: float, rng: Random) -> list[tuple[float, str]]:
    long = _shared(seconds * (1 - turn.availability), STOP_SECONDS, _very_unlike, rng)
    short = _shared(seconds * turn.micro, MICRO_SECONDS, _rather_alike, rng)
    stops = [(length, rng.choice(CAUSES)) for length in long]
    stops += [(length, MICRO) for length in short]
    if turn.breakdown:
        stops.append((turn.breakdown, BREAKDOWN))
    rng.shuffle(stops)
    return stops


def _very_unlike(rng: Random) -> float:
    return 0.25 + rng.expovariate(1.0)


def _rather_alike(rng: Random) -> float:
    return rng.uniform(0.6, 1.4)


def _shared(seconds: float, mean: float, unlike: Callable[[Random], float], rng: Random) -> list[float]:
    """A time in parts of unlike length."""
    parts = [unlike(rng) for _ in range(max(1, round(seconds / mean)))]
    whole = sum(parts)
    return [seconds * part / whole for part in parts]


def _on_the_clock(
    spans: Sequence[tuple[float, float]], start: float, end: float
) -> Iterator[tuple[float, float]]:
    """Where [start, end) of the time to be worked lies, which the spans hold one after the other."""
    before = 0.0
    for begin, stop in spans:
        length = stop - begin
        low, high = max(start, before), min(end, before + length)
        if low < high:
            yield begin + low - before, begin + high - before
        before += length
