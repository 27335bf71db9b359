import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.models import Threshold
from alerts.rules import Condition, Level, Rule, judge, why_implausible
from analytics.models import (
    Calendar,
    EnergyMeter,
    EnergyPrice,
    Line,
    MachineProfile,
    Shift,
    StopCode,
)
from analytics.services.machines import drop_machine_profile
from analytics.services.meters import set_energy_meter, set_energy_price
from devices.models import EXTERNAL_ID, Device
from devices.services import edit_device
from factory.demo.hours import load_at
from factory.demo.kinds import ALL, BY_KEY
from factory.demo.machines import REPAIR_SECONDS, Plant, advance, new_fault, new_machine
from factory.demo.plant import BLOCK, planned_devices
from factory.demo.schedule import Schedule
from factory.demo.seeding import simulated_devices
from grouping.models import Group
from grouping.queries import members_of
from telemetry.models import MetricRule
from tests.builders import NOON, make_device

MONDAY = datetime(2026, 6, 1, 8, tzinfo=UTC)


def seed_demo(**options):
    out = StringIO()
    call_command("seed_demo", stdout=out, **{"history_days": 0, **options})
    return out.getvalue()


def everything():
    devices = Device.objects.order_by("external_id").values_list(
        "external_id",
        "name",
        "type",
        "zone",
        "location",
        "firmware_version",
        "tags",
        "metadata",
        "updated_at",
    )
    thresholds = Threshold.objects.order_by("pk").values_list(
        "pk",
        "device__external_id",
        "metric",
        "min_value",
        "warning_min",
        "warning_max",
        "max_value",
        "updated_at",
    )
    others = [
        list(model.objects.order_by("pk").values())
        for model in (
            Calendar,
            Shift,
            StopCode,
            EnergyPrice,
            EnergyMeter,
            MachineProfile,
            MetricRule,
            Group,
            Line,
        )
    ]
    return list(devices), list(thresholds), others


# The plan


def test_the_same_seed_plans_the_same_plant_and_another_seed_another_one():
    assert list(planned_devices(count=24, seed=7)) == list(planned_devices(count=24, seed=7))
    assert list(planned_devices(count=24, seed=7)) != list(planned_devices(count=24, seed=8))


def test_a_larger_plant_contains_the_smaller_one():
    assert list(planned_devices(count=50, seed=7))[:24] == list(planned_devices(count=24, seed=7))


def test_ten_thousand_devices_have_ids_of_their_own_that_a_device_may_have():
    ids = [planned.external_id for planned in planned_devices(count=10_000, seed=7)]

    assert len(set(ids)) == 10_000
    assert all(re.fullmatch(EXTERNAL_ID, each) for each in ids)


def test_a_plant_of_24_is_varied():
    planned = list(planned_devices(count=24, seed=7))

    assert {each.zone for each in planned} == {"Hall A", "Hall B", "Packing", "Utilities"}
    assert {each.kind.type for each in planned} == {"sensor", "actuator", "controller", "gateway"}
    assert {each.kind.key for each in planned} == set(BY_KEY) == set(BLOCK)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.key)
def test_every_limit_can_be_meant_and_is_kept_in_ordinary_work(kind):
    levels = {signal.metric: (signal.off, signal.idle, signal.full) for signal in kind.signals}
    for metric, limits in kind.limits.items():
        rule = _rule(limits)
        assert why_implausible(rule) == {}
        assert not any(rule.is_warning(level, margin=limits.hysteresis) for level in levels[metric])
    for trouble in kind.troubles:
        limits = kind.limits[trouble.metric]
        low, high = (limits.warning_min, limits.min_value), (limits.warning_max, limits.max_value)
        assert None not in (low if trouble.falls else high)


# Seeding


@pytest.mark.django_db
def test_seeding_registers_the_planned_devices_with_their_thresholds():
    assert seed_demo() == "Added 24 of 24 demo devices, with their thresholds.\n"

    planned = list(planned_devices(count=24, seed=7))
    devices, thresholds, _ = everything()
    assert [row[:3] for row in devices] == sorted(
        (each.external_id, each.name, each.kind.type) for each in planned
    )
    assert Counter(row[1] for row in thresholds) == Counter(
        {each.external_id: len(each.kind.limits) for each in planned}
    )
    assert "fdt_" not in repr((devices, thresholds))


@pytest.mark.django_db
def test_seeding_again_changes_nothing_and_says_so():
    seed_demo(devices=5)
    before = everything()

    assert seed_demo(devices=5) == "All 5 demo devices are there already; nothing was changed.\n"
    assert everything() == before


