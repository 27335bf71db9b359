"""How the machines of the demo plant behave. Pure: time and randomness are arguments.

Each metric follows the load with a lag, drifts a little and is noisy. Machines stand and warm up again as their
schedules have it, and count what they do. Now and then something goes wrong with one of them: the metric that shows
it leaves its limits and comes back.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from factory.demo.kinds import RUNNING, Kind, Limits, Signal, Trouble
from factory.demo.schedule import Schedule

DRIFT, DRIFT_SECONDS = 0.008, 1800.0  # relative, and how long it remembers
REPAIR_SECONDS = 25.0
FIRST_FAULT_SECONDS = (8.0, 15.0)
FAULT_SECONDS = 150.0  # between two faults in a plant of 24; it grows with the square root of the plant
FAULT_PLANT = 24
CRITICAL_SHARE = 0.4  # of the faults reach the critical limit


@dataclass(frozen=True, slots=True)
class Fault:
    """One trouble at one machine: it grows, lasts, and goes away or is repaired."""

    trouble: Trouble
    peak: float
    began: float
    rise: float
    hold: float
    fall: float

    def severity(self, at: float) -> float:
        """How far the metric has gone from where it would be (0) to the peak (1)."""
        age = at - self.began
        if age < self.rise:
            return max(0.0, age / self.rise)
        if age < self.rise + self.hold:
            return 1.0
        return max(0.0, 1.0 - (age - self.rise - self.hold) / self.fall)

    def is_over(self, at: float) -> bool:
        return at >= self.began + self.rise + self.hold + self.fall


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine at one moment. `levels` and `drifts` go with the signals of its kind."""

    kind: Kind
    at: float  # seconds
    levels: tuple[float, ...]
    drifts: tuple[float, ...]
    works: bool = True  # as far as its schedule goes
    paused_until: float = 0.0
    fault: Fault | None = None
    counted: Mapping[str, float] = field(default_factory=dict)  # what its counters showed last
    ahead: Mapping[str, float] = field(
        default_factory=dict
    )  # by how much they show more than its schedule says

    @property
    def is_running(self) -> bool:
        return self.works and self.at >= self.paused_until


def new_machine(kind: Kind, *, at: float, load: float, rng: Random, works: bool = True) -> Machine:
    """A machine found as it runs: most are warm, a few have just been switched on."""
    is_cold = not works or (kind.pauses and rng.random() < 0.1)
    levels = tuple(signal.off if is_cold else _level(signal, load) for signal in kind.signals)
    drifts = tuple(rng.gauss(0, DRIFT) for _ in kind.signals)
    return Machine(kind, at, levels, drifts, works)


def found(
    schedule: Schedule, *, at: datetime, rng: Random, reported: Mapping[str, float] | None = None
) -> Machine:
    """The machine as it is by its schedule. Its counters go on from what was `reported`, if that was more."""
    doing = schedule.doing(at)
    machine = new_machine(schedule.kind, at=at.timestamp(), load=doing.load, rng=rng, works=doing.is_running)
    known = reported or {}
    ahead = {
        metric: known[metric] - value
        for metric, value in schedule.counted(at).items()
        if known.get(metric, value) > value
    }
    return replace(machine, ahead=ahead)


def measure(
    machine: Machine, schedule: Schedule, *, at: datetime, rng: Random
) -> tuple[Machine, dict[str, float]]:
    """The machine at a later moment, as its schedule has it, with all that it says then."""
    doing = schedule.doing(at)
    machine, data = advance(machine, at=at.timestamp(), load=doing.load, works=doing.is_running, rng=rng)
    makes = schedule.kind.makes
    if makes is not None and makes.metric == RUNNING:
        data[RUNNING] = float(machine.is_running)
    # One that is being repaired makes nothing, and makes up for it afterwards.
    if machine.is_running or machine.paused_until <= machine.at or not machine.counted:
        machine = replace(machine, counted=_count_on(machine, schedule.counted(at)))
    return machine, {**data, **machine.counted}


def _count_on(machine: Machine, due: Mapping[str, float]) -> dict[str, float]:
    """What the counters show by now: never less than they did."""
    shown = {metric: round(value + machine.ahead.get(metric, 0.0), 2) for metric, value in due.items()}
    return {metric: max(value, machine.counted.get(metric, value)) for metric, value in shown.items()}


