from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.models import MaintenanceWindow
from alerts.windows import is_within

BERLIN = ZoneInfo("Europe/Berlin")
EVER = datetime(2020, 1, 1, tzinfo=UTC)


def weekly(days, start, end, zone="Europe/Berlin", **bounds):
    return MaintenanceWindow(
        days=days, start_time=time.fromisoformat(start), end_time=time.fromisoformat(end), time_zone=zone,
        **{"starts_at": EVER, "ends_at": None, **bounds},
    )  # fmt: skip


def in_berlin(day, clock, fold=0):
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), BERLIN).replace(fold=fold)


def test_a_single_window_is_open_from_its_start_to_before_its_end():
    start, end = datetime(2026, 6, 1, 6, tzinfo=UTC), datetime(2026, 6, 1, 7, tzinfo=UTC)
    window = MaintenanceWindow(starts_at=start, ends_at=end, days=[], time_zone="UTC")

    moments = [start - timedelta(seconds=1), start, end - timedelta(seconds=1), end]
    assert [is_within(window, moment) for moment in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    ("day", "clock", "open_"),
    [
        ("2026-06-01", "05:59", False),  # a Monday
        ("2026-06-01", "06:00", True),
        ("2026-06-01", "13:59", True),
        ("2026-06-01", "14:00", False),
        ("2026-06-02", "08:00", False),
        ("2026-06-03", "08:00", True),
    ],
)
def test_a_weekly_window_follows_the_clock_of_its_zone(day, clock, open_):
    assert is_within(weekly([1, 3], "06:00", "14:00"), in_berlin(day, clock)) is open_


@pytest.mark.parametrize(
    ("day", "clock", "open_"),
    [
        ("2026-06-01", "21:59", False),
        ("2026-06-01", "22:00", True),
        ("2026-06-02", "05:59", True),
        ("2026-06-02", "06:00", False),
        ("2026-06-02", "22:30", False),
    ],
)
def test_a_turn_over_midnight_belongs_to_the_day_it_begins(day, clock, open_):
    assert is_within(weekly([1], "22:00", "06:00"), in_berlin(day, clock)) is open_


def hours_open(window, begin, end):
    begin, end = (
        begin.astimezone(UTC),
        end.astimezone(UTC),
    )  # adding to a local time would pass over the change
    minutes = int((end - begin) / timedelta(minutes=1))
    return sum(is_within(window, begin + timedelta(minutes=m)) for m in range(minutes)) / 60


@pytest.mark.parametrize(("evening", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-06", 8)])
def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer(evening, hours):
    begin = in_berlin(evening, "12:00").astimezone(UTC)
    night = weekly([in_berlin(evening, "12:00").isoweekday()], "22:00", "06:00")

    assert hours_open(night, begin, begin + timedelta(hours=24)) == hours


def test_a_time_that_the_clock_skips_is_open_for_what_there_is_of_it():
    night = weekly([7], "02:30", "03:30")  # on 2026-03-29 the clock goes from 02:00 to 03:00

    assert hours_open(night, in_berlin("2026-03-29", "00:00"), in_berlin("2026-03-29", "06:00")) == 0.5
    early = weekly([7], "01:00", "02:30")
    assert hours_open(early, in_berlin("2026-03-29", "00:00"), in_berlin("2026-03-29", "06:00")) == 1


def test_its_first_and_last_moment_bound_a_weekly_window():
    first, last = in_berlin("2026-06-08", "00:00"), in_berlin("2026-06-15", "08:00")
    window = weekly([1], "06:00", "14:00", starts_at=first, ends_at=last)

    moments = [
        ("2026-06-01", "08:00"),
        ("2026-06-08", "08:00"),
        ("2026-06-15", "07:59"),
        ("2026-06-15", "08:00"),
    ]
    assert [is_within(window, in_berlin(*moment)) for moment in moments] == [False, True, True, False]


def test_the_whole_day_is_from_midnight_to_midnight():
    window = weekly([7], "00:00", "00:00")

    assert hours_open(window, in_berlin("2026-06-06", "00:00"), in_berlin("2026-06-09", "00:00")) == 24
