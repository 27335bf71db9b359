"""What queries name by a key, in the reader's language: losses, reasons, parts, severities.

What people named themselves (stop codes, machines, shifts) stays as they wrote it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from analytics import writing
from telemetry.metrics import built_in
from telemetry.rules import metric_for

Words = str | Promise

NO_REASON = gettext_lazy("No reason given")
LOSSES: dict[str, Words] = {
    "break": gettext_lazy("Breaks"),
    "planned": gettext_lazy("Planned stop"),
    "down": NO_REASON,
    "unknown": gettext_lazy("Unknown"),
    "micro": gettext_lazy("Micro-stops"),
    "speed": gettext_lazy("Slow running"),
    "quality": gettext_lazy("Rejects"),
    "good": gettext_lazy("Good time"),
}
BASES: dict[str, Words] = {"stops": gettext_lazy("by stops"), "alerts": gettext_lazy("by alerts")}
BASES_ALONE: dict[str, Words] = {"stops": gettext_lazy("stops"), "alerts": gettext_lazy("alerts")}
ENERGY_BY: dict[str, Words] = {
    "quarter": gettext_lazy("Energy by quarter"),
    "hour": gettext_lazy("Energy by hour"),
    "day": gettext_lazy("Energy by day"),
    "week": gettext_lazy("Energy by week"),
    "month": gettext_lazy("Energy by month"),
}
LIMITS: dict[str, Words] = {"limit": gettext_lazy("limit"), "warning": gettext_lazy("warning")}
ALERT_HISTORIES: dict[str, Words] = {
    "critical": gettext_lazy("Alert history: critical"),
    "warning": gettext_lazy("Alert history: warning"),
    "info": gettext_lazy("Alert history: info"),
}


def loss_word(row: Mapping[str, Any]) -> Words:
    """A loss by its code's label, else by what kind it is."""
    return row["label"] if row["code"] else LOSSES.get(row["kind"], row["label"])


def reason_word(row: Mapping[str, Any]) -> Words:
    return row["label"] if row["code"] else NO_REASON


def metric_word(key: str) -> Words:
    """What everybody knows has a word in each language; what the plant named keeps its name."""
    label = metric_for(key).label
    return gettext_lazy(label) if label == built_in(key).label else label


def basis_word(row: Mapping[str, Any]) -> Words:
    """What failures were counted by."""
    return BASES_ALONE.get(row["basis"], row["basis"])


def part_word(row: Mapping[str, Any]) -> Words:
    """A machine, line or shift; a shift without a name is a day nobody divided."""
    return row["label"] if row["key"] else gettext_lazy("Round the clock")


def day_word(row: Mapping[str, Any]) -> str:
    """The day with which a part begins."""
    return writing.full_day(date.fromisoformat(row["key"]))
