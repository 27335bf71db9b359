from datetime import date

from django.utils import timezone
from rest_framework import serializers

from alerts import queries
from alerts.models import Alert, AlertEvent
from alerts.services import lifecycle
from alerts.services.thresholds import (
    create_threshold,
    delete_threshold,
    edit_threshold,
    replace_thresholds,
)
from devices.fields import DeviceReference
from devices.queries import get_device
from factory.accounts.permissions import OPERATOR, TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Deprecated, Router
from factory.trpc.serializers import (
    StrictBoolean,
    StrictDateTime,
    StrictFloat,
    StrictInteger,
    StrictString,
    WireSerializer,
)

alerts = Router("alerts")
thresholds = Router("thresholds")


class AlertRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.IntegerField(allow_null=True)
    type = serializers.ChoiceField(Alert.Type.choices)
    severity = serializers.ChoiceField(Alert.Severity.choices)
    metric = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField(allow_null=True)
    message = serializers.CharField()
    status = serializers.ChoiceField(Alert.Status.choices)
    acknowledged_by = serializers.IntegerField(source="acknowledged_by_id", allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    shelved_until = serializers.DateTimeField(allow_null=True)
    occurrences = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    late = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EventRow(WireSerializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(AlertEvent.Kind.choices)
    severity = serializers.ChoiceField(Alert.Severity.choices)
    status = serializers.ChoiceField(Alert.Status.choices)
    value = serializers.FloatField(allow_null=True)
    by = serializers.IntegerField(source="by_id", allow_null=True)
    note = serializers.CharField()
    at = serializers.DateTimeField()


class AlertWithEvents(AlertRow):
    events = EventRow(many=True, source="history")


class AlertFilter(WireSerializer):
    device_id = DeviceReference(required=False)
    status = serializers.ChoiceField(Alert.Status.choices, required=False)
    severity = serializers.ChoiceField(Alert.Severity.choices, required=False)
    type = serializers.ChoiceField(Alert.Type.choices, required=False)
    search = StrictString(max_length=120, required=False, allow_blank=True)
    start_time = StrictDateTime(required=False)
    end_time = StrictDateTime(required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class StatusChange(ById):
    status = serializers.ChoiceField(Alert.Status.choices)


class Handling(WireSerializer):
    ids = serializers.ListField(child=StrictInteger(min_value=1), min_length=1, max_length=500)
    note = StrictString(max_length=500, required=False, default="", allow_blank=True)


class AlertStats(WireSerializer):
    total = serializers.IntegerField()
    active = serializers.IntegerField()
    acknowledged = serializers.IntegerField()
    resolved = serializers.IntegerField()
    critical = serializers.IntegerField()
    warning = serializers.IntegerField()
    info = serializers.IntegerField()


@alerts.query("list", permission=VIEWER, input=AlertFilter, output=AlertRow, many=True)
def list_alerts(call, *, limit: int, offset: int, device_id=None, start_time=None, end_time=None, **wanted):
    """Alerts of every status unless one is asked for, newest first; `X-Total-Count` counts them all."""
    device_pk = get_device(device_id).pk if device_id is not None else None
    found = queries.alerts_matching(device_id=device_pk, start=start_time, end=end_time, **wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@alerts.query("getById", permission=VIEWER, input=ById, output=AlertWithEvents)
def get_by_id(call, *, id: int):
    """One alert with every step of its life, oldest first."""
    alert = queries.get_alert(id)
    alert.history = alert.events.order_by("pk")  # type: ignore[attr-defined]  # for this answer only
    return alert


@alerts.query("getStats", permission=VIEWER, output=AlertStats)
def get_stats(call):
    """Alerts by status; critical, warning and info count the active ones."""
    return queries.alert_stats()


@alerts.mutation("updateStatus", permission=VIEWER, input=StatusChange, output=AlertRow)
def update_status(call, *, id: int, status: str):
    """Acknowledge an alert, or (operators) resolve it; what somebody just did is a CONFLICT."""
    alert = queries.get_alert(id)
    return lifecycle.set_status(alert=alert, status=status, by=call.principal, at=timezone.now())


@alerts.mutation(
    "update",
    permission=VIEWER,
    input=StatusChange,
    output=AlertRow,
    deprecated=Deprecated(since=date(2026, 11, 21), until=date(2027, 6, 1), instead="alerts.updateStatus"),
)
def update(call, *, id: int, status: str):
    """The older spelling of updateStatus."""
    return update_status(call, id=id, status=status)


@alerts.mutation("acknowledge", permission=VIEWER, input=Handling, output=AlertRow, many=True)
def acknowledge(call, *, ids: list[int], note: str):
    """Say "I have seen them": all of the named alerts, or none where one is handled already."""
    return lifecycle.acknowledge_alerts(alert_ids=ids, by=call.principal, at=timezone.now(), note=note)


@alerts.mutation("resolve", permission=OPERATOR, input=Handling, output=AlertRow, many=True)
def resolve(call, *, ids: list[int], note: str):
    """Close all of the named alerts by hand, or none where one is resolved already."""
    return lifecycle.resolve_alerts(alert_ids=ids, by=call.principal, at=timezone.now(), note=note)


# Thresholds


class Bounds(WireSerializer):
    min_value = StrictFloat(required=False, allow_null=True)
    max_value = StrictFloat(required=False, allow_null=True)
    warning_min = StrictFloat(required=False, allow_null=True)
    warning_max = StrictFloat(required=False, allow_null=True)
    hysteresis = StrictFloat(required=False, min_value=0)
    hold_seconds = StrictInteger(required=False, min_value=0, max_value=86_400)
    clear_seconds = StrictInteger(required=False, min_value=0, max_value=86_400)
    count = StrictInteger(required=False, min_value=1, max_value=1000)
    enabled = StrictBoolean(required=False)


class DeviceBounds(Bounds):
    metric = StrictString(max_length=63)


class NewThreshold(DeviceBounds):
    device_id = DeviceReference()


class ThresholdChange(Bounds):
    id = StrictInteger(min_value=1)


class ThresholdSet(WireSerializer):
    device_id = DeviceReference()
    thresholds = serializers.ListField(child=DeviceBounds(), max_length=64, source="wanted")


class ByDevice(WireSerializer):
    device_id = DeviceReference()


class ThresholdRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.IntegerField()
    metric = serializers.CharField()
    min_value = serializers.FloatField(allow_null=True)
    max_value = serializers.FloatField(allow_null=True)
    warning_min = serializers.FloatField(allow_null=True)
    warning_max = serializers.FloatField(allow_null=True)
    hysteresis = serializers.FloatField()
    hold_seconds = serializers.IntegerField()
    clear_seconds = serializers.IntegerField()
    count = serializers.IntegerField()
    enabled = serializers.BooleanField()


class Success(WireSerializer):
    success = serializers.BooleanField()


@thresholds.query("getForDevice", permission=VIEWER, input=ByDevice, output=ThresholdRow, many=True)
def get_for_device(call, *, device_id: int | str):
    """The thresholds of a device, by metric."""
    return queries.thresholds_of(device_id=get_device(device_id).pk)


@thresholds.mutation("create", permission=TECHNICIAN, input=NewThreshold, output=ThresholdRow)
def create(call, *, device_id: int | str, **values):
    """Watch one more metric of a device; in force with the next reading."""
    return create_threshold(device=get_device(device_id), **values)


@thresholds.mutation("update", permission=TECHNICIAN, input=ThresholdChange, output=ThresholdRow)
def update_threshold(call, *, id: int, **changes):
    """Change bounds or delays; what is not named stays."""
    if not changes:
        raise InvalidInput("Nothing to change: name at least one value.")
    return edit_threshold(threshold=queries.get_threshold(id), at=timezone.now(), **changes)


@thresholds.mutation("delete", permission=TECHNICIAN, input=ById)
def delete(call, *, id: int):
    """Stop watching a metric; an alert that it holds open is over."""
    delete_threshold(threshold=queries.get_threshold(id), at=timezone.now())
    return True


@thresholds.mutation("upsertForDevice", permission=TECHNICIAN, input=ThresholdSet, output=Success)
def upsert_for_device(call, *, device_id: int | str, wanted: list[dict]):
    """Afterwards the device has exactly these; one with the same metric keeps its id and its open alert."""
    replace_thresholds(device=get_device(device_id), wanted=wanted, at=timezone.now())
    return {"success": True}
