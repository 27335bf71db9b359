"""What is known of a metric: how it is called, measured in, and how it may be integrated.

Six are declared here; an admin may declare others, or these differently (`telemetry.rules`). Any other name
that matches `METRIC_NAME` is accepted too, as a gauge without a unit.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_noop

METRIC_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
NO_METRIC_NAME = gettext_noop("is no metric name: a-z first, then a-z, 0-9 and _, at most 63")
LONGEST_GAP_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity.

    `max_gap_seconds`: over a longer gap between two samples nothing is integrated. A counter starts at 0
    again when it reaches `rollover`.
    """

    key: str
    label: str
    unit: str
    kind: str = "gauge"
    integration: str = "trapezoid"
    max_gap_seconds: int = 900
    plausible_min: float | None = None
    plausible_max: float | None = None
    rollover: float | None = None
    rebuild_due: bool = False  # the rule changed, and older rollups still follow the one before

    @property
    def called(self) -> str:
        """Its label in the reader's language."""
        return gettext(self.label) if self.label else ""

    @property
    def is_counter(self) -> bool:
        return self.kind == "counter"

    @property
    def holds(self) -> bool:
        """A value holds until the next one; otherwise it moves to it in a straight line."""
        return self.integration == "hold"

    def is_plausible(self, value: float) -> bool:
        above = self.plausible_min is None or value >= self.plausible_min
        return above and (self.plausible_max is None or value <= self.plausible_max)


DECLARED = (
    Metric("temperature", gettext_noop("Temperature"), "°C", plausible_min=-60, plausible_max=1500),
    Metric("humidity", gettext_noop("Humidity"), "%", plausible_min=0, plausible_max=100),
    Metric("vibration", gettext_noop("Vibration"), "mm/s", plausible_min=0, plausible_max=500),
    Metric("power", gettext_noop("Power"), "W", plausible_min=0, plausible_max=10_000_000),
    Metric("pressure", gettext_noop("Pressure"), "bar", plausible_min=-1, plausible_max=1000),
    Metric("rpm", gettext_noop("Speed"), "rpm", plausible_min=0, plausible_max=200_000),
)
BY_KEY = {metric.key: metric for metric in DECLARED}


def built_in(key: str) -> Metric:
    """The metric as it is declared here, or what is assumed of an undeclared one."""
    return BY_KEY.get(key) or Metric(key, key.replace("_", " ").capitalize(), "")
