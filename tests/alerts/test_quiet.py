from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from alerts.outbox.quiet import quiet_until

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = {"start": "22:00", "end": "06:00"}


def utc(day: int, hour: int, minute: int = 0, *, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (utc(1, 19, 59), None),
        (utc(1, 20, 0), utc(2, 4)),  # 22:00 in Berlin in summer
        (utc(1, 22, 30), utc(2, 4)),  # after midnight there
        (utc(2, 3, 59), utc(2, 4)),
        (utc(2, 4, 0), None),
    ],
)
def test_a_night_lasts_over_midnight_on_the_plants_clock(at, until):
    assert quiet_until(NIGHT, at, BERLIN) == until


def test_without_quiet_hours_it_is_never_quiet():
    assert quiet_until(None, utc(1, 22), BERLIN) is None


def test_an_afternoon_begins_and_ends_on_the_same_day():
    rest = {"start": "12:00", "end": "13:30"}

    assert quiet_until(rest, utc(1, 10, 0), BERLIN) == utc(1, 11, 30)
    assert quiet_until(rest, utc(1, 11, 30), BERLIN) is None
    assert quiet_until(rest, utc(1, 22, 0), BERLIN) is None


def test_days_name_the_day_on_which_the_night_starts():
    friday_night = {**NIGHT, "days": [5]}  # 5 June 2026 is a Friday

    assert quiet_until(friday_night, utc(4, 22), BERLIN) is None
    assert quiet_until(friday_night, utc(5, 22), BERLIN) == utc(6, 4)
    assert quiet_until(friday_night, utc(6, 3), BERLIN) == utc(6, 4)
    assert quiet_until(friday_night, utc(6, 22), BERLIN) is None


def test_the_night_on_which_summer_begins_is_an_hour_shorter():
    # 28 to 29 March 2026: 22:00 is 21:00 UTC, 06:00 is 04:00 UTC
    assert quiet_until(NIGHT, utc(28, 20, 59, month=3), BERLIN) is None
    assert quiet_until(NIGHT, utc(28, 21, 0, month=3), BERLIN) == utc(29, 4, month=3)
    assert quiet_until(NIGHT, utc(29, 3, 59, month=3), BERLIN) == utc(29, 4, month=3)


def test_the_night_on_which_summer_ends_is_an_hour_longer():
    # 24 to 25 October 2026: 22:00 is 20:00 UTC, 06:00 is 05:00 UTC
    assert quiet_until(NIGHT, utc(24, 20, 0, month=10), BERLIN) == utc(25, 5, month=10)
    assert quiet_until(NIGHT, utc(25, 4, 59, month=10), BERLIN) == utc(25, 5, month=10)
    assert quiet_until(NIGHT, utc(25, 5, 0, month=10), BERLIN) is None


def test_a_time_in_the_hour_that_is_left_out_is_the_moment_of_the_change():
    # On 29 March the clocks go from 02:00 to 03:00, which is 01:00 UTC.
    early, late = {"start": "01:00", "end": "02:30"}, {"start": "02:30", "end": "06:00"}

    assert quiet_until(early, utc(29, 0, 59, month=3), BERLIN) == utc(29, 1, month=3)
    assert quiet_until(early, utc(29, 1, 0, month=3), BERLIN) is None
    assert quiet_until(late, utc(29, 0, 59, month=3), BERLIN) is None
    assert quiet_until(late, utc(29, 1, 0, month=3), BERLIN) == utc(29, 4, month=3)


def test_quiet_hours_that_are_left_out_as_a_whole_are_none():
    within = {"start": "02:15", "end": "02:45"}

    assert quiet_until(within, utc(28, 1, 30, month=3), BERLIN) == utc(28, 1, 45, month=3)
    assert [quiet_until(within, utc(29, hour, 30, month=3), BERLIN) for hour in (0, 1)] == [None, None]


def test_an_end_in_the_hour_that_comes_twice_is_the_first_one():
    early = {"start": "01:00", "end": "02:30"}  # on 25 October 02:30 is 00:30 UTC, and again 01:30 UTC

    assert quiet_until(early, utc(25, 0, 29, month=10), BERLIN) == utc(25, 0, 30, month=10)
    assert quiet_until(early, utc(25, 1, 15, month=10), BERLIN) is None
