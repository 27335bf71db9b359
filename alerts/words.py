"""How the console puts thresholds, and what became of them, into words."""

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.models import Threshold, ThresholdChange
from alerts.scopes import DEFAULTS, FIELDS
from alerts.threshold_csv import plain
from telemetry.rules import metric_for

NAMED = 3  # in one message


def metric_with_unit(metric: str) -> str:
    unit = metric_for(metric).unit
    return f"{metric} ({unit})" if unit else metric


def patience(threshold: Threshold) -> str:
    """What it waits for, as far as it does."""
    parts = [
        (threshold.hysteresis, f"back by {plain(threshold.hysteresis)}"),
        (threshold.hold_seconds, f"after {threshold.hold_seconds} s"),
        (threshold.clear_seconds, f"over after {threshold.clear_seconds} s"),
        (threshold.count > 1, f"{threshold.count} in a row"),
    ]
    return ", ".join(words for is_set, words in parts if is_set)


def differences_in_words(differences: Mapping[str, tuple[Any, Any]]) -> list[str]:
    return [
        f"{name.replace('_', ' ')} {_shown(before)} → {_shown(after)}"
        for name, (before, after) in differences.items()
    ]


def values_in_words(values: Mapping[str, Any]) -> list[str]:
    """What a threshold says, without what is usual."""
    told = [name for name in FIELDS if name in values and values[name] != DEFAULTS[name]]
    return [f"{name.replace('_', ' ')} {_shown(values[name])}" for name in told]


def change_in_words(change: ThresholdChange) -> list[str]:
    """What was made, changed or taken away."""
    if change.kind == ThresholdChange.Kind.CHANGED:
        named = [name for name in FIELDS if name in change.after]
        return differences_in_words({name: (change.before.get(name), change.after[name]) for name in named})
    return values_in_words(change.after or change.before)


def some_of(sentences: Sequence[str]) -> str:
    """The first few, and how many more: all of them would not fit into the cookie that carries messages."""
    others = f" And {len(sentences) - NAMED} more." if len(sentences) > NAMED else ""
    return " ".join(sentences[:NAMED]) + others


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) or "none"
