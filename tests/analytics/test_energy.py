"""Energy: buckets that add up, kept sums that equal what is read anew, meters, demand, days of the plant."""

from datetime import UTC, datetime, timedelta
from math import fsum
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import Demand, DemandEdition, DemandScope, EnergyMeter
from analytics.queries.energy import energy_in, energy_rows
from analytics.queries.energy_summary import energy_summary
from analytics.queries.energy_view import energy_view
from analytics.queries.meters import Scope, meters_above, meters_of, scope_of
from analytics.services import demand
from analytics.services.demand import fill_demand
from analytics.services.meters import find_meters, set_energy_meter, set_energy_price
from devices.services import deactivate_devices
from telemetry.batch import Sample
from telemetry.models import Day, DirtyQuarter, Quarter, Reading, State, Watermark
from telemetry.rules import rules
from telemetry.services import note_exchange, store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.builders import NOON, make_device, make_group, ms
from tests.telemetry.brute_force import increase_of, integral_of

pytestmark = pytest.mark.django_db

MINUTE = 60_000
HOUR = 60 * MINUTE
QUARTER = 15 * MINUTE
DAY = ms(NOON) // (24 * HOUR) * 24 * HOUR
NOW = DAY + 10 * 24 * HOUR


@pytest.fixture(autouse=True)
def _counters():
    declare_metric(key="energy", kind="counter", unit="kWh", rollover=100_000.0)
    declare_metric(key="gas", kind="counter", unit="m3")
    rules.forget()


def put(device, *points):
    """(ms, {metric: value}), in one transaction."""
    return store_readings(samples=[Sample(device.pk, at, data) for at, data in points], received_at=NOW)


def workers():
    roll_up_due()
    find_meters()
    fill_demand(now=NOW)


def kwh(devices, start, end, **asked):
    """The energy of some devices by bucket; of the plant when None."""
    scope = scope_of(device_ids=None if devices is None else [device.pk for device in devices])
    rows = energy_rows(scope, start=start, end=end, now=NOW, **({"interval_ms": HOUR} | asked))
    return [row["energyKwh"] for row in rows]


def total(devices, start, end):
    return fsum(value or 0.0 for value in kwh(devices, start, end, interval_ms=QUARTER))


# Any order


TIMES = st.one_of(st.integers(0, 40).map(lambda n: n * 5 * MINUTE), st.integers(0, 4 * HOUR))
READINGS = st.dictionaries(
    st.tuples(st.integers(0, 2), TIMES, st.sampled_from(["power", "energy"])),
    st.floats(0, 1000).map(lambda value: round(value, 2)),
    min_size=1,
    max_size=30,
)


def forget_everything():
    for model in (Reading, State, Quarter, Day, Watermark, DirtyQuarter, EnergyMeter, Demand, DemandScope):
        model.objects.all().delete()


