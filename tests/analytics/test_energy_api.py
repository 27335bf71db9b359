"""Energy through the public procedures: what counters and power come to, days of the plant, and the whole of a time.

The worked examples are in `test_energy_vectors.py`, what is refused and who may in `test_energy_refusals.py`.
"""

from datetime import UTC, datetime, timedelta
from math import fsum
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from analytics.services.demand import fill_demand
from analytics.services.meters import find_meters, set_energy_meter
from devices.services import deactivate_devices
from telemetry.batch import Sample
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.analytics.machining import DAY, HOUR, MINUTE, midnight
from tests.analytics.standing import api_of, iso
from tests.builders import data_of, make_device, make_group, ms

pytestmark = pytest.mark.django_db
QUARTER = 15 * MINUTE


@pytest.fixture(autouse=True)
def _metrics():
    declare_metric(key="energy", kind="counter", unit="kWh", rollover=100_000.0, max_gap_seconds=3600)
    declare_metric(key="power", unit="W", integration="hold", max_gap_seconds=900)
    rules.forget()


@pytest.fixture(params=[False, True], ids=["at once", "after the workers"])
def come_by(request):
    """Answers are the same before workers came by and after."""

    def workers():
        roll_up_due()
        find_meters()
        fill_demand(now=ms(timezone.now()))

    return workers if request.param else lambda: None


def put(device, *points, metric="energy"):
    samples = [Sample(device.pk, at, {metric: value}) for at, value in points]
    store_readings(samples=samples, received_at=ms(timezone.now()))


def draws(device, start, end, *, watts=1000.0, step=QUARTER):
    put(device, *((at, watts) for at in range(start, end + 1, step)), metric="power")


def energy(api, start, end, **asked):
    return data_of(api.query("analytics.getEnergy", {"startTime": start, "endTime": end, **asked}))


def summary(api, start, end, **asked):
    return data_of(api.query("analytics.getEnergySummary", {"startTime": start, "endTime": end, **asked}))


def kwh(rows):
    return [row["energyKwh"] for row in rows]


# What a counter counted


def test_a_counter_counts_between_borders_that_are_interpolated(viewer, day, come_by):
    meter = make_device()
    put(meter, (day - 10 * MINUTE, 100.0), (day + 10 * MINUTE, 104.0), (day + 70 * MINUTE, 110.0))
    come_by()

    rows = energy(viewer, day - HOUR, day + 2 * HOUR)

    assert kwh(rows) == pytest.approx([2.0, 2.0 + 5.0, 1.0])
    assert [row["coverage"] for row in rows] == pytest.approx([1 / 6, 1.0, 1 / 6])
    assert summary(viewer, day, day + HOUR)["energyKwh"] == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("shown", "true", "flags"),
    [
        ([100.0, 101.0, 102.0], 2.0, []),
        ([100.0, 101.0, 3.0], 1.0 + 3.0, ["counter_reset"]),
        ([99_998.0, 99_999.0, 2.0], 1.0 + 3.0, ["counter_rolled_over"]),
        ([100.0, 99.5, 102.0], 2.0, []),  # it trembles
        ([100.0, None, 108.0], 8.0, []),  # nobody listened for an hour and a half
    ],
)
def test_whatever_a_counter_does_is_counted_so(viewer, day, come_by, shown, true, flags):
    meter = make_device()
    put(meter, *((day + n * 45 * MINUTE, value) for n, value in enumerate(shown) if value is not None))
    come_by()

    whole = summary(viewer, day, day + 2 * HOUR)

    assert (whole["energyKwh"], whole["flags"]) == (pytest.approx(true), flags)
    quarters = energy(viewer, day, day + 2 * HOUR, intervalMs=QUARTER)
    assert fsum(value or 0.0 for value in kwh(quarters)) == pytest.approx(true)
    assert sorted({flag for row in quarters for flag in row["flags"]}) == flags


def test_an_exchange_counts_from_when_it_is_noted_until_it_is_forgotten(viewer, day, come_by):
    technician, meter = api_of("technician"), make_device()
    put(meter, (day, 1000.0), (day + 30 * MINUTE, 1001.0), (day + 60 * MINUTE, 7.5))
    come_by()
    before = summary(viewer, day, day + HOUR)

    noted = data_of(
        technician.mutate(
            "readings.noteExchange",
            {
                "deviceId": meter.pk,
                "metric": "energy",
                "timestamp": day + 45 * MINUTE,
                "oldValue": 1001.4,
                "newValue": 6.5,
            },
        )
    )

    assert (before["energyKwh"], before["flags"]) == (pytest.approx(1.0 + 7.5), ["counter_reset"])
    after = summary(viewer, day, day + HOUR)
    assert (after["energyKwh"], after["flags"]) == (pytest.approx(1.4 + 1.0), ["counter_exchanged"])
    data_of(technician.mutate("readings.forgetExchange", {"id": noted["id"]}))
    assert summary(viewer, day, day + HOUR) == before


