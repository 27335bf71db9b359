from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.buckets import buckets_for
from telemetry.downsample import keep_extremes
from tests.builders import ms

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_a_calendar_day_is_as_long_as_the_clocks_say(day, hours):
    start = datetime(*day, tzinfo=BERLIN)
    bucket = buckets_for(interval="day", zone=BERLIN).start_of
    first = ms(start)
    last = first + hours * 3_600_000 - 1

    assert (bucket(first), bucket(last)) == (first, first)
    assert bucket(last + 1) == last + 1
    assert bucket(first - 1) < first


@pytest.mark.parametrize(
    ("interval", "moment", "start"),
    [
        ("week", datetime(2026, 6, 7, 23, 59, tzinfo=BERLIN), datetime(2026, 6, 1, tzinfo=BERLIN)),
        ("week", datetime(2026, 6, 8, tzinfo=BERLIN), datetime(2026, 6, 8, tzinfo=BERLIN)),
        ("month", datetime(2026, 3, 31, 23, 59, tzinfo=BERLIN), datetime(2026, 3, 1, tzinfo=BERLIN)),
        ("month", datetime(2026, 4, 1, tzinfo=BERLIN), datetime(2026, 4, 1, tzinfo=BERLIN)),
        ("day", datetime(2026, 4, 1, 0, 1, tzinfo=ZoneInfo("Asia/Kolkata")), None),
    ],
)
def test_weeks_begin_on_monday_and_months_on_the_first(interval, moment, start):
    zone = moment.tzinfo
    start = start or moment.replace(minute=0)

    assert buckets_for(interval=interval, zone=zone).start_of(ms(moment)) == ms(start)


@given(
    st.integers(0, 2 * 10**12),
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
)
def test_calendar_buckets_are_whole_quarters_and_none_is_shorter_than_said(at, interval, name):
    buckets = buckets_for(interval=interval, zone=ZoneInfo(name))
    start = buckets.start_of(at)

    assert start % buckets.step == 0
    assert start <= at
    assert buckets.start_of(start) == start
    assert buckets.start_of(start - 1) <= start - buckets.shortest
    assert at - start < timedelta(days=32).total_seconds() * 1000


def test_below_a_day_buckets_are_aligned_to_the_epoch_in_any_zone():
    at = ms(datetime(2026, 6, 1, 12, 34, tzinfo=UTC))

    rule = buckets_for(interval_ms=3_600_000, zone=ZoneInfo("Asia/Kolkata"))

    assert rule.start_of(at) == ms(datetime(2026, 6, 1, 12, tzinfo=UTC))


@given(st.lists(st.tuples(st.integers(0, 9999), st.floats(-1e6, 1e6)), unique_by=lambda p: p[0], min_size=1))
def test_thinning_keeps_the_extremes_and_never_invents(points):
    rows = [(at, {"power": value}) for at, value in sorted(points)]

    kept = keep_extremes(rows, start=0, end=10_000, max_points=20, metrics=1)

    values = [data["power"] for _, data in rows]
    assert {min(values), max(values)} <= {data["power"] for _, data in kept}
    assert len(kept) <= 20
    assert all(row in rows for row in kept)
    assert kept == sorted(kept, key=lambda row: row[0])