def true_kwh(rows, metrics, start, end):
    """The slow way: what a device's counter counted, or its power came to where it has no counter."""
    if "energy" in metrics:
        return increase_of(rows, "energy", start, end) or 0.0
    return integral_of(rows, "power", start, end)[0] / 3.6e6


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    readings=READINGS,
    seed=st.integers(0, 2**32),
    turns=st.lists(st.sampled_from(["", "r", "d", "rd"]), min_size=1, max_size=6),
    ends=st.tuples(st.integers(-2, 20), st.integers(1, 20)),
    interval=st.sampled_from([QUARTER, HOUR, 24 * HOUR]),
)
def test_any_order_of_readings_and_workers_gives_the_same_energy_and_buckets_add_up(
    readings, seed, turns, ends, interval
):
    """Each of three devices keeps to one sort of meter, whichever it reports first by name."""
    forget_everything()
    devices = [make_device() for _ in range(3)]
    metrics: dict[int, set[str]] = {}
    for place, _, metric in readings:
        metrics.setdefault(place, set()).add(metric)
    for place, names in metrics.items():
        if len(names) == 2:  # it has had both from the beginning
            set_energy_meter(device=devices[place], counter_metric="energy", power_metric="power")
    plant = {place: {} for place in range(3)}
    for (place, at, metric), value in readings.items():
        plant[place].setdefault(DAY + at, {})[metric] = value
    arriving = [(place, DAY + at, {metric: value}) for (place, at, metric), value in readings.items()]
    rng = Random(seed)
    arriving += rng.choices(arriving, k=len(arriving) // 2)
    rng.shuffle(arriving)
    start, end = DAY + ends[0] * 10 * MINUTE, DAY + (ends[0] + ends[1]) * 10 * MINUTE
    work = {"r": roll_up_due, "d": lambda: (find_meters(), fill_demand(now=NOW))}
    for number, (place, at, data) in enumerate(arriving):
        put(devices[place], (at, data))
        for letter in turns[number % len(turns)]:
            work[letter]()

    true = fsum(true_kwh(plant[place], metrics.get(place, set()), start, end) for place in range(3))
    for _ in range(2):
        for asked, cut in ((devices, interval), (None, QUARTER)):
            parts = kwh(asked, start, end, interval_ms=cut)
            assert fsum(value or 0.0 for value in parts) == pytest.approx(true, abs=1e-6)
        workers()


# Kept sums


def steady(device, start, end, watts, step=5 * MINUTE):
    put(device, *((at, {"power": watts}) for at in range(start, end + 1, step)))


def test_kept_sums_are_what_is_read_anew_and_are_put_aside_when_something_comes_late():
    devices = [make_device(), make_device()]
    for device, watts in zip(devices, (1000.0, 3000.0), strict=True):
        steady(device, DAY, DAY + 8 * HOUR, watts)
    workers()
    assert Demand.objects.filter(scope=0, bucket=DAY).get().kwh == pytest.approx(1.0)
    assert DemandScope.objects.get(pk=0).filled_from == DAY
    assert total(None, DAY, DAY + 8 * HOUR) == pytest.approx(32.0)

    put(devices[0], (DAY + 2 * HOUR + MINUTE, {"power": 61_000.0}))
    late = total(None, DAY, DAY + 8 * HOUR)
    assert late == pytest.approx(32.0 + 60 * 2.5 / 60)
    roll_up_due()
    assert list(Demand.objects.filter(scope=0, stale=True).values_list("bucket", flat=True)) != []
    assert total(None, DAY, DAY + 8 * HOUR) == pytest.approx(late)
    fill_demand(now=NOW)
    assert not Demand.objects.filter(stale=True).exists()
    assert total(None, DAY, DAY + 8 * HOUR) == pytest.approx(late)


def test_kept_sums_are_used():
    """A wrong one is believed, which shows that nobody adds up a month of devices for each look."""
    steady(make_device(), DAY, DAY + 4 * HOUR, 1000.0)
    workers()
    Demand.objects.filter(scope=0, bucket=DAY + HOUR).update(kwh=5.0)

    assert kwh(None, DAY, DAY + 3 * HOUR) == pytest.approx([1.0, 5.75, 1.0])
    assert kwh([make_device()], DAY, DAY + HOUR) == [None]


def test_sums_that_were_overtaken_are_not_kept(monkeypatch):
    device = make_device()
    steady(device, DAY, DAY + 4 * HOUR, 1000.0)
    roll_up_due()
    find_meters()
    keep = demand._keep

    def overtaken(*arguments):
        monkeypatch.setattr(demand, "_keep", keep)
        put(device, (DAY + HOUR + 1, {"power": 9000.0}))
        roll_up_due()
        return keep(*arguments)

    monkeypatch.setattr(demand, "_keep", overtaken)
    fill_demand(now=NOW)
    assert DemandEdition.objects.get().edition > 0

    live = total([device], DAY, DAY + 4 * HOUR)
    assert total(None, DAY, DAY + 4 * HOUR) == pytest.approx(live)
    fill_demand(now=NOW)
    assert total(None, DAY, DAY + 4 * HOUR) == pytest.approx(live)


def test_a_group_has_sums_of_its_own_that_follow_who_is_in_it():
    first, second = make_device(), make_device()
    steady(first, DAY, DAY + 2 * HOUR, 1000.0)
    steady(second, DAY, DAY + 2 * HOUR, 500.0)
    group = make_group(devices=[first])
    workers()

    def of_group():
        rows = energy_rows(scope_of(group_id=group.pk), start=DAY, end=DAY + HOUR, now=NOW, interval_ms=HOUR)
        return [row["energyKwh"] for row in rows]

    assert of_group() == pytest.approx([1.0])
    assert Demand.objects.filter(scope=group.pk).exists()

    from grouping.services import add_devices, delete_group

    add_devices(group=group, device_ids=[second.pk], at=NOON)
    assert of_group() == pytest.approx([1.5])
    workers()
    assert of_group() == pytest.approx([1.5])
    assert Demand.objects.get(scope=group.pk, bucket=DAY).kwh == pytest.approx(0.375)

    delete_group(group=group)
    fill_demand(now=NOW)
    assert not Demand.objects.filter(scope=group.pk).exists()


def test_working_out_sums_goes_on_where_the_last_turn_ended(monkeypatch):
    steady(make_device(), DAY, DAY + 72 * HOUR, 1000.0, step=QUARTER)
    roll_up_due()
    find_meters()

    turns = 0
    monkeypatch.setattr(
        demand, "monotonic", iter(range(10_000)).__next__
    )  # each look at the clock is a second
    while fill_demand(now=NOW, seconds=2) and turns < 30:
        turns += 1

    assert turns > 3
    assert DemandScope.objects.get(pk=0).filled_from == DAY
    assert total(None, DAY, DAY + 72 * HOUR) == pytest.approx(72.0)


# Meters


def test_a_counter_goes_before_power():
    device = make_device()
    put(device, *((DAY + n * 5 * MINUTE, {"power": 1000.0, "energy": 100 + n / 4}) for n in range(25)))

    assert total([device], DAY, DAY + 2 * HOUR) == pytest.approx(6.0)
    workers()
    assert total([device], DAY, DAY + 2 * HOUR) == pytest.approx(6.0)


def test_before_a_counter_was_there_power_tells_and_buckets_add_up_over_the_change():
    device = make_device()
    steady(device, DAY, DAY + 4 * HOUR, 1000.0)
    workers()
    begins = DAY + 4 * HOUR
    put(device, *((begins + n * 5 * MINUTE, {"power": 1000.0, "energy": 700 + n / 4}) for n in range(49)))
    workers()

    meter = meters_of([device.pk])[device.pk]
    assert (meter.counter, meter.power, meter.counter_since) == ("energy", "power", begins + QUARTER)
    hours = kwh([device], DAY, DAY + 8 * HOUR)
    assert hours == pytest.approx([1.0] * 4 + [0.25 + 2.25] + [3.0] * 3)
    assert total(None, DAY, DAY + 8 * HOUR) == pytest.approx(sum(hours))


def test_a_device_that_another_meter_measures_counts_once_where_both_are_added_up():
    main, first, second = (make_device() for _ in range(3))
    for device, watts in ((main, 5000.0), (first, 2000.0), (second, 1000.0)):
        steady(device, DAY, DAY + 2 * HOUR, watts)
    for device in (first, second):
        set_energy_meter(device=device, measured_by=main)
    workers()

    assert total(None, DAY, DAY + HOUR) == pytest.approx(5.0)
    assert total([first], DAY, DAY + HOUR) == pytest.approx(2.0)
    assert total([first, second], DAY, DAY + HOUR) == pytest.approx(3.0)
    assert total([main, first], DAY, DAY + HOUR) == pytest.approx(5.0)


def test_what_is_measured_by_one_that_is_measured_itself_counts_once_too():
    hall, line, press = (make_device() for _ in range(3))
    for device, watts in ((hall, 5000.0), (line, 2000.0), (press, 1000.0)):
        steady(device, DAY, DAY + 2 * HOUR, watts)
    set_energy_meter(device=press, measured_by=line)
    set_energy_meter(device=line, measured_by=hall)
    workers()

    assert total(None, DAY, DAY + HOUR) == pytest.approx(5.0)
    assert total([hall, press], DAY, DAY + HOUR) == pytest.approx(5.0)  # the line between is not asked for
    assert total([line, press], DAY, DAY + HOUR) == pytest.approx(2.0)
    assert total([press], DAY, DAY + HOUR) == pytest.approx(1.0)
    assert meters_above() == {press.pk: {line.pk, hall.pk}, line.pk: {hall.pk}}


@pytest.mark.parametrize(("unit", "kind", "expected"), [("kW", "gauge", 1000.0), ("Wh", "counter", 0.05)])
def test_units_are_those_of_the_metric(unit, kind, expected):
    declare_metric(key="draw", kind=kind, unit=unit)
    rules.forget()
    device = make_device()
    put(
        device,
        *(
            (DAY + n * 5 * MINUTE, {"draw": 1000.0 + (n * 50 / 12 if kind == "counter" else 0)})
            for n in range(13)
        ),
    )

    assert total([device], DAY, DAY + HOUR) == pytest.approx(expected)


def test_a_counter_of_something_else_is_no_energy():
    device = make_device()
    put(device, (DAY, {"gas": 1.0}), (DAY + 5 * MINUTE, {"gas": 2.0}))

    assert meters_of([device.pk]) == {}
    assert kwh([device], DAY, DAY + HOUR) == [None]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"counter_metric": "power"},
            "counterMetric: must be declared as a counter in Wh, kWh, MWh, GWh, kJ, MJ, GJ",
        ),
        (
            {"counter_metric": "gas"},
            "counterMetric: must be declared as a counter in Wh, kWh, MWh, GWh, kJ, MJ, GJ",
        ),
        ({"power_metric": "energy"}, "powerMetric: must be declared as a gauge in W, kW, MW"),
        ({"power_metric": "temperature"}, "powerMetric: must be declared as a gauge in W, kW, MW"),
    ],
)
def test_a_metric_that_tells_no_energy_is_refused(given, words):
    from factory.errors import InvalidInput

    with pytest.raises(InvalidInput) as refusal:
        set_energy_meter(device=make_device(), **given)

    assert refusal.value.message == words


