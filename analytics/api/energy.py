from django.utils import timezone
from rest_framework import serializers

from analytics.api.fields import one_of
from analytics.energy.course import price_of
from analytics.queries.energy import energy_rows
from analytics.queries.energy_summary import energy_summary
from analytics.queries.meters import Scope, energy_price, meter_rows, scope_of
from analytics.queries.states import ms
from analytics.services.meters import set_energy_meter, set_energy_price
from devices.fields import DeviceReference
from devices.queries import get_device, get_device_ids
from factory.accounts.permissions import ADMIN, TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import (
    MomentField,
    StrictFloat,
    StrictInteger,
    StrictString,
    TimeZoneField,
    WireSerializer,
)
from telemetry.buckets import CALENDAR
from telemetry.row_shapes import BucketRow

router = Router("analytics")


class EnergyOf(WireSerializer):
    start_time = MomentField()
    end_time = MomentField()
    group_id = StrictInteger(min_value=1, required=False)
    device_ids = serializers.ListField(
        child=DeviceReference(), min_length=1, max_length=10_000, required=False
    )


class EnergyFilter(EnergyOf):
    interval_ms = StrictInteger(default=3_600_000, min_value=1000, max_value=366 * 86_400_000)
    interval = serializers.ChoiceField(choices=CALENDAR, required=False)
    time_zone = TimeZoneField(required=False)
    metrics = serializers.ListField(child=StrictString(max_length=63), required=False, max_length=64)


class EnergyRow(BucketRow):
    """As `readings.getAggregated` has it, and the energy beside it; null where nothing is known."""

    energy_kwh = serializers.FloatField(source="energyKwh", allow_null=True)
    peak_kw = serializers.FloatField(source="peakKw", allow_null=True)
    coverage = serializers.FloatField()
    cost = serializers.FloatField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())


class EnergyFigures(WireSerializer):
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    energy_kwh = serializers.FloatField(allow_null=True)
    peak_kw = serializers.FloatField(allow_null=True)
    peak_at = serializers.DateTimeField(allow_null=True)
    base_load_kw = serializers.FloatField(allow_null=True)
    coverage = serializers.FloatField()
    cost = serializers.FloatField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())


class EnergySummary(EnergyFigures):
    currency = serializers.CharField(allow_null=True)
    devices = serializers.IntegerField()
    previous = EnergyFigures()
    change = serializers.FloatField(allow_null=True)


class Price(WireSerializer):
    per_kwh = serializers.FloatField(allow_null=True)
    currency = serializers.CharField(allow_blank=True)


class NewPrice(WireSerializer):
    per_kwh = StrictFloat(allow_null=True)
    currency = StrictString(max_length=3, required=False, allow_blank=True, default="")


class MeterFilter(WireSerializer):
    device_id = DeviceReference(required=False)
    group_id = StrictInteger(min_value=1, required=False)


class MeterRow(WireSerializer):
    device_id = serializers.IntegerField()
    name = serializers.CharField()
    counter_metric = serializers.CharField(allow_null=True)
    power_metric = serializers.CharField(allow_null=True)
    counter_since = serializers.IntegerField(allow_null=True)
    measured_by = serializers.IntegerField(allow_null=True)
    chosen = serializers.BooleanField()


class NewMeter(WireSerializer):
    device_id = DeviceReference()
    counter_metric = StrictString(max_length=63, required=False, allow_null=True, default=None)
    power_metric = StrictString(max_length=63, required=False, allow_null=True, default=None)
    counter_since = MomentField(required=False, allow_null=True, default=None)
    measured_by = DeviceReference(required=False, allow_null=True, default=None)


def scope_asked_for(group_id: int | None, device_ids: list[int | str] | None) -> Scope:
    if group_id is not None and device_ids is not None:
        raise InvalidInput.at("groupId", "give either groupId or deviceIds")
    return scope_of(group_id=group_id, device_ids=None if device_ids is None else get_device_ids(device_ids))


def get_energy(
    call,
    *,
    group_id: int | None = None,
    device_ids: list[int | str] | None = None,
    start_time: int,
    end_time: int,
    **asked,
):
    """Energy, 15-minute peak and coverage of each bucket, beside the readings; of a group, some devices or the plant.

    `interval` (day, week, month) follows the plant's calendar, or that of `timeZone`, and goes before `intervalMs`.
    """
    scope = scope_asked_for(group_id, device_ids)
    rows = energy_rows(scope, start=start_time, end=end_time, now=ms(timezone.now()), **asked)
    price = energy_price().per_kwh
    for row in rows:
        row["cost"] = price_of(row["energyKwh"], price)
    return rows


for name in ("getEnergy", "getEnergyConsumption"):  # two names of one procedure
    router.query(name, permission=VIEWER, input=EnergyFilter, output=EnergyRow, many=True)(get_energy)


@router.query("getEnergySummary", permission=VIEWER, input=EnergyOf, output=EnergySummary)
def get_energy_summary(
    call,
    *,
    start_time: int,
    end_time: int,
    group_id: int | None = None,
    device_ids: list[int | str] | None = None,
):
    """All of [startTime, endTime) as one: energy, peak, base load, coverage, cost, beside the same time before it."""
    scope = scope_asked_for(group_id, device_ids)
    return energy_summary(scope, start=start_time, end=end_time, now=ms(timezone.now()))


@router.query("getEnergyMeters", permission=VIEWER, input=MeterFilter, output=MeterRow, many=True)
def get_energy_meters(call, *, device_id: int | str | None = None, group_id: int | None = None):
    """By which metrics the energy of devices is told, and which of them another meter measures as well."""
    one_of(device_id, group_id)
    wanted = None if device_id is None else [get_device(device_id).pk]
    return meter_rows(scope_of(group_id=group_id, device_ids=wanted))


@router.mutation("setEnergyMeter", permission=TECHNICIAN, input=NewMeter, output=MeterRow)
def choose_energy_meter(
    call,
    *,
    device_id: int | str,
    counter_metric: str | None,
    power_metric: str | None,
    counter_since: int | None,
    measured_by: int | str | None,
):
    """Say by which metrics a device's energy is told; with none of them it is found by what the device reports."""
    device = get_device(device_id)
    set_energy_meter(
        device=device,
        counter_metric=counter_metric or "",
        power_metric=power_metric or "",
        counter_since=counter_since,
        measured_by=None if measured_by is None else get_device(measured_by),
    )
    return meter_rows(Scope([device.pk]))[0]


@router.query("getEnergyPrice", permission=VIEWER, output=Price)
def get_energy_price(call):
    """What a kWh costs; null where nobody said."""
    return energy_price()


@router.mutation("setEnergyPrice", permission=ADMIN, input=NewPrice, output=Price)
def choose_energy_price(call, *, per_kwh: float | None, currency: str):
    """Say what a kWh costs, in every figure from now on, for the past too."""
    return set_energy_price(per_kwh=per_kwh, currency=currency)
