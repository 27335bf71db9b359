"""Rollups held against brute force, whatever the order in which readings arrive and workers come by."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.services import delete_devices
from telemetry.aggregates import totals
from telemetry.batch import Sample
from telemetry.buckets import fixed_buckets
from telemetry.fold import QUARTER_MS
from telemetry.metrics import Metric
from telemetry.models import ArchivedDay, Day, DirtyQuarter, Quarter, Reading, State, Watermark
from telemetry.queries import aggregated, readings_of
from telemetry.rules import metric_for
from telemetry.rules import rules as rules_in_force
from telemetry.services import rollups, store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import are_rolled_up, roll_up, roll_up_due
from tests.builders import NOON, make_device, ms
from tests.telemetry.brute_force import buckets_of, increase_of, integral_of

pytestmark = pytest.mark.django_db
MINUTE = 60_000
HOUR = 60 * MINUTE


def put(device, *points):
    return store_readings(samples=[Sample(device.pk, at, data) for at, data in points], received_at=10**12)


def answer(devices, start, end, interval=QUARTER_MS, **options):
    return aggregated(
        device_ids=[d.pk for d in devices], start=start, end=end, interval_ms=interval, **options
    )


def quarters():
    return {(q.device_id, q.metric, q.bucket): q for q in Quarter.objects.all()}


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
RULES = {
    "level": Metric("level", "Level", "l", integration="hold", max_gap_seconds=3600),
    "meter": Metric("meter", "Meter", "kWh", kind="counter"),
}
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


@pytest.fixture
def declared_rules():
    for rule in RULES.values():
        declare_metric(
            key=rule.key, kind=rule.kind, integration=rule.integration, max_gap_seconds=rule.max_gap_seconds
        )
    rules_in_force.forget()


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


@pytest.fixture
def two_devices():
    return [make_device(), make_device()]


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


# Charts


def two_months_of(device):
    """Half-hourly readings over sixty days with one high and one low peak between the half-hours."""
    points = {n * 30 * MINUTE: {"power": 100.0 + n % 7, "level": 5.0} for n in range(60 * 48)}
    points[20 * 24 * HOUR + 7 * MINUTE] = {"power": 999.0, "level": 6.0}
    points[40 * 24 * HOUR + 8 * MINUTE] = {"power": -999.0}
    for start in range(0, len(points), 500):
        put(device, *list(points.items())[start : start + 500])
    return points


@pytest.mark.parametrize("turns", [0, 1])
def test_a_long_range_draws_in_one_request_with_its_extremes(two_devices, turns):
    device, _ = two_devices
    points = two_months_of(device)
    for _ in range(turns):
        roll_up_due()

    rows = readings_of(device_id=device.pk, start=0, end=61 * 24 * HOUR, limit=1, max_points=200)

    assert {(at, data["power"]) for at, data in rows} >= {
        (20 * 24 * HOUR + 7 * MINUTE, 999.0),
        (40 * 24 * HOUR + 8 * MINUTE, -999.0),
    }
    assert len(rows) <= 200
    assert [at for at, _ in rows] == sorted(at for at, _ in rows)
    assert all(points[at] == data for at, data in rows)


def test_a_chart_needs_no_raw_where_it_is_rolled_up(two_devices):
    device, _ = two_devices
    points = two_months_of(device)
    roll_up_due()
    wanted = {"device_id": device.pk, "start": 0, "end": 59 * 24 * HOUR, "limit": 1, "max_points": 200}
    before = readings_of(**wanted)

    Reading.objects.filter(timestamp__lt=59 * 24 * HOUR).delete()  # as when it was archived

    after = readings_of(**wanted)
    assert [at for at, _ in after] == [at for at, _ in before]
    assert all(data.items() <= points[at].items() for at, data in after)


def test_a_chart_is_exact_to_the_last_commit_and_where_something_late_came(two_devices):
    device, _ = two_devices
    two_months_of(device)
    roll_up_due()
    put(device, (10 * 24 * HOUR + MINUTE, {"power": 5000.0}), (60 * 24 * HOUR + MINUTE, {"power": -5000.0}))

    rows = readings_of(device_id=device.pk, start=0, end=61 * 24 * HOUR, limit=1, max_points=200)

    values = [data["power"] for _, data in rows]
    assert (max(values), min(values)) == (5000.0, -5000.0)


def test_a_chart_within_one_quarter_keeps_to_its_range_where_only_a_part_is_back(two_devices):
    device, _ = two_devices
    put(device, *[(n * MINUTE, {"power": float(n)}) for n in range(15)])
    roll_up_due()
    ArchivedDay.objects.create(
        day=date(1970, 1, 1), dropped_at=NOON
    )  # as when this device alone was restored

    rows = readings_of(device_id=device.pk, start=2 * MINUTE, end=5 * MINUTE, limit=1, max_points=50)

    assert [at for at, _ in rows] == [2 * MINUTE, 3 * MINUTE, 4 * MINUTE]


# Where raw is gone


@pytest.fixture
def yesterday_is_archived(declared_rules, two_devices):
    """Intervals of a gauge and of a counter across midnight, and raw only from then on; what answers said before."""
    device, _ = two_devices
    midnight = 24 * HOUR
    put(
        device,
        (midnight - 70 * MINUTE, {"meter": 10.0}),
        (midnight - 10 * MINUTE, {"power": 60.0}),
        (midnight + 5 * MINUTE, {"power": 90.0}),
        (midnight + 50 * MINUTE, {"meter": 130.0}),
        (midnight + 60 * MINUTE, {"power": 10.0}),
    )
    roll_up_due()
    before = answer([device], 0, 2 * midnight)
    Reading.objects.filter(timestamp__lt=midnight).delete()
    ArchivedDay.objects.create(day=date(1970, 1, 1), dropped_at=NOON)
    return device, midnight, before


def test_rebuilding_keeps_the_intervals_that_begin_before_raw_does(yesterday_is_archived):
    device, midnight, before = yesterday_is_archived

    assert rollups.rebuild(device_id=device.pk) == 5

    assert answer([device], 0, 2 * midnight) == before


def test_something_late_keeps_the_intervals_that_begin_before_raw_does(yesterday_is_archived):
    device, midnight, _ = yesterday_is_archived
    put(device, (midnight + 20 * MINUTE, {"meter": 55.0}))
    roll_up_due()

    rows = answer([device], midnight, 2 * midnight)

    # 45 in the 90 minutes before the late sample, 75 in the half hour after it.
    found = {row["timestamp"] - midnight: row["metrics"] for row in rows}
    assert found[QUARTER_MS]["meter"]["increase"] == pytest.approx(5 * 0.5 + 10 * 2.5)
    assert found[3 * QUARTER_MS]["meter"]["increase"] == pytest.approx(5 * 2.5)
    assert Quarter.objects.get(metric="meter", bucket=midnight).increase == pytest.approx(15 * 0.5)
    assert found[0]["power"]["integral"] == pytest.approx(85 * 5 * 60)


def test_a_range_cut_inside_a_quarter_counts_the_intervals_that_begin_before_raw_does(yesterday_is_archived):
    device, midnight, _ = yesterday_is_archived

    [row] = answer([device], midnight, midnight + 7 * MINUTE)

    assert row["metrics"]["power"]["integral"] == pytest.approx(85 * 5 * 60)


# The plant's days


@pytest.fixture
def berlin(settings):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    return ZoneInfo("Europe/Berlin")


def hourly(device, begin, hours):
    put(device, *((ms(begin) + n * HOUR // 2, {"power": float(n)}) for n in range(2 * hours)))


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
@pytest.mark.parametrize("turns", [0, 1])
def test_a_day_has_23_or_25_hours_and_nothing_is_lost_or_doubled(berlin, two_devices, day, hours, turns):
    midnight = datetime(*day, tzinfo=berlin)
    hourly(two_devices[0], midnight - timedelta(days=2), 24 * 5)
    for _ in range(turns):
        roll_up_due()

    rows = aggregated(
        device_ids=[d.pk for d in two_devices],
        start=ms(midnight) - 24 * HOUR,
        end=ms(midnight) + (hours + 24) * HOUR,
        interval="day",
        time_zone="Europe/Berlin",
    )

    assert [row["count"] for row in rows] == [48, 2 * hours, 48]
    assert [row["timestamp"] for row in rows] == [
        ms(midnight) - 24 * HOUR,
        ms(midnight),
        ms(midnight) + hours * HOUR,
    ]
    total = sum(row["metrics"]["power"]["sum"] for row in rows)
    assert total == sum(range(48, 48 + 2 * (48 + hours)))


def test_whole_days_are_answered_from_days(berlin, two_devices):
    midnight = datetime(2026, 5, 30, tzinfo=berlin)
    hourly(two_devices[0], midnight, 24 * 5)
    roll_up_due()
    wanted = {
        "device_ids": [d.pk for d in two_devices],
        "start": ms(midnight) + 5 * HOUR,
        "end": ms(midnight) + (4 * 24 + 7) * HOUR,
        "interval": "month",
        "time_zone": "Europe/Berlin",
    }
    before = aggregated(**wanted)
    assert [row["timestamp"] for row in before] == [
        ms(datetime(2026, 5, 1, tzinfo=berlin)),
        ms(datetime(2026, 6, 1, tzinfo=berlin)),
    ]

    # What whole days hold is not asked of their quarters, but for the last values.
    inner = Quarter.objects.filter(bucket__gte=ms(midnight) + 24 * HOUR, bucket__lt=ms(midnight) + 96 * HOUR)
    inner.exclude(last_at__in=[ms(midnight) + 47.5 * HOUR, ms(midnight) + 95.5 * HOUR]).delete()

    after = aggregated(**wanted)
    counts = [row["metrics"]["power"]["count"] for row in before]
    assert [row["metrics"]["power"]["count"] for row in after] == counts


def test_when_the_plant_moves_to_another_zone_its_days_are_summed_up_anew(settings, two_devices):
    begin = datetime(2026, 5, 30, tzinfo=UTC)
    hourly(two_devices[0], begin, 24 * 3)
    roll_up_due()
    settings.PLANT_TIME_ZONE = "Asia/Kolkata"

    roll_up_due()

    india = ZoneInfo("Asia/Kolkata")
    days = Day.objects.filter(device_id=two_devices[0].pk, metric="").order_by("bucket")
    assert [(day.bucket, day.count) for day in days] == [
        (ms(datetime(2026, 5, 30, tzinfo=india)), 37),
        (ms(datetime(2026, 5, 31, tzinfo=india)), 48),
        (ms(datetime(2026, 6, 1, tzinfo=india)), 48),
        (ms(datetime(2026, 6, 2, tzinfo=india)), 11),
    ]


def test_what_comes_late_into_a_day_that_was_summed_up_counts_at_once(berlin, two_devices):
    device, other = two_devices
    midnight = datetime(2026, 5, 30, tzinfo=berlin)
    for each in two_devices:
        hourly(each, midnight, 24 * 3)
    roll_up_due()

    def counts():
        rows = aggregated(
            device_ids=[d.pk for d in two_devices],
            start=ms(midnight),
            end=ms(midnight) + 72 * HOUR,
            interval="day",
            time_zone="Europe/Berlin",
        )
        return [row["count"] for row in rows]

    assert counts() == [96, 96, 96]
    put(device, (ms(midnight) + 25 * HOUR + 1, {"power": 1.0}))
    assert counts() == [96, 97, 96]
    roll_up_due()
    assert counts() == [96, 97, 96]
    # Newer than all there was, but of a day that is over.
    put(other, (ms(midnight) + 72 * HOUR - 1, {"power": 1.0}))
    assert counts() == [96, 97, 97]
    roll_up_due()
    assert counts() == [96, 97, 97]
    assert Day.objects.get(device_id=other.pk, metric="", bucket=ms(midnight) + 48 * HOUR).count == 49


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
