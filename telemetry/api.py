from typing import Any

from django.utils import timezone
from rest_framework import serializers

from devices.fields import DeviceReference
from devices.identity import DEVICE
from devices.queries import get_device, get_device_ids
from factory.accounts.permissions import ADMIN, TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.download import Download
from factory.trpc.router import UNDEFINED, Router
from factory.trpc.serializers import (
    MillisField,
    OrNull,
    Ready,
    StrictFloat,
    StrictInteger,
    StrictString,
    TimeZoneField,
    WireSerializer,
)
from telemetry import queries
from telemetry.buckets import CALENDAR
from telemetry.export import csv_name, readings_as_csv
from telemetry.metrics import LONGEST_GAP_SECONDS
from telemetry.models import MetricRule
from telemetry.reception import receive
from telemetry.row_shapes import MESSAGE, BucketRow, ReadingRow
from telemetry.rows import reading_row
from telemetry.rules import known_metrics
from telemetry.services import forget_exchange, note_exchange
from telemetry.services.metrics import declare_metric

router = Router("readings")


class Message:
    """A reading in any of its three shapes, checked item by item at the telemetry door."""

    shape = MESSAGE

    @staticmethod
    def parse(raw: Any) -> dict[str, Any]:
        return {"message": None if raw is UNDEFINED else raw}


class Rejection(WireSerializer):
    index = serializers.IntegerField()
    reason = serializers.CharField()


class Reception(WireSerializer):
    success = serializers.BooleanField()
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = Rejection(many=True)


class Range(WireSerializer):
    start_time = MillisField()
    end_time = MillisField()


class ReadingFilter(Range):
    device_id = DeviceReference()
    limit = StrictInteger(default=1000, min_value=1, max_value=50_000)
    max_points = StrictInteger(required=False, min_value=2, max_value=50_000)


class ByDevice(WireSerializer):
    device_id = DeviceReference()


class ByDevices(WireSerializer):
    device_ids = serializers.ListField(child=DeviceReference(), max_length=10_000)


class Aggregation(Range):
    device_ids = serializers.ListField(child=DeviceReference(), min_length=1, max_length=1000)
    interval_ms = StrictInteger(default=3_600_000, min_value=1000, max_value=366 * 86_400_000)
    interval = serializers.ChoiceField(choices=CALENDAR, required=False)
    metrics = serializers.ListField(child=StrictString(max_length=63), required=False, max_length=64)
    time_zone = TimeZoneField(required=False)


class Export(Range):
    device_id = DeviceReference(required=False)
    device_ids = serializers.ListField(
        child=DeviceReference(), required=False, min_length=1, max_length=10_000
    )
    metrics = serializers.ListField(
        child=StrictString(max_length=63), required=False, min_length=1, max_length=256
    )
    time_zone = TimeZoneField(required=False)


