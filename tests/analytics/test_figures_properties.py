"""What figures are whatever comes in which order: a month of a meter, days of any time zone, pieces and OEE.

That energy of any readings is what raw ones give, and adds up, is in `test_energy.py`; the same of states is in
`test_following.py`.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import fsum
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import Demand, EnergyMeter, MachineMark, Redo, ShiftResult, StateInterval
from analytics.oee.shifts import ShiftRule
from analytics.queries.energy import energy_rows
from analytics.queries.energy_summary import energy_summary
from analytics.queries.meters import Scope
from analytics.queries.oee_answers import oee_breakdown, oee_metrics
from analytics.services.calendars import Target
from analytics.services.following import follow_machines
from analytics.services.results import keep_results
from analytics.services.stops import add_stop, set_stop_code
from telemetry.batch import Sample
from telemetry.models import Day, DirtyQuarter, MeterExchange, Quarter, Reading, State, Watermark
from telemetry.rules import rules
from telemetry.services import note_exchange, store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.analytics.setting_up import look_at_rules, make_machine, plan
from tests.builders import NOON, make_device, ms

pytestmark = pytest.mark.django_db

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FIRST = ms(NOON) // DAY * DAY  # a midnight
NOW = FIRST + 100 * DAY
DERIVED = (Reading, State, Quarter, Day, Watermark, DirtyQuarter, MeterExchange, EnergyMeter, Demand)
DERIVED += (StateInterval, Redo, ShiftResult)

on_a_database = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def forget_everything():
    for model in DERIVED:
        model.objects.all().delete()
    MachineMark.objects.update(seen_at=None, followed_to=None, kept_to=0)


def arrive(device, readings, rng, *, batches, between):
    """Store {time: data} in any order, a third of it twice, in so many batches; `between` is called after each."""
    arriving = [*readings.items(), *rng.choices(list(readings.items()), k=len(readings) // 3)]
    rng.shuffle(arriving)
    size = len(arriving) // batches + 1
    for start in range(0, len(arriving), size):
        samples = [Sample(device.pk, at, data) for at, data in arriving[start : start + size]]
        store_readings(samples=samples, received_at=NOW)
        between()


# A month of a meter

STEP = 6 * HOUR
STEPS = 30 * 4
ROLLOVER = 10_000.0
EVENTS = ("reset", "exchange", "tremble")


def shown_by(increments, events, begins):
    """What a meter showed at each step, and how it was exchanged: [(step, old value, new value)]."""
    shown, true, told, exchanges = begins, 0.0, [begins], []
    for step, more in enumerate(increments, start=1):
        event, before = events.get(step), shown
        true += more
        shown = (shown + more) % ROLLOVER
        trembles = 0.0
        if event == "reset" and 200 < before < ROLLOVER / 2 - 100:  # else it would pass for something else
            shown = more
        elif event == "exchange" and before + more < ROLLOVER:
            exchanges.append((step, before + more / 2, 4321.0))
            shown = 4321.0 + more / 2
        elif event == "tremble" and shown > 100 and step % 4 and events.get(step + 1) != "reset":
            trembles = 0.05
        told.append(round(shown - trembles, 6))
    return told, exchanges, true


@on_a_database
@given(
    increments=st.lists(st.integers(0, 500).map(lambda tenth: tenth / 10), min_size=STEPS, max_size=STEPS),
    events=st.dictionaries(st.integers(1, STEPS), st.sampled_from(EVENTS), max_size=12),
    begins=st.sampled_from([0.0, 300.0, 4_000.0, 9_700.0]),
    seed=st.integers(0, 2**32),
    noted_first=st.booleans(),
)
def test_whatever_a_meter_does_within_a_month_its_days_come_to_what_was_taken(
    increments, events, begins, seed, noted_first
):
    forget_everything()
    declare_metric(key="energy", kind="counter", unit="kWh", rollover=ROLLOVER)
    rules.forget()
    meter = make_device()
    told, exchanges, true = shown_by(increments, events, begins)

    def note():
        for step, old, new in exchanges:
            note_exchange(
                device=meter,
                metric="energy",
                at=FIRST + step * STEP - HOUR,
                old_value=old,
                new_value=new,
                by=None,
                now=datetime.fromtimestamp(NOW / 1000, UTC),
            )

    readings = {FIRST + step * STEP: {"energy": value} for step, value in enumerate(told)}
    if noted_first:
        note()
    rng = Random(seed)
    arrive(meter, readings, rng, batches=3, between=lambda: rng.random() < 0.5 and roll_up_due())
    if not noted_first:
        note()

    end = FIRST + 30 * DAY
    expected = [fsum(increments[day * 4 : day * 4 + 4]) for day in range(30)]
    for _ in range(2):
        rows = energy_rows(Scope([meter.pk]), start=FIRST, end=end, now=NOW, interval="day")
        whole = energy_summary(Scope([meter.pk]), start=FIRST, end=end, now=NOW)
        assert [row["energyKwh"] for row in rows] == pytest.approx(expected, abs=1e-6)
        assert whole["energy_kwh"] == pytest.approx(true, abs=1e-6)
        roll_up_due()


# Days of any time zone

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")
CHANGES = (date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 4), date(2026, 10, 25))
DAYS = st.one_of(st.sampled_from(CHANGES), st.dates(min_value=date(2025, 1, 1), max_value=date(2027, 12, 31)))


@on_a_database
@given(zone=st.sampled_from(ZONES), day=DAYS, watts=st.integers(1, 10_000), seed=st.integers(0, 2**32))
def test_a_day_of_any_zone_takes_as_many_hours_as_its_clock_has(zone, day, watts, seed):
    forget_everything()
    place = ZoneInfo(zone)
    midnights = [
        datetime(one.year, one.month, one.day, tzinfo=place)
        for one in (day + timedelta(days=number) for number in range(-1, 3))
    ]
    borders = [ms(one.astimezone(UTC)) for one in midnights]
    start, end = borders[0], borders[-1]
    pump, rng = make_device(), Random(seed)
    readings = {at: {"power": float(watts)} for at in range(start, end + 1, 15 * MINUTE)}
    arrive(pump, readings, rng, batches=3, between=lambda: rng.random() < 0.5 and roll_up_due())

    for _ in range(2):
        rows = energy_rows(Scope([pump.pk]), start=start, end=end, now=end, interval="day", time_zone=zone)
        hours = energy_rows(Scope([pump.pk]), start=start, end=end, now=end, interval_ms=HOUR)
        lengths = [(after - before) / HOUR for before, after in pairwise(borders)]
        assert [row["timestamp"] for row in rows] == borders[:-1]
        assert [row["energyKwh"] for row in rows] == pytest.approx([watts / 1000 * one for one in lengths])
        assert [row["coverage"] for row in rows] == [1.0] * 3
        whole = watts / 1000 * sum(lengths)
        assert fsum(row["energyKwh"] for row in hours) == pytest.approx(whole)
        roll_up_due()


# Pieces and OEE

TICK = 5 * MINUTE
TICKS = 48  # four hours
EARLY, LATE = FIRST + 6 * HOUR, FIRST + 10 * HOUR
PIECES = st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 40))


@on_a_database
@given(
    ticks=st.lists(PIECES, min_size=TICKS, max_size=TICKS),
    cycle=st.integers(1, 60),
    planned=st.one_of(st.none(), st.tuples(st.integers(0, TICKS - 1), st.integers(1, 12))),
    cut=st.integers(1, 4 * 60 - 1),
    seed=st.integers(0, 2**32),
    turns=st.lists(st.sampled_from(["", "r", "f", "rf", "rfk"]), min_size=3, max_size=3),
)
def test_oee_is_good_pieces_times_ideal_time_over_planned_time_in_any_order(
    ticks, cycle, planned, cut, seed, turns
):
    """And its parts add up to the whole: two shifts, each hour, and any two times that meet."""
    forget_everything()
    set_stop_code(code="clean", label="Cleaning", planned=True)
    press = make_machine(ideal_cycle_seconds=float(cycle), micro_stop_seconds=0)
    every_day = frozenset(range(1, 8))
    shifts = [
        ShiftRule("First", every_day, NOON.replace(hour=6).time(), NOON.replace(hour=8).time()),
        ShiftRule("Second", every_day, NOON.replace(hour=8).time(), NOON.replace(hour=10).time()),
    ]
    plan(Target(device=press), *shifts)
    look_at_rules()
    made = rejected = 0
    readings = {}
    for place, (runs, more, bad) in enumerate([*ticks, (False, 0, 0)]):
        readings[EARLY + place * TICK] = {"running": float(runs), "parts": made, "rejects": rejected}
        made, rejected = made + more, rejected + min(more, bad)
    stop = 0
    if planned is not None:
        begins = EARLY + planned[0] * TICK
        ends = min(begins + planned[1] * TICK, LATE)
        stop = ends - begins
        add_stop(device=press, start=begins, end=ends, code="clean", by=None, at=NOON)
    work = {"r": roll_up_due, "f": lambda: follow_machines(now=NOW), "k": lambda: keep_results(now=NOW)}
    steps = iter([*turns, ""])
    arrive(
        press,
        readings,
        Random(seed),
        batches=3,
        between=lambda: [work[letter]() for letter in next(steps, "")],
    )

    def asked(start, end):
        return oee_metrics(start=start, end=end, now=NOW, device_id=press.pk)

    border = EARLY + cut * MINUTE
    of = {"device_id": press.pk, "start": EARLY, "end": LATE, "now": NOW}
    for _ in range(2):
        whole = asked(EARLY, LATE)
        good = made - rejected
        seconds = (LATE - EARLY - stop) / 1000
        assert whole["planned_seconds"] == seconds
        assert (whole["total"], whole["good"]) == (pytest.approx(made), pytest.approx(good))
        assert whole["good_ideal_seconds"] == pytest.approx(good * cycle)
        if whole["oee"] is not None:
            assert whole["oee"] == pytest.approx(100 * good * cycle / seconds, abs=0.0501)
            a_p_q = (
                whole["run_seconds"] / whole["planned_seconds"],
                whole["ideal_seconds"] / whole["run_seconds"],
                whole["good_ideal_seconds"] / whole["ideal_seconds"],
            )
            assert a_p_q[0] * a_p_q[1] * a_p_q[2] == pytest.approx(good * cycle / seconds)
        for parts in (
            [asked(EARLY, border), asked(border, LATE)],
            [asked(EARLY + n * HOUR, EARLY + (n + 1) * HOUR) for n in range(4)],
            oee_breakdown(by="shift", **of),
            oee_breakdown(by="day", **of),
            oee_breakdown(by="machine", **of),
        ):
            for name in ("planned_seconds", "run_seconds", "down_seconds", "unknown_seconds"):
                assert fsum(part[name] for part in parts) == pytest.approx(whole[name], abs=1e-6)
            for name in ("total", "good", "ideal_seconds", "good_ideal_seconds", "planned_stop_seconds"):
                assert fsum(part[name] for part in parts) == pytest.approx(whole[name], abs=1e-6)
        roll_up_due()
        follow_machines(now=NOW)
        keep_results(now=NOW)
