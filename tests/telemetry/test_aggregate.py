from datetime import UTC, datetime
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.aggregate import aggregate, bucket_rule, calendar_buckets, fixed_buckets
from telemetry.downsample import keep_extremes
from tests.builders import ms

BERLIN = ZoneInfo("Europe/Berlin")
ROWS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 5000), st.floats(-1e6, 1e6)),
    unique_by=lambda row: row[:2],
    max_size=60,
)


@given(ROWS, st.integers(1, 2000))
def test_buckets_equal_brute_force(rows, interval):
    ordered = sorted((device, at, {"power": value}) for device, at, value in rows)

    buckets = aggregate(ordered, bucket_of=fixed_buckets(interval))

    expected: dict[int, list] = {}
    for device, at, data in ordered:
        expected.setdefault(at // interval * interval, []).append((at, device, data["power"]))
    assert buckets.keys() == expected.keys()
    for start, members in expected.items():
        figures = buckets[start].metrics["power"]
        values = [value for _, _, value in members]
        assert (buckets[start].count, figures.count) == (len(values), len(values))
        assert (figures.min, figures.max) == (min(values), max(values))
        assert figures.sum == pytest.approx(sum(values), rel=1e-9, abs=1e-9)
        assert figures.avg == pytest.approx(fmean(values), rel=1e-9, abs=1e-9)
        assert figures.last == max(members)[2]


def test_a_bucket_tells_declared_metrics_as_averages_and_all_metrics_in_full():
    [bucket] = aggregate(
        [(1, 0, {"temperature": 10, "speed": 3}), (1, 1, {"temperature": 20})], bucket_of=fixed_buckets(1000)
    ).values()

    row = bucket.as_row(0, metrics={"speed"})

    assert (row["count"], row["avgTemperature"], row["avgPower"]) == (2, 15.0, None)
    assert row["metrics"] == {"speed": {"avg": 3.0, "min": 3, "max": 3, "sum": 3.0, "count": 1, "last": 3}}


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_a_calendar_day_is_as_long_as_the_clocks_say(day, hours):
    start = datetime(*day, tzinfo=BERLIN)
    bucket = calendar_buckets(1, BERLIN)
    first = ms(start)
    last = first + hours * 3_600_000 - 1

    assert (bucket(first), bucket(last)) == (first, first)
    assert bucket(last + 1) == last + 1
    assert bucket(first - 1) < first


def test_below_a_day_buckets_are_aligned_to_the_epoch_in_any_zone():
    at = ms(datetime(2026, 6, 1, 12, 34, tzinfo=UTC))

    assert bucket_rule(3_600_000, "Asia/Kolkata")(at) == ms(datetime(2026, 6, 1, 12, tzinfo=UTC))


@given(st.lists(st.tuples(st.integers(0, 9999), st.floats(-1e6, 1e6)), unique_by=lambda p: p[0], min_size=1))
def test_thinning_keeps_the_extremes_and_never_invents(points):
    rows = [(at, {"power": value}) for at, value in sorted(points)]

    kept = keep_extremes(rows, start=0, end=10_000, max_points=20, metrics=1)

    values = [data["power"] for _, data in rows]
    assert {min(values), max(values)} <= {data["power"] for _, data in kept}
    assert len(kept) <= 20
    assert all(row in rows for row in kept)
    assert kept == sorted(kept, key=lambda row: row[0])
