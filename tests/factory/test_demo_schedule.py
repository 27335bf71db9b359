"""When the demo's machines run, what they count, and what of it is told of a time that is over: no database."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest

from factory.demo.hours import SHIFTS, load_at, load_hours, shifts_on
from factory.demo.kinds import ALL, BY_KEY
from factory.demo.machines import Plant, found, measure, new_fault
from factory.demo.past import measured, past_faults
from factory.demo.plant import planned_devices
from factory.demo.schedule import Schedule
from factory.demo.turns import BREAKDOWN, CYCLE_DAYS, MICRO, PLANNED, laid_out

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 6, 1, tzinfo=BERLIN)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
MAKERS = [kind for kind in ALL if kind.makes is not None]
METERED = [kind for kind in ALL if kind.counts_energy]


def schedule(key, number=1):
    return Schedule(f"{key}-{number}", BY_KEY[key])


def block():
    return [Schedule(each.external_id, each.kind) for each in planned_devices(count=24, seed=7)]


def moments(start, end, step):
    at = start
    while at < end:
        yield at
        at += step


# The counters


@pytest.mark.parametrize("kind", [*MAKERS, *METERED], ids=lambda kind: kind.key)
def test_no_counter_ever_falls_also_where_the_cycle_begins_anew_and_the_clocks_change(kind):
    one = Schedule(f"{kind.key}-1", kind)
    start = datetime(2026, 10, 10, tzinfo=BERLIN)
    steps = range(0, (CYCLE_DAYS + 2) * 86_400, 917)
    shown = [one.counted(datetime.fromtimestamp(start.timestamp() + step, BERLIN)) for step in steps]

    for before, after in pairwise(shown):
        assert all(after[metric] >= value for metric, value in before.items())
    assert all(shown[-1][metric] > value for metric, value in shown[0].items())


@pytest.mark.parametrize("kind", METERED, ids=lambda kind: kind.key)
def test_the_counter_of_energy_grows_as_fast_as_the_power_says(kind):
    one, rng = Schedule(f"{kind.key}-1", kind), Random(1)
    for start in (MONDAY + 2 * HOUR, MONDAY + 10 * HOUR, MONDAY + 6 * DAY):
        machine = found(one, at=start, rng=rng)
        powers = []
        for at in moments(start, start + 4 * HOUR, timedelta(seconds=30)):
            machine, data = measure(machine, one, at=at, rng=rng)
            powers.append(data["power"])
        grown = one.counted(start + 4 * HOUR)["energy"] - one.counted(start)["energy"]
        assert grown == pytest.approx(fmean(powers) * 4 / 1000, rel=0.02)


def test_every_kind_that_makes_pieces_tells_how_it_runs_and_some_have_no_meter():
    assert {kind.key for kind in MAKERS} == {"press", "mill", "robot", "packer"}
    assert {kind.key for kind in METERED} == {"furnace", "compressor", "pump", "chiller", "meter"}


@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.key)
def test_a_few_of_the_pieces_are_rejects_and_none_is_made_faster_than_can_be(kind):
    one = Schedule(f"{kind.key}-1", kind)
    for start in moments(MONDAY, MONDAY + WEEK, HOUR):
        before, after = one.counted(start), one.counted(start + HOUR)
        made, rejected = after["parts"] - before["parts"], after["rejects"] - before["rejects"]
        assert made <= 3600 / kind.makes.cycle_seconds + 1
        assert rejected <= made
    whole = one.counted(MONDAY + WEEK)
    assert 0.004 < whole["rejects"] / whole["parts"] < 0.05


def test_whole_turns_are_counted_without_going_through_them():
    one = schedule("press", 3)
    for day in moments(MONDAY, MONDAY + CYCLE_DAYS * DAY, DAY):
        worked = one.counted(day + DAY)["parts"] - one.counted(day)["parts"]
        assert worked == pytest.approx(
            one.counted(day + 22 * HOUR)["parts"] - one.counted(day)["parts"], abs=1
        )


def test_the_plants_meter_shows_more_than_all_that_it_measures_together():
    meter = schedule("meter")
    for day in moments(MONDAY, MONDAY + WEEK, DAY):
        measured_kwh = sum(_kwh(one, day) for one in block() if one.kind.key not in ("meter", "climate"))
        share = measured_kwh / (meter.counted(day + DAY)["energy"] - meter.counted(day)["energy"])
        assert 0.7 < share < 0.98


def _kwh(one, day):
    if one.kind.counts_energy:
        return one.counted(day + DAY)["energy"] - one.counted(day)["energy"]
    [power] = [signal for signal in one.kind.signals if signal.metric == "power"]
    watts = []
    for at in moments(day, day + DAY, timedelta(minutes=5)):
        doing = one.doing(at)
        watts.append(power.idle + (power.full - power.idle) * doing.load if doing.is_running else power.off)
    return fmean(watts) * 24 / 1000


def test_a_load_added_up_is_the_load_over_its_time():
    for start in (MONDAY, MONDAY + 6 * HOUR, datetime(2026, 10, 24, 20, tzinfo=BERLIN)):
        seconds = range(0, 12 * 3600, 60)
        loads = [load_at(datetime.fromtimestamp(start.timestamp() + each + 30, BERLIN)) for each in seconds]
        end = datetime.fromtimestamp(start.timestamp() + 12 * 3600, BERLIN)
        assert load_hours(end) - load_hours(start) == pytest.approx(fmean(loads) * 12, rel=1e-3)


# When they run


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.pauses], ids=lambda kind: kind.key)
def test_machines_stand_in_breaks_at_night_and_on_sundays(kind):
    for number in range(1, 5):
        one = Schedule(f"{kind.key}-{number}", kind)
        for day in moments(MONDAY, MONDAY + WEEK, DAY):
            for clock in ((3, 0), (9, 5), (12, 10), (16, 50), (19, 45), (23, 30)):
                assert not one.doing(day.replace(hour=clock[0], minute=clock[1])).is_running
        assert not any(one.doing(at).is_running for at in moments(MONDAY + 6 * DAY, MONDAY + WEEK, HOUR))


def test_machines_run_for_most_of_their_shifts_and_utilities_always():
    makers = [one for one in block() if one.kind.pauses]
    for one in makers:
        spans = [
            span
            for day in range(6)
            for shift in shifts_on((MONDAY + day * DAY).date(), str(BERLIN))
            for span in shift.planned(shift.start, shift.end)
        ]
        ran = total = 0
        for start, end in spans:
            for at in range(start, end, 60_000):
                total += 1
                ran += one.doing(datetime.fromtimestamp(at / 1000, BERLIN)).is_running
        assert 0.7 < ran / total < 0.97
    assert all(schedule("furnace").doing(at).is_running for at in moments(MONDAY, MONDAY + WEEK, HOUR))


def test_a_turn_fills_its_shift_and_works_as_long_as_was_drawn():
    [shift, _] = shifts_on(MONDAY.date(), str(BERLIN))
    planned = [(start / 1000, end / 1000) for start, end in shift.planned(shift.start, shift.end)]
    for number in range(1, 30):
        layout = laid_out(f"press-{number}", 0, shift)
        worked = sum(run.end - run.start for run in layout.runs)
        assert worked == pytest.approx(layout.turn.worked(sum(end - start for start, end in planned)))
        assert layout.worked(planned[-1][1]) == pytest.approx(worked)
        assert all(earlier.end <= later.start for earlier, later in pairwise(layout.runs))
        assert all(any(low <= run.start and run.end <= high for low, high in planned) for run in layout.runs)


def test_there_are_short_stops_and_long_ones_and_in_any_week_breakdowns_and_maintenance():
    makers = [one for one in block() if one.kind.makes]
    for weeks in range(CYCLE_DAYS // 7):
        start = MONDAY + weeks * WEEK
        stops = [stop for one in makers for stop in one.stops(start, start + WEEK)]
        lengths = {
            cause: [stop.end - stop.start for stop in stops if stop.cause == cause]
            for cause in (MICRO, BREAKDOWN, "changeover", *PLANNED)
        }
        assert lengths[BREAKDOWN]
        assert lengths["maintenance"]
        short = [length for length in lengths[MICRO] if length < 60]
        assert len(short) > 0.98 * len(lengths[MICRO])  # the others go over a break
        assert max(lengths["changeover"]) > 1200


def test_the_same_machine_does_the_same_whoever_asks():
    assert schedule("mill").counted(MONDAY) == schedule("mill").counted(MONDAY)
    assert schedule("mill", 1).counted(MONDAY) != schedule("mill", 2).counted(MONDAY)


def test_the_shifts_are_two_on_weekdays_and_one_on_saturdays():
    names = [
        [shift.name for shift in shifts_on((MONDAY + day * DAY).date(), str(BERLIN))] for day in range(7)
    ]

    assert names == [["Early", "Late"]] * 5 + [["Early"], []]
    assert all(rule.breaks for rule in SHIFTS)


# Going on after a restart


def test_counters_go_on_from_what_was_reported_if_that_was_more():
    one, at = schedule("packer"), MONDAY + 10 * HOUR
    due = one.counted(at)
    plant = Plant([one], at=at, rng=Random(1), reported=[{"parts": due["parts"] + 500, "rejects": 3.0}])

    first, later = plant.measure(0, at=at), plant.measure(0, at=at + HOUR)

    made = one.counted(at + HOUR)["parts"] - due["parts"]
    assert (first["parts"], first["rejects"]) == (due["parts"] + 500, due["rejects"])
    assert later["parts"] == first["parts"] + made


def test_a_machine_in_repair_makes_nothing_and_makes_up_for_it():
    one, rng = schedule("press"), Random(1)
    start = next(
        at
        for at in moments(MONDAY + 6 * HOUR, MONDAY + DAY, timedelta(minutes=1))
        if all(one.doing(at + timedelta(seconds=s)).is_running for s in range(0, 400, 5))
    )
    trouble = next(trouble for trouble in one.kind.troubles if trouble.stops)
    machine, before = measure(found(one, at=start, rng=rng), one, at=start, rng=rng)
    fault = replace(
        new_fault(trouble, one.kind.limits[trouble.metric], at=start.timestamp(), rng=rng), rise=1.0, hold=1.0
    )
    machine, _ = measure(replace(machine, fault=fault), one, at=start + timedelta(seconds=5), rng=rng)

    machine, during = measure(machine, one, at=start + timedelta(seconds=25), rng=rng)
    _, after = measure(machine, one, at=start + timedelta(seconds=300), rng=rng)

    assert during["parts"] == before["parts"]
    assert after["parts"] == one.counted(start + timedelta(seconds=300))["parts"]


# What is over


@pytest.mark.parametrize("key", ["press", "mill", "robot", "packer"])
def test_the_past_is_told_every_five_minutes_and_around_each_change(key):
    one = schedule(key)
    told = list(measured(one, start=MONDAY, end=MONDAY + DAY, rng=Random(1)))
    times = [when / 1000 for when, _ in told]
    running = {when / 1000: data[one.kind.makes.metric] > one.kind.makes.above for when, data in told}

    assert times == sorted(set(times))
    assert MONDAY.timestamp() <= times[0]
    assert times[-1] < (MONDAY + DAY).timestamp()
    assert max(later - earlier for earlier, later in pairwise(times)) <= 300
    assert len(times) > 288 + 40
    wrong = [
        at
        for at, is_running in running.items()
        if is_running != one.doing(datetime.fromtimestamp(at, BERLIN)).is_running
    ]
    assert len(wrong) <= 2  # a power that has not followed yet


def test_the_past_goes_on_seamlessly_into_what_is_measured_now():
    one, now = schedule("press"), MONDAY + 10 * HOUR
    *_, (_, last) = measured(one, start=MONDAY, end=now, rng=Random(1))

    first = Plant([one], at=now, rng=Random(2), reported=[last]).measure(0, at=now + timedelta(seconds=2))

    assert 0 <= first["parts"] - last["parts"] <= 302 / one.kind.makes.cycle_seconds


def test_trouble_shows_before_a_breakdown_and_passes():
    one = next(
        one
        for one in block()
        if one.kind.key == "press"
        and any(stop.cause == BREAKDOWN for stop in one.stops(MONDAY, MONDAY + CYCLE_DAYS * DAY))
    )
    breakdown = next(stop for stop in one.stops(MONDAY, MONDAY + CYCLE_DAYS * DAY) if stop.cause == BREAKDOWN)
    start = datetime.fromtimestamp(breakdown.start, BERLIN) - 3 * HOUR
    told = list(measured(one, start=start, end=start + 12 * HOUR, rng=Random(1)))

    def worst(since, until):
        return max(data["vibration"] for when, data in told if since <= when / 1000 < until)

    limit = one.kind.limits["vibration"].warning_max
    assert worst(start.timestamp(), start.timestamp() + 3600) < limit
    assert worst(breakdown.start - 400, breakdown.start) > limit
    assert worst(breakdown.end + 60, breakdown.end + 3600) < limit


def test_nothing_new_goes_wrong_in_the_last_hours():
    for one in block():
        faults = list(past_faults(one, start=MONDAY, end=MONDAY + 4 * WEEK, rng=Random(3)))
        ends = [fault.began + fault.rise + fault.hold + fault.fall for fault in faults]
        assert all(end < (MONDAY + 4 * WEEK - 3 * HOUR).timestamp() for end in ends)
        assert all(later.began >= end for later, end in zip(faults[1:], ends, strict=False))
