from datetime import date
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from analytics.api.fields import ByDevice, ClockField, DayField, Of, one_of
from analytics.models import MachineProfile
from analytics.models.machines import LONGEST_MICRO_STOP
from analytics.oee.shifts import ShiftRule
from analytics.queries.machines import calendar_row, machine_setup, setup_of, shifts_of
from analytics.services.calendars import Target, drop_shifts, set_shifts
from analytics.services.machines import (
    drop_machine_profile,
    set_line,
    set_machine_profile,
    set_products,
    start_product,
    take_back_product,
)
from devices.fields import DeviceReference
from devices.models import Device
from devices.queries import get_device
from factory.accounts.permissions import OPERATOR, TECHNICIAN, VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import (
    MomentField,
    OrNull,
    StrictFloat,
    StrictInteger,
    StrictString,
    TimeZoneField,
    WireSerializer,
)
from grouping.queries import get_group

router = Router("analytics")
RunningBy = MachineProfile.RunningBy


class Running(WireSerializer):
    """One of `{metric, above}`, `{events}` (a metric above 0 begins, 0 ends) and `{status}`."""

    metric = StrictString(max_length=63, required=False)
    above = StrictFloat(required=False)
    events = StrictString(max_length=63, required=False)
    status = serializers.ListField(
        child=serializers.ChoiceField(Device.Status.choices), required=False, max_length=4
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        ways = [way for way in ("metric", "events", "status") if way in given]
        if len(ways) != 1 or ("above" in given) is not (ways == ["metric"]):
            raise serializers.ValidationError("Give {metric, above}, {events} or {status}.")
        if ways == ["metric"]:
            running = {"running_metric": given["metric"], "running_above": given["above"]}
        elif ways == ["events"]:
            running = {"running_metric": given["events"], "running_above": 0.0}
        else:
            running = {"running_statuses": sorted(set(given["status"]))}
        return {**running, "running_by": RunningBy(ways[0])}


class NewProfile(WireSerializer):
    device_id = DeviceReference()
    ideal_cycle_seconds = StrictFloat()
    total_metric = StrictString(max_length=63)
    good_metric = StrictString(max_length=63, required=False, allow_null=True)
    reject_metric = StrictString(max_length=63, required=False, allow_null=True)
    running = Running()
    micro_stop_seconds = StrictInteger(required=False, min_value=0, max_value=LONGEST_MICRO_STOP)
    valid_from = MomentField(required=False, min_value=1)


class ProductRow(WireSerializer):
    name = serializers.CharField()
    ideal_cycle_seconds = serializers.FloatField()


class RunningRow(WireSerializer):
    """What is not its way is left out."""

    metric = serializers.CharField(required=False)
    above = serializers.FloatField(required=False)
    events = serializers.CharField(required=False)
    status = serializers.ListField(child=serializers.ChoiceField(Device.Status.choices), required=False)


class ProfileRow(WireSerializer):
    device_id = serializers.IntegerField()
    ideal_cycle_seconds = serializers.FloatField()
    total_metric = serializers.CharField()
    good_metric = serializers.CharField(allow_null=True)
    reject_metric = serializers.CharField(allow_null=True)
    running = RunningRow()
    micro_stop_seconds = serializers.IntegerField()
    valid_from = serializers.IntegerField(allow_null=True)
    products = ProductRow(many=True)
    product = serializers.CharField(allow_null=True)
    versions = serializers.IntegerField()


class NewProduct(WireSerializer):
    name = StrictString(max_length=120)
    ideal_cycle_seconds = StrictFloat()


class NewProducts(WireSerializer):
    device_id = DeviceReference()
    products = NewProduct(many=True)


class ProductStart(WireSerializer):
    device_id = DeviceReference()
    product = StrictString(max_length=120, allow_null=True)
    start_time = MomentField(required=False)


class StartedAt(WireSerializer):
    device_id = DeviceReference()
    start_time = MomentField()


class Break(WireSerializer):
    start = ClockField()
    end = ClockField()


class NewShift(WireSerializer):
    name = StrictString(max_length=60)
    days = serializers.ListField(child=StrictInteger(min_value=1, max_value=7), min_length=1, max_length=7)
    start = ClockField()
    end = ClockField()
    breaks = Break(many=True, required=False)


class NewShifts(Of):
    time_zone = TimeZoneField()
    shifts = NewShift(many=True)
    holidays = serializers.ListField(child=DayField(), required=False, max_length=1000)
    valid_from = DayField(required=False)


class WhichShifts(Of):
    valid_from = DayField(required=False)


class ShiftsRow(WireSerializer):
    device_id = serializers.IntegerField(allow_null=True)
    group_id = serializers.IntegerField(allow_null=True)
    time_zone = serializers.CharField()
    shifts = NewShift(many=True)
    holidays = serializers.ListField(child=serializers.CharField())
    valid_from = serializers.CharField(allow_null=True)


class LineOf(WireSerializer):
    group_id = StrictInteger(min_value=1)
    station_id = DeviceReference(allow_null=True)


class LineRow(WireSerializer):
    group_id = serializers.IntegerField()
    station_id = serializers.IntegerField(allow_null=True)


def _target(device_id: int | str | None, group_id: int | None) -> Target:
    one_of(device_id, group_id)
    return Target(
        device=None if device_id is None else get_device(device_id),
        group=None if group_id is None else get_group(group_id),
    )


@router.mutation("setMachineProfile", permission=TECHNICIAN, input=NewProfile, output=ProfileRow)
def choose_machine_profile(
    call, *, device_id: int | str, running: dict[str, Any], valid_from: int | None = None, **profile
):
    """Say how fast a machine can be, what counts its pieces and when it runs; for the past too, unless `validFrom`.

    A metric that counts and that nobody declared yet is declared as a counter.
    """
    device = get_device(device_id)
    given = {name: "" if value is None else value for name, value in profile.items()}
    set_machine_profile(
        device=device, by=call.principal, at=timezone.now(), valid_from=valid_from, **given, **running
    )
    return machine_setup(device_id=device.pk)


@router.query("getMachineProfile", permission=VIEWER, input=ByDevice, output=OrNull(ProfileRow))
def get_machine_profile(call, *, device_id: int | str):
    """A machine's newest profile, with its products and what it makes now; null for a device that is no machine."""
    return setup_of(device_id=get_device(device_id).pk)


@router.mutation(
    "deleteMachineProfile", permission=TECHNICIAN, input=ByDevice, output=serializers.BooleanField()
)
def forget_machine_profile(call, *, device_id: int | str):
    """The device is no machine any more; its states and results are forgotten, its readings are not."""
    drop_machine_profile(device=get_device(device_id))
    return True


@router.mutation("setProducts", permission=TECHNICIAN, input=NewProducts, output=ProductRow, many=True)
def choose_products(call, *, device_id: int | str, products: list[dict[str, Any]]):
    """The products that a machine makes in cycles of their own are exactly these from now on."""
    device = get_device(device_id)
    named = [(product["name"], product["ideal_cycle_seconds"]) for product in products]
    return set_products(device=device, products=named)


@router.mutation("startProduct", permission=OPERATOR, input=ProductStart, output=ProfileRow)
def begin_product(call, *, device_id: int | str, product: str | None, start_time: int | None = None):
    """From now, or from `startTime`, on the machine makes this product; null: what its profile says."""
    device, now = get_device(device_id), timezone.now()
    start = int(now.timestamp() * 1000) if start_time is None else start_time
    start_product(device=device, product=product, start=start, at=now)
    return machine_setup(device_id=device.pk)


@router.mutation("takeBackProduct", permission=OPERATOR, input=StartedAt, output=ProfileRow)
def forget_product_start(call, *, device_id: int | str, start_time: int):
    """That a product was started at `startTime` was a mistake: what was made before goes on."""
    device = get_device(device_id)
    take_back_product(device=device, start=start_time)
    return machine_setup(device_id=device.pk)


@router.mutation("setShifts", permission=TECHNICIAN, input=NewShifts, output=ShiftsRow)
def choose_shifts(
    call,
    *,
    time_zone: str,
    shifts: list[dict[str, Any]],
    device_id: int | str | None = None,
    group_id: int | None = None,
    **others,
):
    """Say when a device, a group or the plant is to produce; for the past too, unless `validFrom` a day on."""
    target = _target(device_id, group_id)
    rules = [
        ShiftRule(
            shift["name"],
            frozenset(shift["days"]),
            shift["start"],
            shift["end"],
            tuple((each["start"], each["end"]) for each in shift.get("breaks", ())),
        )
        for shift in shifts
    ]
    calendar = set_shifts(target=target, time_zone=time_zone, shifts=rules, at=timezone.now(), **others)
    return calendar_row(calendar)


@router.query("getShifts", permission=VIEWER, input=Of, output=OrNull(ShiftsRow))
def get_shifts(call, *, device_id: int | str | None = None, group_id: int | None = None):
    """The newest shifts that were given to a device, a group or the plant itself; null where none were."""
    return shifts_of(_target(device_id, group_id).name)


@router.mutation("deleteShifts", permission=TECHNICIAN, input=WhichShifts, output=serializers.BooleanField())
def forget_shifts(
    call,
    *,
    device_id: int | str | None = None,
    group_id: int | None = None,
    valid_from: date | None = None,
):
    """It has no shifts of its own any more: a device works by its group's, a group by the plant's; with `validFrom`
    only what was said to hold from that day on is taken back."""
    drop_shifts(target=_target(device_id, group_id), valid_from=valid_from)
    return True


@router.mutation("setLine", permission=TECHNICIAN, input=LineOf, output=LineRow)
def choose_line(call, *, group_id: int, station_id: int | str | None):
    """A group is a serial line for which one station speaks, its bottleneck or its last; null: it is none."""
    station = None if station_id is None else get_device(station_id)
    set_line(group=get_group(group_id), station=station)
    return {"group_id": group_id, "station_id": station.pk if station else None}
