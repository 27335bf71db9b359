from django.utils import timezone
from rest_framework import serializers

from alerts.queries.maintenance import get_window, maintenance_windows
from alerts.services.maintenance import end_maintenance, plan_maintenance
from alerts.windows import is_within
from devices.fields import DeviceReference
from devices.models import Device
from devices.queries import get_device
from factory.accounts.permissions import OPERATOR, VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import StrictDateTime, StrictInteger, StrictString, WireSerializer
from grouping.queries import get_group

router = Router("maintenance")
CLOCK = ["%H:%M"]


class NewWindow(WireSerializer):
    name = StrictString(max_length=120)
    device_id = DeviceReference(required=False)
    group_id = StrictInteger(required=False, min_value=1)
    device_type = serializers.ChoiceField(Device.Type.choices, required=False)
    zone = StrictString(max_length=64, required=False)
    start_time = StrictDateTime(source="starts_at")
    end_time = StrictDateTime(source="ends_at", required=False, allow_null=True)
    days = serializers.ListField(child=StrictInteger(min_value=1, max_value=7), max_length=7, required=False)
    start = serializers.TimeField(input_formats=CLOCK, source="start_of_turn", required=False)
    end = serializers.TimeField(input_formats=CLOCK, source="end_of_turn", required=False)
    time_zone = StrictString(max_length=64, required=False)


class WindowRow(WireSerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    device_id = serializers.IntegerField(allow_null=True)
    group_id = serializers.IntegerField(allow_null=True)
    device_type = serializers.CharField()
    zone = serializers.CharField()
    start_time = serializers.DateTimeField(source="starts_at")
    end_time = serializers.DateTimeField(source="ends_at", allow_null=True)
    days = serializers.ListField(child=serializers.IntegerField())
    start = serializers.TimeField(source="start_time", format="%H:%M", allow_null=True)
    end = serializers.TimeField(source="end_time", format="%H:%M", allow_null=True)
    time_zone = serializers.CharField()
    open = serializers.SerializerMethodField()
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()

    def get_open(self, window) -> bool:
        return is_within(window, timezone.now())


class WindowPage(WireSerializer):
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


@router.query("list", permission=VIEWER, input=WindowPage, output=WindowRow, many=True)
def list_windows(call, *, limit: int, offset: int):
    """Maintenance windows, past ones too, the one that began last first."""
    return maintenance_windows()[offset : offset + limit]


@router.mutation("plan", permission=OPERATOR, input=NewWindow, output=WindowRow)
def plan(call, *, device_id=None, group_id=None, start_of_turn=None, end_of_turn=None, **values):
    """Announce work on a device, a group, a type, a zone or the whole plant: nobody is paged meanwhile."""
    return plan_maintenance(
        device=get_device(device_id) if device_id is not None else None,
        group=get_group(group_id) if group_id is not None else None,
        start_time=start_of_turn,
        end_time=end_of_turn,
        by=call.principal,
        at=timezone.now(),
        **values,
    )


@router.mutation("end", permission=OPERATOR, input=ById, output=WindowRow)
def end(call, *, id: int):
    """The work is done, now; a window that has not begun is taken away."""
    return end_maintenance(window=get_window(id), at=timezone.now())