@pytest.mark.django_db
def test_seeding_more_adds_the_missing_ones_and_leaves_what_people_have_changed():
    seed_demo(devices=3)
    edit_device(device=Device.objects.get(external_id="press-1"), name="The old press", at=NOON)
    Threshold.objects.filter(device__external_id="press-1").delete()

    assert seed_demo(devices=5) == "Added 2 of 5 demo devices, with their thresholds.\n"

    press = Device.objects.get(external_id="press-1")
    assert (press.name, press.thresholds.count()) == ("The old press", 0)


@pytest.mark.django_db
def test_seeding_more_leaves_what_people_have_said_of_machines_and_prices():
    seed_demo(devices=3)
    press, furnace = (Device.objects.get(external_id=name) for name in ("press-1", "furnace-1"))
    drop_machine_profile(device=press)
    set_energy_price(per_kwh=0.31, currency="EUR")
    set_energy_meter(device=furnace, power_metric="power")
    StopCode.objects.filter(code="jam").update(label="Stuck", active=False)
    Calendar.objects.all().delete()

    seed_demo(devices=3)
    assert not Calendar.objects.exists()
    seed_demo(devices=24)

    assert not MachineProfile.objects.filter(device=press).exists()
    assert EnergyPrice.objects.get().per_kwh == 0.31
    assert (StopCode.objects.get(code="jam").label, StopCode.objects.get(code="jam").active) == (
        "Stuck",
        False,
    )
    assert EnergyMeter.objects.get(device=furnace).measured_by is None
    assert (
        EnergyMeter.objects.get(device=press).measured_by.external_id == "meter-1"
    )  # nobody had said anything
    assert Calendar.objects.count() == 1  # a larger plant needs shifts


@pytest.mark.django_db
def test_a_seeded_plant_has_machines_lines_shifts_and_one_meter_for_all():
    seed_demo()

    machines = MachineProfile.objects.values_list("device__external_id", flat=True)
    assert sorted({name.rpartition("-")[0] for name in machines}) == ["mill", "packer", "press", "robot"]
    assert set(MachineProfile.objects.values_list("total_metric", "reject_metric")) == {("parts", "rejects")}
    assert set(MachineProfile.objects.values_list("running_metric", flat=True)) == {"power", "running"}
    assert [shift.name for shift in Calendar.objects.get(target="plant").shifts.all()] == ["Early", "Late"]
    lines = {group.name: group for group in Group.objects.filter(type="production_line")}
    assert set(lines) == {"Press line 1", "Packing line 1"}
    assert all(len(members_of(group_id=group.pk)) >= 5 for group in lines.values())
    line = Line.objects.get()
    assert (line.group.name, line.station.external_id) == ("Packing line 1", "packer-1")
    measured = EnergyMeter.objects.filter(measured_by__external_id="meter-1")
    assert measured.count() == 21  # all but the meter itself and two climate sensors
    assert MetricRule.objects.get(key="energy").kind == "counter"


@pytest.mark.django_db
def test_each_block_of_a_larger_plant_has_lines_and_a_meter_of_its_own():
    seed_demo(devices=30)
    seed_demo(devices=48)

    assert Group.objects.filter(type="production_line").count() == 4
    assert set(Line.objects.values_list("station__external_id", flat=True)) == {"packer-1", "packer-3"}
    by = dict(EnergyMeter.objects.values_list("device__external_id", "measured_by__external_id"))
    assert (by["press-4"], by["press-5"], by["press-8"]) == ("meter-1", "meter-2", "meter-2")


@pytest.mark.django_db
def test_a_block_costs_the_same_in_a_large_plant_as_in_a_small_one():
    def queries_for(devices):
        with CaptureQueriesContext(connection) as asked:
            seed_demo(devices=devices)
        return len(asked)

    seed_demo(devices=24)
    second = queries_for(48)
    seed_demo(devices=96)

    assert queries_for(120) <= second * 1.1  # some are looked up among all blocks


@pytest.mark.django_db
def test_only_devices_that_say_so_are_simulated():
    make_device(external_id="press-1", name="A real press")
    seed_demo(devices=2)

    assert [device.external_id for device in simulated_devices()] == ["compressor-1"]


@pytest.mark.django_db
@pytest.mark.parametrize("devices", [0, -1, 10_001])
def test_a_number_of_devices_out_of_range_is_refused(devices):
    with pytest.raises(CommandError, match="is not between 1 and 10000"):
        seed_demo(devices=devices)