def test_no_meter_measures_itself_in_any_way():
    from factory.errors import InvalidInput

    first, second, third = (make_device(name=name) for name in ("First", "Second", "Third"))
    set_energy_meter(device=first, measured_by=second)
    set_energy_meter(device=second, measured_by=third)

    for device, above in ((third, first), (first, first)):
        with pytest.raises(InvalidInput, match="would measure itself"):
            set_energy_meter(device=device, measured_by=above)


# A month with everything in it


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_a_counter_that_resets_rolls_over_trembles_and_is_exchanged_within_a_month_gives_the_true_consumption(
    order,
):
    """2 kWh an hour for thirty days, read every quarter of an hour, whatever the meter shows."""
    device = make_device()
    shown, readings, true = 99_900.0, [], 0.0
    exchange_at = DAY + 20 * 24 * HOUR
    for place in range(30 * 96 + 1):
        at = DAY + place * QUARTER
        if place:
            shown, true = shown + 0.5, true + 0.5
        if shown >= 100_000.0:
            shown -= 100_000.0  # it rolls over on the third day
        if place == 10 * 96:
            shown = 0.5  # it was reset just before it counted this half, and before midnight
        if at == exchange_at:
            old, shown = shown, 4_321.0 + 0.5  # another meter, a quarter after it was read last
        trembling = -0.003 if place % 50 == 7 and shown > 1 else 0.0
        readings.append((at, {"energy": round(shown + trembling, 3)}))
    if order == "shuffled":
        Random(3).shuffle(readings)
    for start in range(0, len(readings), 300):
        put(device, *readings[start : start + 300])
        if start % 900 == 0:
            roll_up_due()
    note_exchange(
        device=device,
        metric="energy",
        at=exchange_at - QUARTER + 1,
        old_value=old - 0.5,
        new_value=4_321.0,
        by=None,
        now=NOON + timedelta(days=40),
    )
    end = DAY + 30 * 24 * HOUR
    scope = Scope([device.pk])

    for _ in range(2):
        rows = energy_rows(scope, start=DAY, end=end, now=end, interval="day")
        assert fsum(row["energyKwh"] for row in rows) == pytest.approx(true, abs=0.01)
        assert [row["energyKwh"] for row in rows] == pytest.approx([48.0] * 30, abs=0.01)
        flags = {place: row["flags"] for place, row in enumerate(rows) if row["flags"]}
        assert flags == {2: ["counter_rolled_over"], 9: ["counter_reset"], 19: ["counter_exchanged"]}
        roll_up_due()