def test_a_month_in_which_a_counter_does_all_it_can_comes_to_what_was_taken(viewer):
    """2 kWh an hour for thirty days: it rolls over on the third day, is reset on the tenth, exchanged on the twentieth
    and trembles now and then."""
    first, meter = midnight(31), make_device()
    exchange_at = first + 20 * DAY
    shown, readings = 99_900.0, []
    for place in range(30 * 96 + 1):
        at = first + place * QUARTER
        shown = (shown + 0.5) % 100_000.0 if place else shown
        if place == 10 * 96:
            shown = 0.5
        if at == exchange_at:
            old, shown = shown - 0.5, 4_321.5
        readings.append((at, round(shown - (0.003 if place % 50 == 7 and shown > 1 else 0.0), 3)))
    put(meter, *readings)
    data_of(
        api_of("technician").mutate(
            "readings.noteExchange",
            {
                "deviceId": meter.pk,
                "metric": "energy",
                "timestamp": exchange_at - QUARTER + 1,
                "oldValue": old,
                "newValue": 4_321.0,
            },
        )
    )
    end = first + 30 * DAY

    for _ in range(2):
        rows = energy(viewer, first, end, interval="day")
        whole = summary(viewer, first, end)
        assert whole["energyKwh"] == pytest.approx(30 * 48.0, abs=0.01)
        assert kwh(rows) == pytest.approx([48.0] * 30, abs=0.01)
        assert fsum(kwh(rows)) == pytest.approx(whole["energyKwh"])
        assert whole["flags"] == ["counter_exchanged", "counter_reset", "counter_rolled_over"]
        flags = {place: row["flags"] for place, row in enumerate(rows) if row["flags"]}
        assert flags == {2: ["counter_rolled_over"], 9: ["counter_reset"], 19: ["counter_exchanged"]}
        roll_up_due()


# What power came to


def test_nothing_is_added_after_the_last_sample(viewer, day, come_by):
    pump = make_device()
    draws(pump, day, day + 30 * MINUTE)
    come_by()

    rows = energy(viewer, day, day + 2 * HOUR)

    assert kwh(rows) == [pytest.approx(0.5), None]
    assert [row["coverage"] for row in rows] == [0.5, 0.0]


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-02", 24)])
def test_a_day_of_a_time_zone_neither_loses_nor_doubles_an_hour(date, hours, come_by):
    zone = ZoneInfo("Europe/Berlin")
    first = datetime.fromisoformat(date).replace(tzinfo=zone)
    start, end = (ms((first + timedelta(days=days)).astimezone(UTC)) for days in (-1, 2))
    with time_machine.travel(first + timedelta(days=4), tick=False):
        viewer, pump = api_of("user"), make_device()
        draws(pump, start, end)
        come_by()

        days = energy(viewer, start, end, interval="day", timeZone="Europe/Berlin")
        by_length = energy(viewer, start, end, intervalMs=DAY, timeZone="Europe/Berlin")
        by_hours = energy(viewer, days[1]["timestamp"], days[2]["timestamp"])
        whole = summary(viewer, start, end)

    assert kwh(days) == kwh(by_length) == pytest.approx([24.0, hours, 24.0])
    assert kwh(by_hours) == pytest.approx([1.0] * hours)
    assert [row["coverage"] for row in days] == [1.0, 1.0, 1.0]
    assert whole["energyKwh"] == pytest.approx(48.0 + hours)


def test_weeks_begin_on_monday_and_months_on_the_first_of_the_zone():
    with time_machine.travel(datetime(2026, 9, 1, tzinfo=UTC), tick=False):
        viewer, pump = api_of("user"), make_device()
        start, end = (ms(datetime(2026, 6, day, tzinfo=UTC)) for day in (1, 16))
        draws(pump, start, end)

        weeks = energy(viewer, start, end, interval="week")
        months = energy(viewer, start, end, interval="month", timeZone="Europe/Berlin")

    assert kwh(weeks) == pytest.approx([168.0, 168.0, 24.0])
    assert [row["timestamp"] for row in weeks] == [start + n * 7 * DAY for n in range(3)]
    assert kwh(months) == pytest.approx([360.0])
    assert [iso(row["timestamp"]) for row in months] == ["2026-05-31T22:00:00.000Z"]


def test_beside_the_energy_is_what_was_read(viewer, day):
    pump = make_device()
    draws(pump, day, day + HOUR, watts=3000.0)
    put(pump, (day, 20.0), (day + MINUTE, 30.0), metric="temperature")
    data_of(api_of("admin").mutate("analytics.setEnergyPrice", {"perKwh": 0.25, "currency": "EUR"}))

    [row] = energy(viewer, day, day + HOUR, metrics=["temperature"])

    metrics = row.pop("metrics")
    assert row == {
        "timestamp": day,
        "count": 5,
        "avgTemperature": 25.0,
        "avgHumidity": None,
        "avgPower": 3000.0,
        "avgVibration": None,
        "avgPressure": None,
        "avgRpm": None,
        "energyKwh": 3.0,
        "peakKw": 3.0,
        "coverage": 1.0,
        "cost": 0.75,
        "flags": [],
    }
    assert list(metrics) == ["temperature"]


# The whole of a time


