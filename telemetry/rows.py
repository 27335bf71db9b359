"""Readings and buckets as clients know them."""

from collections.abc import Mapping
from typing import Any

from telemetry.aggregates import Total
from telemetry.metrics import DECLARED
from telemetry.rules import metric_for
from telemetry.tally import READINGS


def reading_row(device_id: int, timestamp: int, data: dict[str, float]) -> dict[str, Any]:
    """A reading: declared metrics as members, null where absent, and all of `data`."""
    row: dict[str, Any] = {"deviceId": device_id, "timestamp": timestamp}
    for metric in DECLARED:
        row[metric.key] = data.get(metric.key)
    row["data"] = data
    return row


def is_filled(totals: Mapping[str, Total]) -> bool:
    return READINGS in totals and totals[READINGS].count > 0


def bucket_row(start: int, totals: Mapping[str, Total], *, metrics: set[str] | None) -> dict[str, Any]:
    """A bucket; `metrics` narrows the free-form part. `integral` is in the metric's unit times seconds."""
    row: dict[str, Any] = {"timestamp": start, "count": totals[READINGS].count}
    for metric in DECLARED:
        total = totals.get(metric.key)
        row[f"avg{metric.key.capitalize()}"] = total.sum / total.count if total and total.count else None
    row["metrics"] = {
        key: _figures(key, total)
        for key, total in sorted(totals.items())
        if key != READINGS and total.count and (metrics is None or key in metrics)
    }
    return row


def _figures(metric: str, total: Total) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "avg": total.sum / total.count,
        "min": total.min,
        "max": total.max,
        "sum": total.sum,
        "count": total.count,
        "last": total.last,
        "integral": total.integral,
        "coveredMs": total.covered_ms,
        "increase": total.increase,
    }
    if flags := flags_of(metric, total):
        figures["flags"] = flags
    return figures


def flags_of(metric: str, total: Total) -> list[str]:
    """What is to be known of a metric's figures beside them."""
    said = {
        "rule_changed": metric_for(metric).rebuild_due,
        "counter_reset": total.resets > 0,
        "counter_rolled_over": total.rollovers > 0,
    }
    return [flag for flag, holds in said.items() if holds]
