"""When a planned report is due and what it is about, also where clocks are put forward and back."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.reports.cadence import next_due, period_before

BERLIN = ZoneInfo("Europe/Berlin")
CADENCES = ["daily", "weekly", "monthly"]


def local(*when: int) -> datetime:
    return datetime(*when, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("cadence", "after", "due"),
    [
        ("daily", local(2026, 7, 1, 5, 59), local(2026, 7, 1, 6)),
        ("daily", local(2026, 7, 1, 6), local(2026, 7, 2, 6)),
        ("weekly", local(2026, 7, 1, 6), local(2026, 7, 6, 6)),
        ("weekly", local(2026, 7, 6, 5), local(2026, 7, 6, 6)),
        ("monthly", local(2026, 12, 1, 6), local(2027, 1, 1, 6)),
        ("monthly", local(2028, 2, 1, 7), local(2028, 3, 1, 6)),
        ("daily", local(2026, 3, 28, 7), local(2026, 3, 29, 6)),
        ("daily", local(2026, 10, 24, 7), local(2026, 10, 25, 6)),
    ],
)
def test_when_it_is_due_next(cadence, after, due):
    assert next_due(cadence, time(6), BERLIN, after=after) == due


@pytest.mark.parametrize(
    ("cadence", "due", "start", "end"),
    [
        ("daily", local(2026, 7, 1, 6), local(2026, 6, 30), local(2026, 7, 1)),
        ("daily", local(2026, 3, 30, 6), local(2026, 3, 29), local(2026, 3, 30)),
        ("weekly", local(2026, 10, 26, 6), local(2026, 10, 19), local(2026, 10, 26)),
        ("monthly", local(2028, 3, 1, 6), local(2028, 2, 1), local(2028, 3, 1)),
        ("monthly", local(2027, 1, 1, 0), local(2026, 12, 1), local(2027, 1, 1)),
    ],
)
def test_it_is_about_the_day_week_or_month_before(cadence, due, start, end):
    assert period_before(cadence, due, BERLIN) == (start, end)


def test_a_day_on_which_clocks_change_is_whole():
    spring = period_before("daily", local(2026, 3, 30, 6), BERLIN)
    autumn = period_before("daily", local(2026, 10, 26, 6), BERLIN)

    assert [end - start for start, end in (spring, autumn)] == [timedelta(hours=23), timedelta(hours=25)]


@given(
    st.sampled_from(CADENCES),
    st.times(),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
)
def test_one_follows_the_other_and_together_they_are_about_all_of_the_time(cadence, at_time, zone, after):
    zone = ZoneInfo(zone)
    first = next_due(cadence, at_time, zone, after=after)
    second = next_due(cadence, at_time, zone, after=first)

    assert after < first < second
    assert period_before(cadence, first, zone)[1] == period_before(cadence, second, zone)[0]
