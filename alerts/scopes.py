"""What a threshold reaches, and what can be said in one."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from alerts.models import Threshold
from alerts.rulebook import rule_of
from alerts.rules import why_implausible
from devices.models import Device
from factory.errors import InvalidInput
from grouping.models import Group
from telemetry.metrics import METRIC_NAME, NO_METRIC_NAME

FIELDS = (
    "min_value",
    "max_value",
    "warning_min",
    "warning_max",
    "hysteresis",
    "hold_seconds",
    "clear_seconds",
    "count",
    "enabled",
)
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(FIELDS[:4]),
    "hysteresis": 0.0,
    "hold_seconds": 0,
    "clear_seconds": 0,
    "count": 1,
    "enabled": True,
}

Place = tuple[int | None, int | None, str | None, str]  # device, group or type; and the metric


@dataclass(frozen=True, slots=True)
class Scope:
    """What a threshold reaches: exactly one of these."""

    device: Device | None = None
    group: Group | None = None
    device_type: str | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.device, self.group, self.device_type)) != 1:
            raise InvalidInput(gettext("Name exactly one of deviceId, groupId and deviceType."))

    def columns(self) -> dict[str, Any]:
        return {"device": self.device, "group": self.group, "device_type": self.device_type}

    def place(self, metric: str) -> Place:
        """Where a threshold of this metric stands; there is at most one."""
        return (
            self.device.pk if self.device else None,
            self.group.pk if self.group else None,
            self.device_type,
            metric,
        )


def place_of(threshold: Threshold) -> Place:
    return threshold.device_id, threshold.group_id, threshold.device_type, threshold.metric


def scope_of(threshold: Threshold) -> Scope:
    return Scope(threshold.device, threshold.group, threshold.device_type)


def values_of(threshold: Threshold) -> dict[str, Any]:
    """What it says of its metric."""
    return {field: getattr(threshold, field) for field in FIELDS}


def problems_of(threshold: Threshold) -> dict[str, str]:
    """{wire name of a field: reason} for a threshold that cannot be meant; empty when it can."""
    problems = why_implausible(rule_of(threshold))
    if not METRIC_NAME.match(threshold.metric):
        problems["metric"] = gettext(NO_METRIC_NAME)
    return problems