# Days of the plant, demand, cost


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-02", 24)])
def test_a_day_has_as_many_hours_as_the_clock_and_neither_loses_nor_doubles_energy(settings, day, hours):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    zone = ZoneInfo("Europe/Berlin")
    first = datetime.fromisoformat(day).replace(tzinfo=zone) - timedelta(days=1)
    start, end = ms(first.astimezone(UTC)), ms((first + timedelta(days=3)).astimezone(UTC))
    device = make_device()
    put(device, *((at, {"power": 1000.0}) for at in range(start, end + 1, 5 * MINUTE)))

    for _ in range(2):
        rows = energy_rows(Scope([device.pk]), start=start, end=end, now=end, interval="day")
        assert [row["energyKwh"] for row in rows] == pytest.approx([24, hours, 24])
        assert [row["coverage"] for row in rows] == [1.0, 1.0, 1.0]
        assert len(kwh([device], rows[1]["timestamp"], rows[2]["timestamp"])) == hours
        workers()


def test_weeks_begin_on_monday_and_months_on_the_first():
    device = make_device()
    start = ms(datetime(2026, 6, 1, tzinfo=UTC))
    end = start + 42 * 24 * HOUR
    steady(device, start, end, 1000.0, step=QUARTER)

    weeks = kwh([device], start, end, interval="week")
    months = kwh([device], start, end, interval="month")

    assert weeks == pytest.approx([168.0] * 6)
    assert months == pytest.approx([30 * 24.0, 12 * 24.0])


