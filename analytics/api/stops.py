from django.utils import timezone
from rest_framework import serializers

from analytics.api.fields import ById, Code, Within, one_of
from analytics.queries.downtime import downtime_answer, downtime_in, stop_told
from analytics.queries.machines import machines_in
from analytics.queries.states import ms
from analytics.queries.stop_codes import stop_codes
from analytics.services.stops import add_stop, classify_stop, remove_stop, set_stop_code
from devices.fields import DeviceReference
from devices.queries import get_device
from factory.accounts.permissions import OPERATOR, TECHNICIAN, VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import MomentField, StrictBoolean, StrictInteger, StrictString, WireSerializer

router = Router("analytics")


class CodeRow(WireSerializer):
    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    planned = serializers.BooleanField()
    failure = serializers.BooleanField()
    active = serializers.BooleanField()


class NewCode(WireSerializer):
    code = Code()
    label = StrictString(max_length=120)  # type: ignore[assignment]  # a field called label
    planned = StrictBoolean()
    failure = StrictBoolean(required=False)
    active = StrictBoolean(required=False)


class NewStop(WireSerializer):
    device_id = DeviceReference()
    start_time = MomentField()
    end_time = MomentField()
    code = Code()
    note = StrictString(max_length=300, required=False, allow_blank=True)


class Classification(ById):
    code = Code(allow_null=True)
    note = StrictString(max_length=300, required=False, allow_blank=True)


class StopRow(WireSerializer):
    """`loss_seconds` is what of it was planned busy time; a stop without an id is too new to have one."""

    id = serializers.IntegerField(allow_null=True)
    device_id = serializers.IntegerField()
    name = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField()
    loss_seconds = serializers.FloatField()
    code = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # a field called label
    planned = serializers.BooleanField()
    added = serializers.BooleanField()
    note = serializers.CharField()
    by = serializers.CharField()


class ParetoRow(WireSerializer):
    code = serializers.CharField(allow_null=True)
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    seconds = serializers.FloatField()
    stops = serializers.IntegerField()
    share = serializers.FloatField()
    cumulative = serializers.FloatField()


class MicroStops(WireSerializer):
    count = serializers.IntegerField()
    seconds = serializers.FloatField()
    share_of_time = serializers.FloatField(allow_null=True)
    share_of_events = serializers.FloatField(allow_null=True)


class DowntimeFilter(Within):
    limit = StrictInteger(default=1000, min_value=1, max_value=10_000)


class DowntimeAnswer(WireSerializer):
    stops = StopRow(many=True)
    total_stops = serializers.IntegerField()
    open_stops = serializers.IntegerField()  # nobody gave them a reason yet
    pareto = ParetoRow(many=True)
    micro_stops = MicroStops()
    planned_seconds = serializers.FloatField()
    run_seconds = serializers.FloatField()
    unknown_seconds = serializers.FloatField()


@router.query("stopCodes", permission=VIEWER, output=CodeRow, many=True)
def list_stop_codes(call):
    """Why machines stand: the codes that people can give a stop, in order of their labels."""
    return stop_codes()


@router.mutation("setStopCode", permission=TECHNICIAN, input=NewCode, output=CodeRow)
def choose_stop_code(call, **code):
    """Declare a code or change what it means, for the past too; `planned` says that it is no planned busy time."""
    return set_stop_code(**code)


@router.mutation("addStop", permission=OPERATOR, input=NewStop, output=StopRow)
def note_stop(call, *, device_id: int | str, start_time: int, end_time: int, **about):
    """A machine stood, whatever it said itself; what is planned may be said beforehand."""
    now = timezone.now()
    stop = add_stop(
        device=get_device(device_id), start=start_time, end=end_time, by=call.principal, at=now, **about
    )
    return stop_told(stop, now=ms(now))


@router.mutation("classifyStop", permission=OPERATOR, input=Classification, output=StopRow)
def give_reason(call, *, id: int, code: str | None, note: str = ""):
    """Say why a machine stood; null takes it back."""
    now = timezone.now()
    stop = classify_stop(stop_id=id, code=code, by=call.principal, at=now, note=note)
    return stop_told(stop, now=ms(now))


@router.mutation("removeStop", permission=OPERATOR, input=ById, output=serializers.BooleanField())
def take_back_stop(call, *, id: int):
    """A stop was added by mistake; what a machine told itself stays."""
    remove_stop(stop_id=id)
    return True


@router.query("getDowntime", permission=VIEWER, input=DowntimeFilter, output=DowntimeAnswer)
def get_downtime(
    call,
    *,
    start_time: int,
    end_time: int,
    limit: int,
    device_id: int | str | None = None,
    group_id: int | None = None,
):
    """Stops with their reasons, the newest first, what they come to by reason, the worst first, and micro-stops."""
    one_of(device_id, group_id)
    devices = machines_in(
        device_id=None if device_id is None else get_device(device_id).pk, group_id=group_id
    )
    found = downtime_in(device_ids=devices, start=start_time, end=end_time, now=ms(timezone.now()))
    return downtime_answer(found, limit=limit)
