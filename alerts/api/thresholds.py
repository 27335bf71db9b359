from django.utils import timezone
from rest_framework import serializers

from alerts.queries import thresholds as queries
from alerts.services.thresholds import (
    Scope,
    create_threshold,
    delete_threshold,
    edit_threshold,
    replace_thresholds,
)
from devices.fields import DeviceReference
from devices.models import Device
from devices.queries import get_device
from factory.accounts.permissions import TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import (
    StrictBoolean,
    StrictFloat,
    StrictInteger,
    StrictString,
    WireSerializer,
    wire_name,
)
from grouping.queries import get_group

router = Router("thresholds")


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
    device_id = DeviceReference(required=False)
    group_id = StrictInteger(required=False, min_value=1)
    device_type = serializers.ChoiceField(Device.Type.choices, required=False)


class ThresholdChange(Bounds):
    id = StrictInteger(min_value=1)


class ThresholdSet(WireSerializer):
    device_id = DeviceReference()
    thresholds = serializers.ListField(child=DeviceBounds(), max_length=64, source="wanted")


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class ByDevice(WireSerializer):
    device_id = DeviceReference()
    in_force = StrictBoolean(default=False)


class ThresholdFilter(WireSerializer):
    group_id = StrictInteger(required=False, min_value=1)
    device_type = serializers.ChoiceField(Device.Type.choices, required=False)
    metric = StrictString(max_length=63, required=False)
    limit = StrictInteger(default=1000, min_value=1, max_value=10_000)
    offset = StrictInteger(default=0, min_value=0)


class HistoryFilter(WireSerializer):
    threshold_id = StrictInteger(required=False, min_value=1)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class ThresholdRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.IntegerField(allow_null=True)
    group_id = serializers.IntegerField(allow_null=True)
    device_type = serializers.CharField(allow_null=True)
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


class ChangeRow(WireSerializer):
    id = serializers.IntegerField()
    threshold_id = serializers.IntegerField()
    scope = serializers.CharField()
    metric = serializers.CharField()
    kind = serializers.CharField()
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    by = serializers.IntegerField(source="by_id", allow_null=True)
    at = serializers.DateTimeField()

    def get_before(self, change) -> dict:
        return {wire_name(field): value for field, value in change.before.items()}

    def get_after(self, change) -> dict:
        return {wire_name(field): value for field, value in change.after.items()}


class Success(WireSerializer):
    success = serializers.BooleanField()


def _scope(device_id: int | str | None, group_id: int | None, device_type: str | None) -> Scope:
    return Scope(
        device=get_device(device_id) if device_id is not None else None,
        group=get_group(group_id) if group_id is not None else None,
        device_type=device_type,
    )


@router.query("getForDevice", permission=VIEWER, input=ByDevice, output=ThresholdRow, many=True)
def get_for_device(call, *, device_id: int | str, in_force: bool):
    """The thresholds that are a device's own, by metric; with `inForce` those that it is judged by."""
    device = get_device(device_id)
    found = queries.thresholds_in_force if in_force else queries.thresholds_of
    return found(device_id=device.pk)


@router.query("list", permission=VIEWER, input=ThresholdFilter, output=ThresholdRow, many=True)
def list_thresholds(call, *, limit: int, offset: int, **wanted):
    """Thresholds of every scope, the newest first; `X-Total-Count` counts them all."""
    found = queries.thresholds_matching(**wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@router.query("history", permission=VIEWER, input=HistoryFilter, output=ChangeRow, many=True)
def history(call, *, limit: int, offset: int, threshold_id: int | None = None):
    """Who changed what is expected, and when; the newest first."""
    return queries.threshold_changes(threshold_id=threshold_id)[offset : offset + limit]


@router.mutation("create", permission=TECHNICIAN, input=NewThreshold, output=ThresholdRow)
def create(call, *, device_id=None, group_id=None, device_type=None, **values):
    """Watch one more metric of a device, a group or a type of device; in force with the next reading."""
    scope = _scope(device_id, group_id, device_type)
    return create_threshold(scope=scope, by=call.principal, at=timezone.now(), **values)


@router.mutation("update", permission=TECHNICIAN, input=ThresholdChange, output=ThresholdRow)
def update_threshold(call, *, id: int, **changes):
    """Change bounds or delays; what is not named stays."""
    if not changes:
        raise InvalidInput("Nothing to change: name at least one value.")
    threshold = queries.get_threshold(id)
    return edit_threshold(threshold=threshold, by=call.principal, at=timezone.now(), **changes)


@router.mutation("delete", permission=TECHNICIAN, input=ById, output=serializers.BooleanField())
def delete(call, *, id: int):
    """Stop watching; an alert that no other threshold keeps open is over."""
    delete_threshold(threshold=queries.get_threshold(id), by=call.principal, at=timezone.now())
    return True


@router.mutation("upsertForDevice", permission=TECHNICIAN, input=ThresholdSet, output=Success)
def upsert_for_device(call, *, device_id: int | str, wanted: list[dict]):
    """Afterwards the device has exactly these; one with the same metric keeps its id and its open alert."""
    device = get_device(device_id)
    replace_thresholds(device=device, wanted=wanted, by=call.principal, at=timezone.now())
    return {"success": True}
