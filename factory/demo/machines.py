"""How the machines of the demo plant behave. Pure: time and randomness are arguments.

Each metric follows the load with a lag, drifts a little and is noisy. Machines pause and warm up again. Now
and then something goes wrong with one of them: the metric that shows it leaves its limits and comes back.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from factory.demo.kinds import Kind, Limits, Signal, Trouble

DRIFT, DRIFT_SECONDS = 0.008, 1800.0  # relative, and how long it remembers
RUN_SECONDS = 2400.0  # between two pauses, on average
PAUSE_SECONDS = (60.0, 240.0)
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
    share: float  # of the plant's load that it bears
    at: float  # seconds
    levels: tuple[float, ...]
    drifts: tuple[float, ...]
    paused_until: float = 0.0
    fault: Fault | None = None

    @property
    def is_running(self) -> bool:
        return self.at >= self.paused_until


def new_machine(kind: Kind, *, at: float, load: float, rng: Random) -> Machine:
    """A machine found as it runs: most are warm, a few have just been switched on."""
    share = rng.uniform(0.8, 1.0)
    is_cold = kind.pauses and rng.random() < 0.1
    levels = tuple(signal.off if is_cold else _level(signal, load * share) for signal in kind.signals)
    drifts = tuple(rng.gauss(0, DRIFT) for _ in kind.signals)
    return Machine(kind, share, at, levels, drifts)


def advance(machine: Machine, *, at: float, load: float, rng: Random) -> tuple[Machine, dict[str, float]]:
    """The machine at a later moment, and what it measures then."""
    passed = max(0.0, at - machine.at)
    machine = _live_on(replace(machine, at=at), passed, rng)
    own_load = min(1.0, max(0.0, load * machine.share + rng.gauss(0, 0.02)))
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


def _live_on(machine: Machine, passed: float, rng: Random) -> Machine:
    """Faults end, with a stop for the repair where one is needed; healthy machines pause now and then."""
    fault = machine.fault
    if fault is not None:
        repaired = fault.trouble.stops and machine.at >= fault.began + fault.rise + fault.hold
        if repaired:
            return replace(machine, fault=None, paused_until=machine.at + REPAIR_SECONDS)
        return replace(machine, fault=None) if fault.is_over(machine.at) else machine
    if machine.kind.pauses and machine.is_running and rng.random() < 1 - math.exp(-passed / RUN_SECONDS):
        return replace(machine, paused_until=machine.at + rng.uniform(*PAUSE_SECONDS))
    return machine


def _level(signal: Signal, load: float) -> float:
    return signal.idle + (signal.full - signal.idle) * load


def _reading(signal: Signal, value: float) -> float:
    """A number as an instrument shows it; none of ours goes below zero."""
    return round(max(0.0, value), signal.digits)


def load_at(moment: datetime) -> float:
    """How busy the plant is, 0 to 1, by its own clock: two shifts, a quiet night, half a crew at weekends."""
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    work = _ramp(hour, 5.5, 7.0) - 0.15 * _bump(hour, 12.25, 0.5) - _ramp(hour, 21.0, 22.5)
    return 0.45 + 0.45 * work * (0.5 if moment.weekday() >= 5 else 1.0)


def _ramp(hour: float, start: float, end: float) -> float:
    x = min(1.0, max(0.0, (hour - start) / (end - start)))
    return x * x * (3 - 2 * x)


def _bump(hour: float, centre: float, width: float) -> float:
    return math.exp(-(((hour - centre) / width) ** 2))


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

    def __init__(self, kinds: Sequence[Kind], *, at: datetime, rng: Random) -> None:
        self._rng = rng
        now = at.timestamp()
        self._machines = [new_machine(kind, at=now, load=load_at(at), rng=rng) for kind in kinds]
        self._mean_wait = FAULT_SECONDS * math.sqrt(FAULT_PLANT / max(1, len(kinds)))
        self._next_fault = now + rng.uniform(*FIRST_FAULT_SECONDS)

    def measure(self, place: int, *, at: datetime) -> Mapping[str, float]:
        """What the machine at this place measures now."""
        now = at.timestamp()
        if now >= self._next_fault:
            self._next_fault = now + self._mean_wait * self._rng.uniform(0.6, 1.4)
            self._begin_fault(now)
        self._machines[place], data = advance(self._machines[place], at=now, load=load_at(at), rng=self._rng)
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