def test_a_time_as_one_beside_the_time_before(viewer, day, come_by):
    """1 kW for a day, and 2 kW for the next one with 4 kW for a quarter of an hour at noon."""
    pump = make_device()
    draws(pump, day - DAY, day - QUARTER)
    draws(pump, day, day + DAY, watts=2000.0)
    put(pump, (day + 12 * HOUR, 4000.0), metric="power")
    data_of(api_of("admin").mutate("analytics.setEnergyPrice", {"perKwh": 0.5, "currency": "CHF"}))
    come_by()

    assert summary(viewer, day, day + DAY, deviceIds=[pump.external_id]) == {
        "startTime": iso(day),
        "endTime": iso(day + DAY),
        "energyKwh": pytest.approx(48.5),
        "peakKw": pytest.approx(4.0),
        "peakAt": iso(day + 12 * HOUR),
        "baseLoadKw": pytest.approx(2.0),
        "coverage": 1.0,
        "cost": pytest.approx(24.25),
        "flags": [],
        "currency": "CHF",
        "devices": 1,
        "previous": {
            "startTime": iso(day - DAY),
            "endTime": iso(day),
            "energyKwh": pytest.approx(24.0),
            "peakKw": pytest.approx(1.0),
            "peakAt": iso(day - DAY),
            "baseLoadKw": pytest.approx(1.0),
            "coverage": 1.0,
            "cost": pytest.approx(12.0),
            "flags": [],
        },
        "change": pytest.approx(48.5 / 24 - 1),
    }


def test_where_nothing_is_known_nothing_is_said(viewer, day):
    whole = summary(viewer, day, day + DAY)

    figures = ("energyKwh", "peakKw", "peakAt", "baseLoadKw", "cost")
    assert [whole[name] for name in figures] == [None] * 5
    assert (whole["coverage"], whole["change"], whole["currency"], whole["devices"]) == (0.0, None, None, 0)
    assert [whole["previous"][name] for name in figures] == [None] * 5


@pytest.mark.parametrize("before", [[], [0.0], [1000.0, None, None, None]])
def test_what_was_not_known_alike_is_not_held_against_each_other(viewer, day, before):
    """Nothing known, nothing taken, and a quarter of as much time known."""
    pump = make_device()
    draws(pump, day, day + 8 * HOUR)
    for place, watts in enumerate(before):
        if watts is not None:
            begins = day - 8 * HOUR + place * 2 * HOUR
            draws(pump, begins, begins + (2 if len(before) > 1 else 8) * HOUR - QUARTER, watts=watts)

    assert summary(viewer, day, day + 8 * HOUR)["change"] is None


def test_whose_energy_it_is(viewer, day, come_by):
    """Of the plant with what is out of service by now, of a group with those inside it, and of some devices."""
    press, pump, gone = make_device(), make_device(), make_device()
    for number, device in enumerate((press, pump, gone)):
        draws(device, day, day + HOUR, watts=1000.0 * 2**number)
    inner = make_group(devices=[pump])
    outer = make_group(devices=[press], parent=make_group())
    both = make_group(devices=[press])
    make_group(devices=[pump], parent=both)
    deactivate_devices(device_ids=[gone.pk], at=timezone.now())
    come_by()

    def taken(**of):
        return (kwh(energy(viewer, day, day + HOUR, **of)), summary(viewer, day, day + HOUR, **of)["devices"])

    assert taken() == ([pytest.approx(7.0)], 3)
    assert taken(groupId=inner.pk) == ([pytest.approx(2.0)], 1)
    assert taken(groupId=outer.pk) == ([pytest.approx(1.0)], 1)
    assert taken(groupId=both.pk) == ([pytest.approx(3.0)], 2)
    assert taken(groupId=make_group().pk) == ([None], 0)
    assert taken(deviceIds=[press.pk, gone.external_id, press.external_id]) == ([pytest.approx(5.0)], 2)


def test_what_another_meter_measures_counts_once(viewer, day, come_by):
    main, press, pump = make_device(), make_device(), make_device()
    for device, watts in ((main, 5000.0), (press, 2000.0), (pump, 1000.0)):
        draws(device, day, day + HOUR, watts=watts)
    for device in (press, pump):
        set_energy_meter(device=device, measured_by=main)
    come_by()

    for devices, expected in (([main, press], 5.0), ([press, pump], 3.0), ([press], 2.0)):
        of = {"deviceIds": [device.pk for device in devices]}
        assert kwh(energy(viewer, day, day + HOUR, **of)) == pytest.approx([expected])
    assert summary(viewer, day, day + HOUR)["energyKwh"] == pytest.approx(5.0)


@pytest.mark.parametrize("devices", [1, 3])
def test_figures_cost_the_same_for_any_number_of_devices(viewer, day, devices, django_assert_num_queries):
    for _ in range(devices):
        draws(make_device(), day, day + HOUR)
    roll_up_due()
    find_meters()
    fill_demand(now=ms(timezone.now()))

    with django_assert_num_queries(25):
        assert summary(viewer, day, day + HOUR)["devices"] == devices
    with django_assert_num_queries(16):
        assert kwh(energy(viewer, day, day + HOUR)) == pytest.approx([devices])