def test_the_peak_is_that_of_a_quarter_of_an_hour_of_all_together():
    first, second = make_device(), make_device()
    steady(first, DAY, DAY + 3 * HOUR, 1000.0)
    steady(second, DAY, DAY + 3 * HOUR, 1000.0)
    put(first, *((DAY + HOUR + n * MINUTE, {"power": 7000.0}) for n in range(1, 15)))
    put(second, *((DAY + 2 * HOUR + n * MINUTE, {"power": 7000.0}) for n in range(1, 15)))
    end = DAY + 3 * HOUR

    for _ in range(2):
        summary = energy_summary(scope_of(), start=DAY, end=end, now=NOW)
        one = energy_summary(Scope([first.pk]), start=DAY, end=end, now=NOW)
        # 1 kW for half a minute at each end, ramping to 7 kW
        assert summary["peak_kw"] == pytest.approx(one["peak_kw"] + 1.0)
        assert 7.0 < summary["peak_kw"] < 8.0
        assert ms(summary["peak_at"]) == DAY + HOUR
        assert summary["base_load_kw"] == pytest.approx(2.0)
        workers()


def test_a_period_is_held_against_the_same_time_before_and_costs_what_it_costs():
    device = make_device()
    steady(device, DAY, DAY + 24 * HOUR, 1000.0)
    steady(device, DAY + 24 * HOUR + 5 * MINUTE, DAY + 48 * HOUR, 1500.0)
    set_energy_price(per_kwh=0.3, currency="EUR")

    summary = energy_summary(scope_of(), start=DAY + 24 * HOUR, end=DAY + 48 * HOUR, now=NOW)

    assert summary["energy_kwh"] == pytest.approx(36.0, abs=0.05)
    assert summary["previous"]["energy_kwh"] == pytest.approx(24.0)
    assert summary["change"] == pytest.approx(0.5, abs=0.002)
    assert (summary["cost"], summary["currency"]) == (pytest.approx(10.8, abs=0.02), "EUR")


