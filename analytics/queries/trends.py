"""What goes up and down, and what rings most often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q
from django.utils.translation import gettext

from alerts.models import Alert
from analytics.periods import time_before
from analytics.plant_clock import plant_zone
from analytics.queries.alerts import alerts_within
from analytics.queries.states import moment
from devices.models import Device
from factory.errors import InvalidInput
from grouping.queries import members_of
from telemetry.days import check_range
from telemetry.queries import aggregated

SEVEREST = [Alert.Severity.CRITICAL, Alert.Severity.WARNING, Alert.Severity.INFO]


def devices_of(*, device_id: int | None, group_id: int | None) -> list[int]:
    """The ids of a device, of a group's devices, or of all in service."""
    if device_id is not None:
        return [device_id]
    if group_id is not None:
        return members_of(group_id=group_id)
    return list(Device.objects.in_service().order_by("pk").values_list("pk", flat=True))


def top_alerts(
    *,
    start: int,
    end: int,
    limit: int,
    device_id: int | None = None,
    group_id: int | None = None,
    severity: str | None = None,
    with_earlier: bool = False,
) -> list[dict[str, Any]]:
    """What opened most often in [start, end), ms, each with its newest alert.

    `with_earlier`: also what had opened before and was not over by then.
    """
    check_range(start, end)
    found = alerts_within(moment(start), moment(end)).order_by()
    if not with_earlier:
        found = found.filter(started_at__gte=moment(start))
    if device_id is not None or group_id is not None:
        found = found.filter(device_id__in=devices_of(device_id=device_id, group_id=group_id))
    if severity is not None:
        found = found.filter(severity=severity)
    severities = {f"of_{name}": Count("pk", filter=Q(severity=name)) for name in SEVEREST}
    rows = list(
        found.values("key")
        .annotate(
            alerts=Count("pk"),
            newest=Max("pk"),
            first=Min("started_at"),
            last=Max("started_at"),
            **severities,
        )
        .order_by("-alerts", "-newest")[:limit]
    )
    newest = Alert.objects.select_related("device").in_bulk([row["newest"] for row in rows])
    return [_top_row(row, newest[row["newest"]]) for row in rows if row["newest"] in newest]


def _top_row(row: Mapping[str, Any], alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.pk,
        "device_id": alert.device_id,
        "name": alert.device.name if alert.device else alert.zone,
        "type": alert.type,
        "metric": alert.metric or None,
        "severity": next((name for name in SEVEREST if row[f"of_{name}"]), alert.severity),
        "message": alert.message,
        "count": row["alerts"],
        "first_at": row["first"],
        "last_at": row["last"],
    }


@dataclass(frozen=True, slots=True)
class Point:
    timestamp: int
    avg: float
    min: float
    max: float
    count: int


def trend_of(
    *,
    metric: str,
    start: int,
    end: int,
    interval_ms: int,
    interval: str | None,
    device_ids: Sequence[int],
) -> dict[str, Any]:
    """One metric of devices in buckets over [start, end), ms; how it changed, and against the same time before."""
    check_range(start, end)
    check_range(2 * start - end, start)

    def points(low: int, high: int) -> list[Point]:
        rows = aggregated(
            device_ids=device_ids,
            start=low,
            end=high,
            interval_ms=interval_ms,
            interval=interval,
            time_zone=settings.PLANT_TIME_ZONE if interval else None,
            metrics=[metric],
        )
        told = [(row["timestamp"], row["metrics"].get(metric)) for row in rows]
        return [
            Point(at, one["avg"], one["min"], one["max"], one["count"]) for at, one in told if one is not None
        ]

    if not metric:
        raise InvalidInput.at("metric", gettext("name one"))
    now = points(start, end)
    earlier = time_before(start, end, zone=plant_zone())
    before = mean_of(points(earlier, start))
    mean = mean_of(now)
    return {
        "metric": metric,
        "points": now,
        "average": mean,
        "previous_average": before,
        "change": None if mean is None or not before else mean / before - 1,
        "slope_per_day": slope_of(now),
    }


def mean_of(points: Sequence[Point]) -> float | None:
    """Of all samples, not of the points."""
    samples = sum(point.count for point in points)
    return sum(point.avg * point.count for point in points) / samples if samples else None


def slope_of(points: Sequence[Point]) -> float | None:
    """By how much the points rise a day, by least squares; None of fewer than three."""
    if len(points) < 3:
        return None
    days = [point.timestamp / 86_400_000 for point in points]
    middle, level = sum(days) / len(days), sum(point.avg for point in points) / len(points)
    spread = sum((day - middle) ** 2 for day in days)
    return sum((day - middle) * (point.avg - level) for day, point in zip(days, points, strict=True)) / spread
