"""What makes machines of the demo plant's devices: shifts, codes, profiles, lines, and how their energy is measured."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from analytics.models import Calendar, EnergyMeter, EnergyPrice, Line, MachineProfile, StopCode
from analytics.services.calendars import Target, set_shifts
from analytics.services.machines import set_line, set_machine_profile
from analytics.services.meters import set_energy_meter, set_energy_price
from analytics.services.stops import set_stop_code
from devices.models import Device
from factory.demo import turns
from factory.demo.hours import SHIFTS
from factory.demo.kinds import ENERGY, PARTS, REJECTS, RUNNING, Making
from factory.demo.plant import STATION, PlannedDevice
from grouping.models import Group
from grouping.services import add_devices, create_group
from telemetry.models import MetricRule
from telemetry.rules import rules
from telemetry.services.metrics import declare_metric

PRICE, CURRENCY = 0.24, "EUR"
METRICS: Mapping[str, dict[str, Any]] = {
    PARTS: {"label": "Parts", "unit": "pcs", "kind": "counter", "max_gap_seconds": 3600, "plausible_min": 0},
    REJECTS: {
        "label": "Rejects",
        "unit": "pcs",
        "kind": "counter",
        "max_gap_seconds": 3600,
        "plausible_min": 0,
    },
    ENERGY: {
        "label": "Energy",
        "unit": "kWh",
        "kind": "counter",
        "max_gap_seconds": 3600,
        "plausible_min": 0,
    },
    RUNNING: {"label": "Running", "integration": "hold", "plausible_min": 0, "plausible_max": 1},
}
CODES: Mapping[str, dict[str, Any]] = {
    turns.CHANGEOVER: {"label": "Changeover", "planned": False},
    turns.NO_MATERIAL: {"label": "No material", "planned": False},
    turns.CLEANING: {"label": "Cleaning", "planned": False},
    turns.JAM: {"label": "Jam", "planned": False},
    turns.BREAKDOWN: {"label": "Breakdown", "planned": False, "failure": True},
    turns.MAINTENANCE: {"label": "Planned maintenance", "planned": True},
    turns.NO_ORDERS: {"label": "No orders", "planned": True},
}

Devices = Sequence[tuple[PlannedDevice, Device]]


def furnish_plant(*, at: datetime) -> None:
    """What the whole plant goes by, where nobody has said anything of it yet."""
    declared = set(MetricRule.objects.filter(pk__in=METRICS).values_list("pk", flat=True))
    for key, properties in METRICS.items():
        if key not in declared:
            declare_metric(key=key, **properties)
    rules.forget()  # in force for what follows, also within a transaction
    there = set(StopCode.objects.filter(pk__in=CODES).values_list("pk", flat=True))
    for code, meaning in CODES.items():
        if code not in there:
            set_stop_code(code=code, **meaning)
    if not Calendar.objects.filter(target=Target().name).exists():
        set_shifts(target=Target(), time_zone=settings.PLANT_TIME_ZONE, shifts=SHIFTS, at=at)
    if not EnergyPrice.objects.exists():
        set_energy_price(per_kwh=PRICE, currency=CURRENCY)


def furnish_devices(added: Devices, *, present: Devices, at: datetime) -> None:
    """Make machines and lines of devices that are new, and say what their meter measures.

    `present` are those of the same blocks that were there before; what people have said of them stays.
    """
    for planned, device in added:
        if planned.kind.makes is not None:
            _make_machine(device, planned.kind.makes, at=at)
    _put_in_lines(added, at=at)
    _measure(added, present)


def _make_machine(device: Device, makes: Making, *, at: datetime) -> None:
    set_machine_profile(
        device=device,
        by=None,
        at=at,
        ideal_cycle_seconds=makes.cycle_seconds,
        total_metric=PARTS,
        reject_metric=REJECTS,
        running_by=MachineProfile.RunningBy.METRIC,
        running_metric=makes.metric,
        running_above=makes.above,
    )


def _put_in_lines(added: Devices, *, at: datetime) -> None:
    members: defaultdict[str, list[tuple[PlannedDevice, Device]]] = defaultdict(list)
    for planned, device in added:
        if planned.line:
            members[planned.line].append((planned, device))
    groups = {group.name: group for group in Group.objects.filter(name__in=members)}
    for name, own in members.items():
        ids = [device.pk for _, device in own]
        group = groups.get(name)
        if group is None:
            group = create_group(name=name, type=Group.Type.PRODUCTION_LINE, device_ids=ids, at=at)
        elif group.filter:
            continue  # people have it fill itself
        else:
            add_devices(group=group, device_ids=ids, at=at)
        stations = [device for planned, device in own if planned.kind.key == STATION]
        if stations and not Line.objects.filter(group=group).exists():
            set_line(group=group, station=stations[0])


def _measure(added: Devices, present: Devices) -> None:
    """The meter of a block measures all that takes power in it; in sums only the meter counts."""
    meters = {planned.block: device for planned, device in (*present, *added) if planned.is_meter}
    newly_metered = {planned.block for planned, _ in added if planned.is_meter}
    older = [pair for pair in present if pair[0].block in newly_metered]
    rows = EnergyMeter.objects.filter(device__in=[device for _, device in older])
    told = set(rows.exclude(measured_by=None, is_chosen=False).values_list("pk", flat=True))
    for planned, device in (*added, *(pair for pair in older if pair[1].pk not in told)):
        if planned.block in meters and planned.takes_power and not planned.is_meter:
            set_energy_meter(device=device, measured_by=meters[planned.block])
