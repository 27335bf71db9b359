"""Rollups held against brute force, whatever the order in which readings arrive and workers come by."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.services import delete_devices
from telemetry.aggregates import totals
from telemetry.batch import Sample
from telemetry.buckets import fixed_buckets
from telemetry.fold import QUARTER_MS
from telemetry.models import Day, DirtyQuarter, Quarter, Reading, State, Watermark
from telemetry.rules import metric_for
from telemetry.rules import rules as rules_in_force
from telemetry.services import rollups, store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import are_rolled_up, roll_up, roll_up_due
from tests.builders import make_device, ms
from tests.telemetry.brute_force import buckets_of, increase_of, integral_of
from tests.telemetry.rolling import HOUR, MINUTE, RULES, answer, put, quarters

pytestmark = pytest.mark.django_db


def test_a_turn_of_the_worker_rolls_everything_up():
    device = make_device()
    put(device, (0, {"power": 10.0}), (MINUTE, {"power": 20.0}), (QUARTER_MS, {"power": 40.0}))

    assert roll_up_due() == 1
    assert roll_up_due() == 0

    first = quarters()[device.pk, "power", 0]
    assert (first.count, first.sum, first.min, first.max, first.last_at) == (2, 30.0, 10.0, 20.0, MINUTE)
    assert first.integral == pytest.approx(15 * 60 + 30 * 14 * 60)
    assert first.covered_ms == QUARTER_MS
    assert are_rolled_up(before=10**13)


# Whatever the order

METRICS = ("power", "level", "meter")
# Few different times, so that readings meet, gaps come in all sizes, and quarters' borders are hit.
TIMES = st.one_of(
    st.integers(0, 24).map(lambda n: n * 5 * MINUTE),
    st.integers(0, 2 * HOUR),
    st.sampled_from([QUARTER_MS, 2 * QUARTER_MS - 1, HOUR, HOUR + 1, 5 * HOUR, 9 * HOUR]),
)
VALUES = st.floats(-1e6, 1e6).map(lambda v: round(v, 3))
# One value for one device, time and metric: the conflicting ones are what order decides, by design.
READINGS = st.dictionaries(
    st.tuples(st.integers(0, 1), TIMES, st.sampled_from(METRICS)), VALUES, min_size=1, max_size=40
)


def check_against_brute_force(devices, plant, start, end, interval):
    found = {row["timestamp"]: row for row in answer(devices, start, end, interval)}
    readings = {
        bucket
        for rows in plant.values()
        for at in rows
        if start <= at < end
        for bucket in [at - at % interval]
    }
    assert found.keys() == readings
    for metric in METRICS:
        expected = buckets_of(plant, metric, start, end, lambda at: at - at % interval)
        assert {at for at, row in found.items() if metric in row["metrics"]} == expected.keys()
        for bucket, wanted in expected.items():
            figures = found[bucket]["metrics"][metric]
            exact = ("count", "min", "max", "last")
            assert {k: figures[k] for k in exact} == {k: wanted[k] for k in exact}, (metric, bucket)
            assert figures["sum"] == pytest.approx(wanted["sum"], rel=1e-9, abs=1e-3)
            lo, hi = max(bucket, start), min(bucket + interval, end)
            check_intervals(plant, metric, figures, lo, hi)


def check_intervals(plant, metric, figures, lo, hi):
    rule = RULES.get(metric)
    if metric == "meter":
        grown = [increase_of(rows, metric, lo, hi) for rows in plant.values()]
        if any(g is not None for g in grown):
            assert figures["increase"] == pytest.approx(sum(g or 0 for g in grown), rel=1e-9, abs=1e-3)
        return
    parts = [
        integral_of(
            rows,
            metric,
            lo,
            hi,
            holds=bool(rule and rule.holds),
            max_gap_ms=(rule.max_gap_seconds if rule else 900) * 1000,
        )
        for rows in plant.values()
    ]
    assert figures["coveredMs"] == sum(covered for _, covered in parts)
    assert figures["integral"] == pytest.approx(sum(area for area, _ in parts), rel=1e-9, abs=1.0)


def forget_everything():
    for model in (Reading, State, Quarter, Day, Watermark, DirtyQuarter):
        model.objects.all().delete()


def everything_stored():
    columns = [f.name for f in Quarter._meta.fields if f.name != "pk"]
    return (
        list(
            Reading.objects.order_by("device_id", "timestamp").values_list("device_id", "timestamp", "data")
        ),
        list(State.objects.order_by("device_id").values_list("device_id", "newest", "latest")),
        sorted(Quarter.objects.values_list(*columns), key=lambda row: row[:3]),
        sorted(Day.objects.values_list(*columns), key=lambda row: row[:3]),
    )


def about_equal(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-9, abs=1e-3)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(about_equal, one, other))
    return one == other


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    readings=READINGS,
    seed=st.integers(0, 2**32),
    batch=st.integers(1, 12),
    turns=st.lists(st.booleans(), min_size=1, max_size=8),
    ends=st.one_of(
        st.tuples(st.integers(-HOUR, HOUR), st.integers(HOUR + 1, 10 * HOUR)), st.just((-HOUR, 25 * HOUR))
    ),
    interval=st.sampled_from([MINUTE * 7, QUARTER_MS, HOUR, 3 * HOUR, 24 * HOUR]),
)
def test_any_order_lateness_duplication_and_merging_gives_the_same(
    declared_rules, two_devices, readings, seed, batch, turns, ends, interval
):
    plant = {device.pk: {} for device in two_devices}
    single = []
    for (place, at, metric), value in readings.items():
        plant[two_devices[place].pk].setdefault(at, {})[metric] = value
        single.append((two_devices[place], at, {metric: value}))

    # In order, whole readings, rolled up at the end.
    forget_everything()
    for device in two_devices:
        put(device, *sorted(plant[device.pk].items()))
    roll_up_due()
    check_against_brute_force(two_devices, plant, *ends, interval)
    in_order = everything_stored()

    # Shuffled, one metric at a time, some of it twice, with workers coming by now and then.
    forget_everything()
    rng = Random(seed)
    arriving = single + rng.choices(single, k=len(single) // 2)
    rng.shuffle(arriving)
    for number, start in enumerate(range(0, len(arriving), batch)):
        store_readings(
            samples=[Sample(d.pk, at, data) for d, at, data in arriving[start : start + batch]],
            received_at=10**12,
        )
        if turns[number % len(turns)]:
            roll_up_due()
    check_against_brute_force(two_devices, plant, *ends, interval)
    roll_up_due()
    roll_up_due()

    check_against_brute_force(two_devices, plant, *ends, interval)
    assert not DirtyQuarter.objects.exists()
    rows, state, *rolled = everything_stored()
    assert (rows, normal(state)) == (in_order[0], normal(in_order[1]))
    assert about_equal(rolled, in_order[2:])


def normal(states):
    return [(device, newest, dict(sorted(latest.items()))) for device, newest, latest in states]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [[(0, "level", 1.0), (40, "power", 9.0)], [(30, "level", 5.0), (50, "level", 7.0)]],
            id="a late sample is where the tail's first interval begins",
        ),
        pytest.param(
            [[(2, "level", 1.0), (40, "power", 9.0)], [(1, "power", 5.0), (41, "level", 7.0)]],
            id="an interval into the tail crosses a dirty quarter",
        ),
        pytest.param(
            [[(2, "meter", 1.0), (200, "power", 9.0)], [(1, "power", 5.0), (300, "meter", 70.0)]],
            id="a counter's interval into the tail is longer than any gap",
        ),
        pytest.param(
            [[(0, "meter", 1.0), (400, "meter", 90.0), (500, "power", 1.0)], [(200, "meter", 10.0)]],
            id="a late sample in the middle of a counter's long interval",
        ),
        pytest.param(
            [[(0, "meter", 1.0), (500, "power", 1.0)], [(200, "meter", 10.0)], [(510, "meter", 12.0)]],
            id="a late sample after a counter's last one",
        ),
        pytest.param(
            [[(0, "level", 1.0)], [(59, "level", 5.0)], [(62, "power", 5.0)], [(118, "level", 2.0)]],
            id="intervals that end in a later turn than their quarters",
        ),
        pytest.param(
            [[(10, "power", 1.0), (20, "power", 2.0)], [(20, "power", 5.0), (10, "power", 0.0)]],
            id="the same moment again with another value",
        ),
    ],
)
@pytest.mark.parametrize("ends", [(0, 600), (7, 593), (195, 233), (16, 61)])
def test_between_two_turns_and_after_them_answers_are_exact(declared_rules, two_devices, steps, ends):
    device, other = two_devices
    plant = {device.pk: {}, other.pk: {}}
    start, end = (minutes * MINUTE for minutes in ends)
    for step in steps:
        for minute, metric, value in step:
            plant[device.pk].setdefault(minute * MINUTE, {})[metric] = value
        put(device, *((minute * MINUTE, {metric: value}) for minute, metric, value in step))
        check_against_brute_force(two_devices, plant, start, end, HOUR)
        roll_up_due()
        check_against_brute_force(two_devices, plant, start, end, HOUR)


def test_a_long_history_takes_several_turns_and_comes_to_the_same(monkeypatch, two_devices):
    monkeypatch.setattr("telemetry.services.rollups.ROWS_AT_ONCE", 7)
    plant = {
        device.pk: {n * 4 * MINUTE: {"power": float(n * place)} for n in range(30)}
        for place, device in enumerate(two_devices, 1)
    }
    for device in two_devices:
        put(device, *plant[device.pk].items())

    turns = 0
    while roll_up_due():
        turns += 1
        check_against_brute_force(two_devices, plant, 0, 3 * HOUR, HOUR)

    assert turns > 5
    assert Watermark.objects.filter(rolled_to=29 * 4 * MINUTE).count() == 2


def test_a_worker_that_was_overtaken_writes_nothing(monkeypatch, two_devices):
    device, _ = two_devices
    put(device, (0, {"power": 1.0}))
    roll_up_due()
    put(device, (MINUTE, {"power": 2.0}))
    write = rollups._write

    def overtaken(works):
        monkeypatch.setattr(rollups, "_write", write)
        assert roll_up(device_ids=[device.pk]) == 1  # another worker, at the same stage
        return write(works)

    monkeypatch.setattr(rollups, "_write", overtaken)

    assert roll_up(device_ids=[device.pk]) == 0
    assert quarters()[device.pk, "power", 0].count == 2


def test_a_late_reading_that_arrives_while_a_worker_computes_is_not_lost(monkeypatch, two_devices):
    device, _ = two_devices
    put(device, (MINUTE, {"power": 1.0}))
    write = rollups._write

    def late(works):
        put(device, (0, {"power": 5.0}))
        return write(works)

    monkeypatch.setattr(rollups, "_write", late)
    roll_up_due()
    monkeypatch.setattr(rollups, "_write", write)

    assert answer(two_devices, 0, HOUR)[0]["metrics"]["power"]["sum"] == 6.0
    roll_up_due()
    assert quarters()[device.pk, "power", 0].sum == 6.0


def test_each_device_has_its_turn_where_all_always_have_something_new(monkeypatch, two_devices):
    """A turn that has time for one device only goes on with the other one."""
    monkeypatch.setattr(rollups, "DEVICES_AT_ONCE", 1)
    for minute in range(4):
        for device in two_devices:
            put(device, (minute * MINUTE, {"power": 1.0}))
        roll_up_due(seconds=0)

    marks = Watermark.objects.order_by("device_id").values_list("rolled_to", flat=True)
    assert list(marks) == [2 * MINUTE, 3 * MINUTE]


def test_an_answer_reads_no_dirty_quarter_that_cannot_matter(two_devices):
    device, _ = two_devices
    put(device, *[(n * MINUTE, {"power": float(n)}) for n in range(1000)])
    roll_up_due()
    put(device, *[(n * MINUTE + 1, {"power": float(n)}) for n in range(900)])

    found = totals(
        device_ids=[device.pk],
        start=960 * MINUTE,
        end=990 * MINUTE,
        buckets=fixed_buckets(HOUR),
        rule=metric_for,
        rows_limit=100,
    )

    assert found[960 * MINUTE]["power"].sum == sum(range(960, 990))


def test_the_newest_of_several_devices_is_told_in_every_year(two_devices):
    """Times and ids share one integer, which had no room for times after 2039."""
    device, other = two_devices
    late = ms(datetime(2045, 7, 1, tzinfo=UTC))
    put(device, (late, {"power": 1.0}))
    put(other, (late + MINUTE, {"power": 2.0}))
    roll_up_due()

    [row] = answer(two_devices, late, late + HOUR, HOUR)

    assert row["metrics"]["power"]["last"] == 2.0


def test_days_keep_nothing_of_a_counter_that_became_a_gauge(declared_rules, two_devices):
    device, _ = two_devices
    put(device, (HOUR, {"meter": 100.0}), (120 * HOUR, {"meter": 1000.0}))
    roll_up_due()
    declare_metric(key="meter", kind="gauge")
    rules_in_force.forget()

    rollups.rebuild(device_id=device.pk)

    [row] = answer([device], 0, 30 * 24 * HOUR, 30 * 24 * HOUR)
    assert row["metrics"]["meter"]["increase"] is None


def test_a_device_that_was_deleted_meanwhile_is_left_out(monkeypatch, two_devices):
    device, other = two_devices
    put(device, (0, {"power": 1.0}))
    put(other, (0, {"power": 1.0}))
    write = rollups._write

    def deleted(works):
        delete_devices(devices=[device])
        return write(works)

    monkeypatch.setattr(rollups, "_write", deleted)

    assert roll_up_due() == 1
    assert {key[0] for key in quarters()} == {other.pk}


def test_a_device_with_which_it_fails_costs_the_others_nothing(monkeypatch, caplog, two_devices):
    broken, other = two_devices
    for device in two_devices:
        put(device, (0, {"power": 1.0}))
    plan = rollups._plan

    def failing(device_ids):
        assert broken.pk not in device_ids
        return plan(device_ids)

    monkeypatch.setattr(rollups, "_plan", failing)

    assert roll_up_due() == 1
    assert {key[0] for key in quarters()} == {other.pk}
    assert [record.message for record in caplog.records] == ["rollup.failed"]
