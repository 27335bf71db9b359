"""Writing thresholds. Each write takes the devices' telemetry lock, so that no batch judges by a rule half gone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from alerts.models import ConditionState, Threshold
from alerts.queries import get_threshold
from alerts.rules import why_implausible
from alerts.services.judging import open_key_of, rule_of
from alerts.services.lifecycle import resolve_by_itself
from devices.models import Device
from devices.queries import get_device
from factory.errors import Conflict, InvalidInput
from telemetry.metrics import METRIC_NAME
from telemetry.services import lock_devices

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


class ThresholdTaken(Conflict):
    """The device has a threshold for this metric."""


def problems_of(threshold: Threshold) -> dict[str, str]:
    """{wire name of a field: reason} for a threshold that cannot be meant; empty when it can."""
    problems = why_implausible(rule_of(threshold))
    if not METRIC_NAME.match(threshold.metric):
        problems["metric"] = "is no metric name: a-z first, then a-z, 0-9 and _, at most 63"
    return problems


def _refuse_implausible(threshold: Threshold, *, at: str = "") -> None:
    problems = problems_of(threshold)
    if problems:
        fields = {f"{at}{name}": [reason] for name, reason in problems.items()}
        first = next(iter(fields))
        raise InvalidInput(f"{first}: {fields[first][0]}", fields=fields)


@transaction.atomic
def create_threshold(*, device: Device, metric: str, **values: Any) -> Threshold:
    """Watch one more metric of a device; in force with the next reading."""
    threshold = Threshold(device=device, metric=metric, **values)
    _refuse_implausible(threshold)
    lock_devices(device_ids=[device.pk])
    get_device(device.pk)  # it may have gone meanwhile
    if Threshold.objects.filter(device=device, metric=metric).exists():
        raise ThresholdTaken(
            f"metric: {metric} has a threshold already", fields={"metric": ["has a threshold already"]}
        )
    threshold.save(force_insert=True)
    return threshold


@transaction.atomic
def edit_threshold(*, threshold: Threshold, at: datetime, **changes: Any) -> Threshold:
    """Change a threshold; its open alert stays, and the next reading is judged by the new bounds."""
    threshold = _locked(threshold)
    for field in changes.keys() & set(FIELDS):
        setattr(threshold, field, changes[field])
    _refuse_implausible(threshold)
    threshold.save(update_fields=sorted((changes.keys() & set(FIELDS)) | {"updated_at"}))
    if not threshold.enabled:
        _stop_watching(threshold, at=at)
    return threshold


@transaction.atomic
def delete_threshold(*, threshold: Threshold, at: datetime) -> None:
    """Stop watching a metric; an alert it holds open is over."""
    threshold = _locked(threshold)
    _stop_watching(threshold, at=at)
    threshold.delete()


@transaction.atomic
def replace_thresholds(*, device: Device, wanted: Sequence[dict[str, Any]], at: datetime) -> None:
    """Afterwards the device has exactly these; one with the same metric keeps its id and its open alert."""
    lock_devices(device_ids=[device.pk])
    present = {threshold.metric: threshold for threshold in Threshold.objects.filter(device=device)}
    metrics = [values["metric"] for values in wanted]
    for place, values in enumerate(wanted):
        if values["metric"] in metrics[:place]:
            raise InvalidInput.at(f"thresholds.{place}.metric", "occurs twice")
        threshold = present.get(values["metric"]) or Threshold(device=device, metric=values["metric"])
        for field in FIELDS:
            setattr(threshold, field, values.get(field, DEFAULTS[field]))
        _refuse_implausible(threshold, at=f"thresholds.{place}.")
        threshold.save()
        if not threshold.enabled:
            _stop_watching(threshold, at=at)
    for metric, threshold in present.items():
        if metric not in metrics:
            _stop_watching(threshold, at=at)
            threshold.delete()


def _locked(threshold: Threshold) -> Threshold:
    """The threshold as it is now, with its device's judging held back; refuses when it is gone."""
    lock_devices(device_ids=[threshold.device_id])
    return get_threshold(threshold.pk)


def _stop_watching(threshold: Threshold, *, at: datetime) -> None:
    key = (threshold.device_id, threshold.metric)
    ConditionState.objects.filter(device_id=key[0], metric=key[1]).delete()
    resolve_by_itself(open_key=open_key_of(key), at=at, ended_at=at, note="Its threshold was taken away.")
