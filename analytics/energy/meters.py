"""Which metric of a device tells the energy it takes, and in what unit. Pure.

The meter's counter goes before power: it counts on when nobody listens. Before a counter was there, power tells.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from telemetry.metrics import Metric

# To kWh: of a counter's unit, and of a power's unit times seconds.
COUNTED = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3, "GWh": 1e6, "kJ": 1 / 3600, "MJ": 1 / 3.6, "GJ": 1e3 / 3.6}
INTEGRATED = {"W": 1 / 3.6e6, "kW": 1 / 3600, "MW": 1 / 3.6}
PREFERRED = ("energy", "power")  # of several that would do, the one called so; else the first by name
EVER, NEVER = -(2**62), 2**62


@dataclass(frozen=True, slots=True)
class Meter:
    """How a device's energy is told: its counter from `counter_since` (ms) on, before that its power."""

    device_id: int
    counter: str = ""
    power: str = ""
    counter_since: int = EVER
    measured_by: int | None = None
    above: frozenset[int] = (
        frozenset()
    )  # all that measure it as well: that one, what measures that one, and so on
    begins_at: int = EVER  # nobody expects to know of it before
    ends_at: int = NEVER  # out of service since then

    @property
    def metrics(self) -> list[str]:
        return [metric for metric in (self.counter, self.power) if metric]

    def metric_at(self, at: int) -> str:
        return self.counter if self.counter and at >= self.counter_since else self.power

    def spans_of(self, metric: str) -> tuple[int, int]:
        """From when to when a metric of it tells."""
        if metric == self.counter:
            return self.counter_since, NEVER
        return EVER, self.counter_since if self.counter else NEVER


def counter_among(metrics: Iterable[str], rules: Mapping[str, Metric]) -> str:
    """The one of a device's metrics that counts energy; empty where none does."""
    fit = [key for key in metrics if rules[key].is_counter and rules[key].unit in COUNTED]
    return _preferred(fit)


def power_among(metrics: Iterable[str], rules: Mapping[str, Metric]) -> str:
    """The one of a device's metrics that is its power; empty where none is."""
    fit = [key for key in metrics if not rules[key].is_counter and rules[key].unit in INTEGRATED]
    return _preferred(fit)


def _preferred(fit: list[str]) -> str:
    return next((key for key in PREFERRED if key in fit), min(fit, default=""))


def kwh_of(rule: Metric, *, increase: float | None, integral: float, covered_ms: int) -> float | None:
    """What a metric's rollup comes to; None where nothing is known."""
    if rule.is_counter:
        factor = COUNTED.get(rule.unit)
        return None if increase is None or factor is None else increase * factor
    factor = INTEGRATED.get(rule.unit)
    return integral * factor if covered_ms and factor is not None else None


def counted_once(meters: Mapping[int, Meter]) -> dict[int, Meter]:
    """Without the devices that a meter among these measures as well, so that nothing counts twice."""
    return {device_id: meter for device_id, meter in meters.items() if meter.above.isdisjoint(meters)}


def chains(measured_by: Mapping[int, int]) -> dict[int, frozenset[int]]:
    """{device: all that measure it as well} from {device: the next that does}."""
    found = {}
    for device_id in measured_by:
        above: list[int] = []
        step = measured_by.get(device_id)
        while step is not None and step != device_id and step not in above:
            above.append(step)
            step = measured_by.get(step)
        found[device_id] = frozenset(above)
    return found