@pytest.mark.parametrize(
    ("first", "last", "word", "beside"),
    [
        # 31 days beside the 30 of September: the last one has none.
        ((2026, 10, 1), (2026, 11, 1), "day", [*range(1, 31)]),
        ((2026, 9, 1), (2026, 10, 1), "day", [*range(1, 31)]),  # the 31st of August is beside none
        ((2026, 10, 22), (2026, 10, 29), "day", [*range(15, 22)]),  # one of the seven has 25 hours
        ((2026, 9, 1), (2026, 10, 1), "week", [1, 7, 14, 21, 28]),
    ],
)
def test_a_bar_stands_beside_the_same_day_of_the_time_before(settings, first, last, word, beside):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    zone = ZoneInfo("Europe/Berlin")
    device = make_device()
    days = [datetime(2026, 7, 30, tzinfo=zone) + timedelta(days=n) for n in range(100)]
    put(device, *((ms(day), {"energy": float(n)}) for n, day in enumerate(days)))
    start, end = (ms(datetime(*day, tzinfo=zone)) for day in (first, last))

    view = energy_view(scope_of(), start=start, end=end, now=end, word=word)

    assert [datetime.fromtimestamp(one.start / 1000, zone).day for one in view.before] == beside
    if word == "day":
        assert [one.amount.kwh for one in view.before] == pytest.approx([1.0] * len(beside))
    assert sum(one.amount.kwh for one in view.before) <= view.before_total.amount.kwh + 1e-9


def test_a_day_that_is_not_over_is_held_against_as_much_of_the_day_before():
    device = make_device()
    steady(device, DAY, DAY + 36 * HOUR, 1000.0)

    summary = energy_summary(scope_of(), start=DAY + 24 * HOUR, end=DAY + 48 * HOUR, now=DAY + 36 * HOUR)

    assert (summary["energy_kwh"], summary["previous"]["energy_kwh"]) == (
        pytest.approx(12.0),
        pytest.approx(12.0),
    )
    assert (summary["coverage"], summary["change"]) == (1.0, pytest.approx(0.0))


def test_coverage_is_the_share_of_the_time_of_all_that_could_have_told():
    first, second = make_device(), make_device()
    steady(first, DAY, DAY + 2 * HOUR, 1000.0)
    steady(second, DAY, DAY + HOUR, 1000.0)

    rows = energy_rows(scope_of(), start=DAY, end=DAY + 3 * HOUR, now=NOW, interval_ms=HOUR)

    assert [row["coverage"] for row in rows] == [1.0, 0.5, 0.0]
    assert [row["energyKwh"] for row in rows] == [pytest.approx(2.0), pytest.approx(1.0), None]


def test_nobody_expects_to_hear_of_a_device_before_its_first_day_or_out_of_service():
    old, new, gone = (make_device() for _ in range(3))
    day2 = DAY + 24 * HOUR
    steady(old, DAY, DAY + 72 * HOUR, 1000.0, step=QUARTER)
    steady(new, day2, DAY + 72 * HOUR, 1000.0, step=QUARTER)
    steady(gone, DAY, day2, 1000.0, step=QUARTER)
    deactivate_devices(device_ids=[gone.pk], at=datetime.fromtimestamp(day2 / 1000, UTC))
    workers()

    rows = energy_rows(scope_of(), start=DAY, end=DAY + 72 * HOUR, now=NOW, interval="day")

    assert [row["coverage"] for row in rows] == [1.0, 1.0, 1.0]
    assert [row["energyKwh"] for row in rows] == pytest.approx([48.0, 48.0, 48.0])


@pytest.mark.parametrize("devices", [1, 3])
def test_a_month_costs_the_same_number_of_queries_for_any_number_of_devices(
    devices, django_assert_num_queries
):
    for _ in range(devices):
        steady(make_device(), DAY, DAY + 8 * HOUR, 1000.0)
    workers()

    with django_assert_num_queries(14):
        energy_rows(scope_of(), start=DAY, end=DAY + 24 * HOUR, now=NOW, interval="day")


def test_a_course_without_any_meter_is_empty():
    energy = energy_in(scope_of(), start=DAY, end=DAY + HOUR)

    assert (energy.meters, energy.course.pieces, energy.course.base_load_kw()) == ({}, {}, None)
