from dataclasses import asdict
from datetime import datetime

from django.core.validators import RegexValidator
from django.utils import timezone
from rest_framework import serializers

from devices import queries, services
from devices.fields import DeviceReference
from devices.models import EXTERNAL_ID, LONGEST_TOLERANCE_SECONDS, SILENT_SECONDS, Device, SilenceRule
from devices.patience import patience_by_type
from devices.services import TAG_LENGTH, TAGS_LIMIT
from factory.accounts.permissions import ADMIN, TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import (
    FreeForm,
    StrictBoolean,
    StrictDateTime,
    StrictInteger,
    StrictString,
    WireSerializer,
)

router = Router("devices")


class DeviceRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.CharField(source="external_id")
    name = serializers.CharField()
    type = serializers.ChoiceField(Device.Type.choices)
    status = serializers.ChoiceField(Device.Status.choices)
    location = serializers.CharField()
    zone = serializers.CharField()
    firmware_version = serializers.CharField()
    last_seen = serializers.DateTimeField(source="last_seen_at", allow_null=True)
    metadata = FreeForm()
    tags = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    deactivated_at = serializers.DateTimeField(allow_null=True)


class DeviceWithToken(DeviceRow):
    token = serializers.CharField()


class Token(WireSerializer):
    token = serializers.CharField()


class StatusRange(WireSerializer):
    id = DeviceReference()
    start_time = StrictDateTime()
    end_time = StrictDateTime()


class StatusRow(WireSerializer):
    status = serializers.ChoiceField(Device.Status.choices)
    since = serializers.DateTimeField()


class Stats(WireSerializer):
    total = serializers.IntegerField()
    online = serializers.IntegerField()
    offline = serializers.IntegerField()
    maintenance = serializers.IntegerField()
    error = serializers.IntegerField()
    byType = serializers.DictField(child=serializers.IntegerField())


class Narrowing(WireSerializer):
    status = serializers.ChoiceField(Device.Status.choices, required=False)
    type = serializers.ChoiceField(Device.Type.choices, required=False)
    zone = StrictString(max_length=64, required=False, allow_blank=True)
    group_id = StrictInteger(required=False)
    tag = StrictString(max_length=64, required=False)
    search = StrictString(max_length=120, required=False, allow_blank=True)
    filter = StrictString(required=False)
    include_deactivated = StrictBoolean(default=False)
    sort = serializers.ChoiceField(
        choices=[way + name for name in queries.SORTS for way in ("", "-")], default="name"
    )


class DeviceFilter(Narrowing):
    limit = StrictInteger(default=1000, min_value=1, max_value=10_000)
    offset = StrictInteger(default=0, min_value=0)


class DeviceProperties(WireSerializer):
    status = serializers.ChoiceField(Device.Status.choices, required=False)
    location = StrictString(max_length=120, required=False, allow_blank=True)
    zone = StrictString(max_length=64, required=False, allow_blank=True)
    firmware_version = StrictString(max_length=64, required=False, allow_blank=True)
    metadata = FreeForm(required=False)
    tags = serializers.ListField(
        child=StrictString(max_length=TAG_LENGTH), max_length=TAGS_LIMIT, required=False
    )


class NewDevice(DeviceProperties):
    device_id = StrictString(
        trim_whitespace=False,
        validators=[RegexValidator(EXTERNAL_ID, "Letters, digits and . _ : - only, at most 64.")],
    )
    name = StrictString(max_length=120)
    type = serializers.ChoiceField(Device.Type.choices)


class DeviceChanges(DeviceProperties):
    id = DeviceReference()
    name = StrictString(max_length=120, required=False)
    type = serializers.ChoiceField(Device.Type.choices, required=False)


class ById(WireSerializer):
    id = DeviceReference()


class OneOrMany(WireSerializer):
    id = DeviceReference(required=False)
    ids = serializers.ListField(child=DeviceReference(), required=False, min_length=1, max_length=10_000)


class Deactivated(WireSerializer):
    device_ids = serializers.ListField(child=serializers.IntegerField())


class GoingRow(WireSerializer):
    kind = serializers.CharField()
    count = serializers.IntegerField()
    is_more = serializers.BooleanField()


class ByDeviceId(WireSerializer):
    device_id = StrictString(max_length=64, trim_whitespace=False)


class SilenceRow(WireSerializer):
    type = serializers.ChoiceField(Device.Type.choices)
    silent_seconds = serializers.IntegerField()
    tolerance_seconds = serializers.IntegerField()
    severity = serializers.ChoiceField(SilenceRule.Severity.choices)


