"""The declared metrics: what they are called, measured in, and how they may be integrated.

Any other name that matches `METRIC_NAME` is accepted too, as a gauge without a unit.
"""

import re
from dataclasses import dataclass

METRIC_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity. `max_gap_seconds`: over a longer gap nothing is integrated."""

    key: str
    label: str
    unit: str
    kind: str = "gauge"
    integration: str = "trapezoid"
    max_gap_seconds: int = 900
    plausible_min: float | None = None
    plausible_max: float | None = None

    def is_plausible(self, value: float) -> bool:
        above = self.plausible_min is None or value >= self.plausible_min
        return above and (self.plausible_max is None or value <= self.plausible_max)


DECLARED = (
    Metric("temperature", "Temperature", "°C", plausible_min=-60, plausible_max=1500),
    Metric("humidity", "Humidity", "%", plausible_min=0, plausible_max=100),
    Metric("vibration", "Vibration", "mm/s", plausible_min=0, plausible_max=500),
    Metric("power", "Power", "W", plausible_min=0, plausible_max=10_000_000),
    Metric("pressure", "Pressure", "bar", plausible_min=-1, plausible_max=1000),
    Metric("rpm", "Speed", "rpm", plausible_min=0, plausible_max=200_000),
)
BY_KEY = {metric.key: metric for metric in DECLARED}


def metric_for(key: str) -> Metric:
    """The declared metric, or what is assumed of an undeclared one."""
    return BY_KEY.get(key) or Metric(key, key.replace("_", " ").capitalize(), "")