# The machines


def _rule(limits):
    return Rule(
        0, limits.min_value, limits.max_value, limits.warning_min, limits.warning_max, limits.hysteresis
    )


def _breaches(*, count, seed, hours, interval=2):
    """(machine, metric, opened, closed) in seconds, of every breach in a plant that runs for some hours."""
    planned = list(planned_devices(count=count, seed=seed))
    plant = Plant([Schedule(each.external_id, each.kind) for each in planned], at=MONDAY, rng=Random(seed))
    rules = [{metric: _rule(limits) for metric, limits in each.kind.limits.items()} for each in planned]
    conditions = defaultdict(Condition)
    opened, closed = {}, []
    for second in range(0, hours * 3600, interval):
        at = MONDAY + timedelta(seconds=second)
        for place, each in enumerate(planned):
            for metric, value in plant.measure(place, at=at).items():
                rule = rules[place].get(metric)
                if rule is None:
                    continue
                key = (each.external_id, metric)
                before, conditions[key] = conditions[key], judge(rule, conditions[key], value, second * 1000)
                if before.level is Level.NORMAL and conditions[key].level > Level.NORMAL:
                    opened[key] = second
                elif before.level > Level.NORMAL and conditions[key].level is Level.NORMAL:
                    closed.append((*key, opened.pop(key), second))
    return closed + [(*key, second, None) for key, second in opened.items()]


def test_a_plant_is_mostly_calm_but_something_happens_in_the_first_minutes_and_every_few_after():
    breaches = sorted(_breaches(count=24, seed=7, hours=2), key=lambda breach: breach[2])

    begins = [opened for _, _, opened, _ in breaches]
    assert begins[0] < 120
    assert max(later - earlier for earlier, later in pairwise(begins)) < 420
    assert all(closed is None or 20 <= closed - opened < 180 for _, _, opened, closed in breaches)
    at_once = Counter(second for _, _, opened, closed in breaches for second in range(opened, closed or 7200))
    assert max(at_once.values()) <= 3
    assert len(at_once) < 7200 * 0.7  # most of the rest of the time nothing is wrong at all


def test_a_plant_behaves_the_same_for_the_same_seed():
    assert _breaches(count=6, seed=3, hours=1) == _breaches(count=6, seed=3, hours=1)


def test_a_machine_warms_up_when_it_runs_and_cools_down_when_it_pauses():
    machine = new_machine(BY_KEY["furnace"], at=0, load=0.9, rng=Random(1))
    machine, warm = advance(machine, at=1, load=0.9, rng=Random(1))

    paused = _with(machine, paused_until=3600)
    paused, cooler = advance(paused, at=600, load=0.9, rng=Random(1))
    paused, cold = advance(paused, at=3599, load=0.9, rng=Random(1))
    _running, warmer = advance(paused, at=3900, load=0.9, rng=Random(1))

    assert warm["temperature"] > cooler["temperature"] > cold["temperature"] < warmer["temperature"]
    assert warm["power"] > 50_000 > 15_000 > cold["power"]


def test_a_worn_bearing_is_repaired_while_the_machine_stands_still():
    kind = BY_KEY["mill"]
    trouble = next(each for each in kind.troubles if each.stops)
    fault = new_fault(trouble, kind.limits["vibration"], at=0, rng=Random(1))
    machine = _with(new_machine(kind, at=0, load=0.8, rng=Random(2)), fault=fault)

    machine, worn = advance(machine, at=fault.rise + 1, load=0.8, rng=Random(3))
    machine, stopped = advance(machine, at=fault.rise + fault.hold + 20, load=0.8, rng=Random(3))
    standing = not machine.is_running
    machine, again = advance(machine, at=machine.at + REPAIR_SECONDS + 30, load=0.8, rng=Random(3))

    limit = kind.limits["vibration"].warning_max
    assert worn["vibration"] > limit > again["vibration"] > stopped["vibration"]
    assert standing
    assert machine.fault is None


def test_the_plant_is_busier_by_day_than_by_night_and_on_weekdays_than_at_weekends():
    at = {hour: load_at(datetime(2026, 6, 1, hour, tzinfo=UTC)) for hour in range(24)}

    assert at[10] > at[12] > at[3]
    assert load_at(datetime(2026, 6, 6, 10, tzinfo=UTC)) < at[10]
    assert all(0 < load <= 1 for load in at.values())


def _with(machine, **changes):
    from dataclasses import replace

    return replace(machine, **changes)