class SilenceChanges(WireSerializer):
    """What is left out stays as it is, or takes the usual value."""

    type = serializers.ChoiceField(Device.Type.choices)
    silent_seconds = StrictInteger(required=False, min_value=SILENT_SECONDS[0], max_value=SILENT_SECONDS[1])
    tolerance_seconds = StrictInteger(required=False, min_value=0, max_value=LONGEST_TOLERANCE_SECONDS)
    severity = serializers.ChoiceField(SilenceRule.Severity.choices, required=False)


@router.query("list", permission=VIEWER, input=DeviceFilter, output=DeviceRow, many=True)
def list_devices(call, *, limit: int, offset: int, group_id: int | None = None, **wanted):
    """Devices in service by name, narrowed by any property or a filter; `X-Total-Count` says how many there are."""
    found = queries.devices_matching(groupId=group_id, **wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return queries.shown(found[offset : offset + limit])


@router.query("getById", permission=VIEWER, input=ById, output=DeviceRow)
def get_by_id(call, *, id: int | str):
    """One device."""
    return queries.get_device(id)


@router.query("getByDeviceId", permission=VIEWER, input=ByDeviceId, output=DeviceRow)
def get_by_device_id(call, *, device_id: str):
    """One device by the id it uses for itself."""
    return queries.get_device(device_id)


@router.query("getStats", permission=VIEWER, output=Stats)
def get_stats(call):
    """How many devices there are in service, by status and by type."""
    return queries.device_stats()


@router.query("getStatusHistory", permission=VIEWER, input=StatusRange, output=StatusRow, many=True)
def get_status_history(call, *, id: int | str, start_time: datetime, end_time: datetime):
    """What the status of a device was in [startTime, endTime), each with since when; a year is kept."""
    if end_time <= start_time:
        raise InvalidInput.at("endTime", "must be after startTime")
    device_id = queries.get_device(id).pk
    points = queries.statuses_of(device_ids=[device_id], start=start_time, end=end_time)[device_id]
    return [{"status": status, "since": at} for at, status in points]


@router.mutation("create", permission=TECHNICIAN, input=NewDevice, output=DeviceWithToken)
def create(call, *, device_id: str, **properties):
    """Add a device. The answer carries its token, this once."""
    device, token = services.register_device(external_id=device_id, at=timezone.now(), **properties)
    device.token = token  # type: ignore[attr-defined]  # for this answer only
    return device


@router.mutation("update", permission=TECHNICIAN, input=DeviceChanges, output=DeviceRow)
def update(call, *, id: int | str, **changes):
    """Change a device's properties; its device id never changes."""
    if not changes:
        raise InvalidInput("Nothing to change: name at least one property.")
    return services.edit_device(device=queries.get_device(id), at=timezone.now(), **changes)


@router.mutation("deactivate", permission=TECHNICIAN, input=OneOrMany, output=Deactivated)
def deactivate(call, *, id: int | str | None = None, ids: list[int | str] | None = None):
    """Take one device or many out of service: its tokens, commands and alerts end, and its history stays."""
    if (id is None) is (ids is None):
        raise InvalidInput.at("id", "give either id or ids")
    wanted = queries.get_device_ids(ids or [id or 0])
    return {
        "device_ids": services.deactivate_devices(device_ids=wanted, at=timezone.now(), by=call.principal)
    }


@router.mutation("reactivate", permission=TECHNICIAN, input=ById, output=Token)
def reactivate(call, *, id: int | str):
    """Put a device back into service. The answer carries its new token, this once."""
    return {"token": services.reactivate_device(device=queries.get_device(id), at=timezone.now())}


@router.query("whatGoes", permission=TECHNICIAN, input=ById, output=GoingRow, many=True)
def what_goes(call, *, id: int | str):
    """What would go with a device if it were deleted: how many of each kind, counted up to 100,000."""
    most = queries.MOST_COUNTED
    goes = queries.what_goes([queries.get_device(id).pk])
    return [
        {"kind": kind, "count": min(count, most), "is_more": count > most} for kind, count in goes.items()
    ]


@router.mutation("delete", permission=ADMIN, input=ById, output=serializers.BooleanField())
def delete(call, *, id: int | str):
    """Remove a device with its credentials, thresholds, alerts and readings."""
    services.delete_devices(devices=[queries.get_device(id)])
    return True


@router.query("silenceRules", permission=VIEWER, output=SilenceRow, many=True)
def silence_rules(call):
    """How long devices of each type may be silent, when people are told then, and how loudly."""
    return [{"type": type_, **asdict(patience)} for type_, patience in patience_by_type().items()]


@router.mutation("setSilenceRule", permission=TECHNICIAN, input=SilenceChanges, output=SilenceRow)
def set_silence_rule(call, *, type: str, **changes):
    """Set how long devices of a type may be silent; those that are waited for are waited for by it."""
    return {"type": type, **asdict(services.set_silence_rule(type=type, **changes))}
