from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.models import Alert, Threshold
from alerts.queries.alerts import alert_spans, alerts_matching
from alerts.queries.thresholds import thresholds_in_force, thresholds_of
from analytics.marks import Mark, mark_of
from analytics.queries.alerts import marks_of, open_marks
from devices.models import Device
from telemetry.metrics import DECLARED
from telemetry.queries import latest_values


def main_metric(values: dict, alarmed: str | None, watched: set[str]) -> str:
    """The one metric a device is known by: what is alarming, else what is watched, else what is declared first."""
    known = [metric.key for metric in DECLARED if metric.key in values]
    known += sorted(values.keys() - set(known))
    for metric in [alarmed, *(metric for metric in known if metric in watched), *known]:
        if metric and metric in values:
            return metric
    return ""


@dataclass
class Measurement:
    """One metric of a device: its newest value and what is expected of it."""

    metric: str
    value: float | None
    at: int | None
    threshold: Threshold | None


def measurements_of(device_id: int, thresholds: Sequence[Threshold]) -> list[Measurement]:
    """Every metric that the device has reported or that is watched, the declared ones first."""
    values = latest_values(device_ids=[device_id]).get(device_id, {})
    watched = {threshold.metric: threshold for threshold in thresholds}
    declared = [metric.key for metric in DECLARED]
    keys = sorted(
        values.keys() | watched.keys(), key=lambda key: (declared.index(key) if key in declared else 99, key)
    )
    found = []
    for key in keys:
        value, at = values.get(key, (None, None))
        found.append(Measurement(key, value, at, watched.get(key)))
    return found


def expected_of(device: Device) -> list[Threshold]:
    """What the device is judged by, and what of its own is not watched just now, by metric."""
    in_force = thresholds_in_force(device_id=device.pk)
    idle = [row for row in thresholds_of(device_id=device.pk) if not row.enabled]
    return sorted([*in_force, *idle], key=lambda row: (row.metric, row.enabled))


@dataclass
class DevicePage:
    """All that the page of one device shows, but the course, which the browser fetches."""

    device: Device
    mark: Mark
    measurements: list[Measurement]
    thresholds: list[Threshold]  # in force, and those of its own that are not
    open: list[Alert]
    past: list[Alert]
    chosen: Measurement | None
    spans: list[Alert]


def device_page(*, device: Device, metric: str, span: timedelta, at: datetime) -> DevicePage:
    """One device with its newest values, thresholds and alerts, and the metric whose course is shown."""
    thresholds = expected_of(device)
    measurements = measurements_of(device.pk, thresholds)
    about = alerts_matching(device_id=device.pk)
    open_ones = list(about.exclude(status=Alert.Status.RESOLVED)[:50])
    values = {m.metric: m for m in measurements if m.value is not None}
    watched = {threshold.metric for threshold in thresholds if threshold.enabled}
    default = main_metric(values, open_ones[0].metric if open_ones else "", watched)
    chosen = values.get(metric) or values.get(default)
    return DevicePage(
        device=device,
        mark=mark_of(device.status, marks_of(open_ones)),
        measurements=measurements,
        thresholds=thresholds,
        open=open_ones,
        past=list(about.filter(status=Alert.Status.RESOLVED)[:10]),
        chosen=chosen,
        spans=alert_spans(device_id=device.pk, metric=chosen.metric, start=at - span) if chosen else [],
    )


def marked(devices: Sequence[Device]) -> list[tuple[Device, Mark, int]]:
    """(device, mark, open alerts) for a page of the list."""
    by_device: dict[int | None, list[Mark]] = {}
    for row in open_marks(device_ids=[device.pk for device in devices]):
        by_device.setdefault(row.device_id, []).append(row.mark)
    return [
        (device, mark_of(device.status, by_device.get(device.pk, ())), len(by_device.get(device.pk, ())))
        for device in devices
    ]
