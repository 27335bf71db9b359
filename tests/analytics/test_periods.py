"""The times that pages are about, as they stand in an address."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.periods import PERIODS, moment_before, read_period, time_before

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 3, 29)  # clocks are put forward


def days(asked: dict[str, str], today: date = TODAY) -> tuple[str, str]:
    period = read_period(asked, today=today, zone=BERLIN)
    return period.first.isoformat(), period.last.isoformat()


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ({}, "2026-03-23", "2026-03-29"),
        ({"period": "today"}, "2026-03-29", "2026-03-29"),
        ({"period": "yesterday"}, "2026-03-28", "2026-03-28"),
        ({"period": "30d"}, "2026-02-28", "2026-03-29"),
        ({"period": "month"}, "2026-03-01", "2026-03-31"),
        ({"period": "last-month"}, "2026-02-01", "2026-02-28"),
        ({"period": "year"}, "2026-01-01", "2026-12-31"),
        ({"period": "unheard-of"}, "2026-03-23", "2026-03-29"),
        ({"from": "2026-02-01", "to": "2026-02-03"}, "2026-02-01", "2026-02-03"),
        ({"from": "2026-02-01"}, "2026-02-01", "2026-03-29"),
        ({"from": "2027-02-01"}, "2027-02-01", "2027-02-01"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "2020-01-01", "2020-12-31"),
        ({"from": "2026-02-03", "to": "2026-02-01"}, "2026-03-23", "2026-03-29"),
        ({"from": "1950-01-01", "to": "1950-01-02"}, "2026-03-23", "2026-03-29"),
    ],
)
def test_which_days_are_meant(asked, first, last):
    assert days(asked) == (first, last)


def test_a_day_of_the_plant_may_have_23_hours():
    period = read_period({"period": "today"}, today=TODAY, zone=BERLIN)

    assert period.end - period.start == 23 * 3_600_000
    assert datetime.fromtimestamp(period.start / 1000, UTC) == datetime(2026, 3, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"period": "7d"}, "the last seven days"),
        ({"from": "2026-02-01", "to": "2026-02-03"}, "1 Feb 2026 to 3 Feb 2026"),
        ({"from": "2026-02-01", "to": "2026-02-01"}, "1 Feb 2026"),
    ],
)
def test_in_words(asked, words):
    assert read_period(asked, today=TODAY, zone=BERLIN).words == words


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.one_of(
        st.fixed_dictionaries({"period": st.sampled_from(sorted(PERIODS))}),
        st.fixed_dictionaries({"from": st.dates().map(str)}, optional={"to": st.dates().map(str)}),
        st.dictionaries(st.sampled_from(["period", "from", "to"]), st.text()),
    ),
)
def test_it_is_whole_days_at_most_a_year_and_says_itself_again(today, asked):
    period = read_period(asked, today=today, zone=BERLIN)

    assert (
        timedelta(hours=23)
        <= timedelta(milliseconds=period.end - period.start)
        <= timedelta(days=366, hours=1)
    )
    assert read_period(period.asked, today=today, zone=BERLIN) == period


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()) * 1000


def clock(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, BERLIN):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        ("2026-10-01", "2026-11-01", "2026-09-01 00:00"),  # whole months, as long as they are
        ("2026-01-01", "2027-01-01", "2025-01-01 00:00"),
        ("2026-01-01", "2026-04-01", "2025-10-01 00:00"),
        ("2026-10-20", "2026-10-27", "2026-10-13 00:00"),  # seven days, one of which has 25 hours
        ("2026-10-25", "2026-10-26", "2026-10-24 00:00"),
        ("2026-10-25T06:00", "2026-10-25T14:00", "2026-10-24 23:00"),  # no days
    ],
)
def test_the_time_before_is_as_many_months_or_days_on_the_clock(start, end, before):
    assert clock(time_before(at(start), at(end), zone=BERLIN)) == before


@pytest.mark.parametrize(
    ("moment", "start", "before", "by_months", "expected"),
    [
        ("2026-10-25", "2026-10-01", "2026-09-01", False, "2026-09-25 00:00"),
        ("2026-10-26", "2026-10-20", "2026-10-13", False, "2026-10-19 00:00"),
        ("2026-10-26T05:00", "2026-10-20", "2026-10-13", False, "2026-10-19 05:00"),
        ("2028-03-01", "2028-01-01", "2027-01-01", True, "2027-03-01 00:00"),
        ("2029-01-01", "2028-01-01", "2027-01-01", True, "2028-01-01 00:00"),
        ("2026-06-01T07:30", "2026-06-01T07:00", "2026-05-31T23:00", False, "2026-05-31 23:30"),
    ],
)
def test_a_bar_stands_beside_the_same_clock_time_before(moment, start, before, by_months, expected):
    found = moment_before(at(moment), start=at(start), before=at(before), zone=BERLIN, by_months=by_months)

    assert clock(found) == expected