class MetricRow(WireSerializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    unit = serializers.CharField()
    kind = serializers.CharField()
    integration = serializers.CharField()
    max_gap_seconds = serializers.IntegerField()
    plausible_min = serializers.FloatField(allow_null=True)
    plausible_max = serializers.FloatField(allow_null=True)
    rollover = serializers.FloatField(allow_null=True)
    rebuild_due = serializers.BooleanField()


class Declaration(WireSerializer):
    """What is left out stays as it is, or takes the usual value."""

    key = StrictString(max_length=63)
    label = StrictString(max_length=120, required=False)  # type: ignore[assignment]  # a field called label
    unit = StrictString(max_length=32, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choices=MetricRule.Kind.values, required=False)
    integration = serializers.ChoiceField(choices=MetricRule.Integration.values, required=False)
    max_gap_seconds = StrictInteger(required=False, min_value=1, max_value=LONGEST_GAP_SECONDS)
    plausible_min = StrictFloat(required=False, allow_null=True)
    plausible_max = StrictFloat(required=False, allow_null=True)
    rollover = StrictFloat(required=False, allow_null=True)


class NewExchange(WireSerializer):
    device_id = DeviceReference()
    metric = StrictString(max_length=63)
    timestamp = MillisField()
    old_value = StrictFloat()
    new_value = StrictFloat()
    note = StrictString(max_length=300, required=False, allow_blank=True)


class ExchangeRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.IntegerField()
    metric = serializers.CharField()
    timestamp = serializers.IntegerField(source="at")
    old_value = serializers.FloatField()
    new_value = serializers.FloatField()
    note = serializers.CharField()
    noted_by = serializers.IntegerField(source="noted_by_id", allow_null=True)
    noted_at = serializers.DateTimeField()


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


@router.mutation("create", permission=DEVICE | ADMIN, input=Message, output=Reception)
def create(call, *, message: Any):
    """Hand in one reading or up to 5,000; answered when they are stored and judged."""
    return receive(message=message, principal=call.principal)


@router.query("getForDevice", permission=VIEWER, input=ReadingFilter, output=Ready(ReadingRow), many=True)
def get_for_device(
    call, *, device_id: int | str, start_time: int, end_time: int, limit: int, max_points: int | None = None
):
    """Readings of a device in [startTime, endTime), ascending; `maxPoints` thins them, extremes kept."""
    device = get_device(device_id)
    rows = queries.readings_of(
        device_id=device.pk, start=start_time, end=end_time, limit=limit, max_points=max_points
    )
    return [reading_row(device.pk, timestamp, data) for timestamp, data in rows]


def _latest_row(device_id: int, latest: dict[str, tuple[float, int]]) -> dict[str, Any] | None:
    if not latest:
        return None
    values = {metric: value for metric, (value, _) in latest.items()}
    return reading_row(device_id, max(at for _, at in latest.values()), values)


@router.query("getLatest", permission=VIEWER, input=ByDevice, output=OrNull(Ready(ReadingRow)))
def get_latest(call, *, device_id: int | str):
    """The newest value of each metric of a device, with the newest time; null when it never reported."""
    device = get_device(device_id)
    return _latest_row(device.pk, queries.latest_values(device_ids=[device.pk]).get(device.pk, {}))


@router.query("getLatestForDevices", permission=VIEWER, input=ByDevices, output=Ready(ReadingRow), many=True)
def get_latest_for_devices(call, *, device_ids: list[int | str]):
    """As getLatest, for several devices at once; those that never reported are left out."""
    ids = get_device_ids(device_ids)
    latest = queries.latest_values(device_ids=ids)
    return [_latest_row(device_id, latest[device_id]) for device_id in ids if latest.get(device_id)]


@router.query("getAggregated", permission=VIEWER, input=Aggregation, output=Ready(BucketRow), many=True)
def get_aggregated(
    call,
    *,
    device_ids: list[int | str],
    start_time: int,
    end_time: int,
    interval_ms: int,
    interval: str | None = None,
    time_zone: str | None = None,
    metrics: list[str] | None = None,
):
    """Buckets over the readings of several devices in [startTime, endTime), empty ones left out.

    `interval` (day, week, month) follows the calendar of `timeZone` and goes before `intervalMs`.
    """
    return queries.aggregated(
        device_ids=get_device_ids(device_ids),
        start=start_time,
        end=end_time,
        interval_ms=interval_ms,
        interval=interval,
        time_zone=time_zone,
        metrics=metrics,
    )


@router.query("exportCsv", permission=VIEWER, input=Export, downloads=True)
def export_csv(
    call,
    *,
    start_time: int,
    end_time: int,
    device_id: int | str | None = None,
    device_ids: list[int | str] | None = None,
    metrics: list[str] | None = None,
    time_zone: str | None = None,
):
    """Readings in [startTime, endTime) as a CSV file of any size, a column per metric; never in a batch."""
    if (device_id is None) is (device_ids is None):
        raise InvalidInput.at("deviceId", "give either deviceId or deviceIds")
    references = device_ids or [device_id or 0]
    export = readings_as_csv(
        device_ids=get_device_ids(references),
        start=start_time,
        end=end_time,
        metrics=metrics,
        time_zone=time_zone,
    )
    headers = {} if export.is_whole else {"X-Readings-Archived": "true"}
    name = csv_name(references, start_time, end_time)
    return Download(name, "text/csv; charset=utf-8; header=present", export, headers)


@router.query("metrics", permission=VIEWER, output=MetricRow, many=True)
def metrics(call):
    """The declared metrics with their units and what may be assumed of them."""
    return known_metrics()


@router.mutation("setMetric", permission=ADMIN, input=Declaration, output=MetricRow)
def set_metric(call, *, key: str, **properties):
    """Declare a metric or change its rule; older rollups follow once `manage.py rebuild_rollups` has run."""
    return declare_metric(key=key, **properties)


@router.query("exchanges", permission=VIEWER, input=ByDevice, output=ExchangeRow, many=True)
def exchanges(call, *, device_id: int | str):
    """The exchanges of a device's counters, the newest first."""
    return queries.exchanges_of_device(device_id=get_device(device_id).pk)


@router.mutation("noteExchange", permission=TECHNICIAN, input=NewExchange, output=ExchangeRow)
def note_meter_exchange(call, *, device_id: int | str, timestamp: int, **exchange):
    """A counter was exchanged for another one that began at a value of its own; counted so also after the fact."""
    device = get_device(device_id)
    return note_exchange(device=device, at=timestamp, by=call.principal, now=timezone.now(), **exchange)


@router.mutation("forgetExchange", permission=TECHNICIAN, input=ById, output=serializers.BooleanField())
def forget_meter_exchange(call, *, id: int):
    """An exchange was noted by mistake."""
    forget_exchange(exchange_id=id)
    return True