def advance(
    machine: Machine, *, at: float, load: float, rng: Random, works: bool = True
) -> tuple[Machine, dict[str, float]]:
    """The machine at a later moment, and what its instruments show then."""
    passed = max(0.0, at - machine.at)
    machine = _live_on(replace(machine, at=at, works=works))
    own_load = min(1.0, max(0.0, load + rng.gauss(0, 0.02)))
    kept = math.exp(-passed / DRIFT_SECONDS)
    levels, drifts, data = [], [], {}
    for signal, level, drift in zip(machine.kind.signals, machine.levels, machine.drifts, strict=True):
        goal = _level(signal, own_load) if machine.is_running else signal.off
        level = goal + (level - goal) * math.exp(-passed / signal.lag) if signal.lag else goal
        drift = drift * kept + rng.gauss(0, DRIFT * math.sqrt(1 - kept * kept))
        value = level * (1 + drift)
        fault = machine.fault
        if fault is not None and fault.trouble.metric == signal.metric:
            value += (fault.peak - value) * fault.severity(at)
        levels.append(level)
        drifts.append(drift)
        data[signal.metric] = _reading(signal, value + rng.gauss(0, signal.noise))
    return replace(machine, levels=tuple(levels), drifts=tuple(drifts)), data


def _live_on(machine: Machine) -> Machine:
    """Faults end, with a stop for the repair where one is needed."""
    fault = machine.fault
    if fault is None:
        return machine
    if fault.trouble.stops and machine.at >= fault.began + fault.rise + fault.hold:
        return replace(machine, fault=None, paused_until=machine.at + REPAIR_SECONDS)
    return replace(machine, fault=None) if fault.is_over(machine.at) else machine


def _level(signal: Signal, load: float) -> float:
    return signal.idle + (signal.full - signal.idle) * load


def _reading(signal: Signal, value: float) -> float:
    """A number as an instrument shows it; none of ours goes below zero."""
    return round(max(0.0, value), signal.digits)


def new_fault(trouble: Trouble, limits: Limits, *, at: float, rng: Random) -> Fault:
    """A trouble that will cross the warning limit, and sometimes the critical one."""
    near = limits.warning_min if trouble.falls else limits.warning_max
    far = limits.min_value if trouble.falls else limits.max_value
    assert near is not None
    assert far is not None
    depth = rng.uniform(1.15, 1.35) if rng.random() < CRITICAL_SHARE else rng.uniform(0.45, 0.7)
    return Fault(
        trouble,
        peak=near + (far - near) * depth,
        began=at,
        rise=rng.uniform(25, 50),
        hold=rng.uniform(25, 70),
        fall=rng.uniform(12, 25),
    )


class Plant:
    """All machines together: who runs, and whose turn it is to have a fault."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        *,
        at: datetime,
        rng: Random,
        reported: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """`reported`: what each machine has said last, so that no counter falls behind it."""
        self._rng = rng
        self._schedules = list(schedules)
        known = reported or [{}] * len(self._schedules)
        self._machines = [
            found(schedule, at=at, rng=rng, reported=said)
            for schedule, said in zip(self._schedules, known, strict=True)
        ]
        self._mean_wait = FAULT_SECONDS * math.sqrt(FAULT_PLANT / max(1, len(self._schedules)))
        self._next_fault = at.timestamp() + rng.uniform(*FIRST_FAULT_SECONDS)

    def measure(self, place: int, *, at: datetime) -> Mapping[str, float]:
        """What the machine at this place says now."""
        now = at.timestamp()
        if now >= self._next_fault:
            self._next_fault = now + self._mean_wait * self._rng.uniform(0.6, 1.4)
            self._begin_fault(now)
        machine, data = measure(self._machines[place], self._schedules[place], at=at, rng=self._rng)
        self._machines[place] = machine
        return data

    def _begin_fault(self, at: float) -> None:
        healthy = [
            place
            for place, machine in enumerate(self._machines)
            if machine.kind.troubles and machine.fault is None and machine.is_running
        ]
        if not healthy:
            return
        place = self._rng.choice(healthy)
        kind = self._machines[place].kind
        trouble = self._rng.choice(kind.troubles)
        fault = new_fault(trouble, kind.limits[trouble.metric], at=at, rng=self._rng)
        self._machines[place] = replace(self._machines[place], fault=fault)
