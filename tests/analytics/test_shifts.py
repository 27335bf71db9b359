"""Shift calendars: days, nights, clock changes, breaks, holidays, and what cannot be."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.oee.shifts import CalendarRule, ShiftRule, occurrences, whole_days, why_no_calendar
from analytics.oee.spans import length

HOUR = 3_600_000
EVERY_DAY = frozenset(range(1, 8))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def rule(name, start, end, *breaks, days=EVERY_DAY):
    return ShiftRule(
        name,
        frozenset(days),
        time.fromisoformat(start),
        time.fromisoformat(end),
        tuple((time.fromisoformat(begin), time.fromisoformat(stop)) for begin, stop in breaks),
    )


def calendar(*shifts, zone="Europe/Berlin", **others):
    return CalendarRule(zone, shifts, **others)


def shifts_between(found, start, end):
    return [
        (one.name, one.day.isoformat(), (one.end - one.start) / HOUR)
        for one in occurrences(found, start, end)
    ]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7.0), ("2026-10-24", 9.0), ("2026-06-01", 8.0)])
def test_a_night_shift_is_as_long_as_the_night_and_belongs_to_the_day_it_begins(day, hours):
    night = calendar(rule("Night", "22:00", "06:00"))
    noon = ms(f"{day}T12:00")

    assert shifts_between([night], noon, noon + 18 * HOUR) == [("Night", day, hours)]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_of_the_plant_has_as_many_hours_as_the_clock_gives_it(day, hours):
    noon = ms(f"{day}T11:00")

    [found] = whole_days("Europe/Berlin", noon, noon + 1)

    assert (found.day, (found.end - found.start) / HOUR) == (date.fromisoformat(day), hours)


def test_breaks_are_not_to_be_worked_also_after_midnight():
    night = calendar(rule("Night", "22:00", "06:00", ("23:45", "00:15"), ("02:00", "02:30")), zone="UTC")
    start = ms("2026-06-01T22:00")

    [shift] = occurrences([night], start, start + 1)

    assert shift.breaks == (
        (start + 105 * 60_000, start + 135 * 60_000),
        (start + 4 * HOUR, start + int(4.5 * HOUR)),
    )
    assert length(shift.planned(shift.start, shift.end)) == 7 * HOUR
    assert shift.planned(start + 4 * HOUR, start + 5 * HOUR) == [(start + int(4.5 * HOUR), start + 5 * HOUR)]


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24", "2026-06-01"])
@pytest.mark.parametrize("span", [("02:30", "03:00"), ("02:15", "03:15"), ("01:30", "02:30")])
def test_a_break_is_as_long_as_on_the_clock_in_the_night_in_which_that_is_changed(day, span):
    noon = ms(f"{day}T12:00")

    [found] = occurrences([calendar(rule("Night", "22:00", "06:00", span))], noon, noon + 18 * HOUR)

    lasts = {"02:30": 30, "02:15": 60, "01:30": 60}[span[0]]
    assert length(found.breaks) == lasts * 60_000
    assert length(found.planned(found.start, found.end)) == found.end - found.start - lasts * 60_000


def test_breaks_that_overlap_count_once():
    day = calendar(rule("Day", "06:00", "14:00", ("09:00", "10:00"), ("09:30", "10:30")), zone="UTC")

    [shift] = occurrences([day], ms("2026-06-01T07:00"), ms("2026-06-01T08:00"))

    assert length(shift.planned(shift.start, shift.end)) == int(6.5 * HOUR)


def test_no_shift_begins_on_a_holiday_and_the_night_before_goes_on():
    shifts = rule("Night", "22:00", "06:00"), rule("Early", "06:00", "14:00")
    work = calendar(*shifts, zone="UTC", holidays=frozenset({date(2026, 12, 25)}))

    found = shifts_between([work], ms("2026-12-24T12:00"), ms("2026-12-26T12:00"))

    assert [(name, day) for name, day, _ in found] == [
        ("Early", "2026-12-24"),
        ("Night", "2026-12-24"),
        ("Early", "2026-12-26"),
    ]


def test_only_on_its_days():
    work = calendar(rule("Early", "06:00", "14:00", days={1, 5}), zone="UTC")

    found = shifts_between([work], ms("2026-06-01T00:00"), ms("2026-06-08T00:00"))

    assert [day for _, day, _ in found] == ["2026-06-01", "2026-06-05"]


def test_a_calendar_that_follows_another_ends_its_last_shift():
    old = calendar(rule("Night", "22:00", "06:00"), zone="UTC", last_day=date(2026, 6, 2))
    new = calendar(rule("Early", "04:00", "12:00"), zone="UTC", first_day=date(2026, 6, 2))

    found = shifts_between([old, new], ms("2026-06-01T20:00"), ms("2026-06-02T20:00"))

    assert found == [("Night", "2026-06-01", 6.0), ("Early", "2026-06-02", 8.0)]


def test_a_time_the_clock_skips_comes_later_and_one_shown_twice_is_the_first():
    odd = calendar(rule("Odd", "02:30", "10:00"))

    [spring] = occurrences([odd], ms("2026-03-29T05:00"), ms("2026-03-29T06:00"))
    [autumn] = occurrences([odd], ms("2026-10-25T05:00"), ms("2026-10-25T06:00"))

    assert (spring.start, spring.end) == (ms("2026-03-29T01:30"), ms("2026-03-29T08:00"))
    assert (autumn.start, autumn.end) == (ms("2026-10-25T00:30"), ms("2026-10-25T09:00"))


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),
    hours=st.integers(1, 400),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
)
def test_three_shifts_fill_every_moment_once(start, hours, zone):
    low = int(start.replace(tzinfo=UTC).timestamp()) * 1000
    high = low + hours * HOUR
    three = calendar(
        rule("Early", "06:00", "14:00"),
        rule("Late", "14:00", "22:00"),
        rule("Night", "22:00", "06:00"),
        zone=zone,
    )

    found = occurrences([three], low, high)

    assert found[0].start <= low
    assert found[-1].end >= high
    assert [one.start for one in found[1:]] == [one.end for one in found[:-1]]


@pytest.mark.parametrize(
    ("shifts", "reasons"),
    [
        ([rule("A", "06:00", "14:00"), rule("B", "14:00", "22:00")], {}),
        ([rule("A", "06:00", "06:00")], {}),
        ([rule("A", "22:00", "06:00", ("05:30", "06:00"))], {}),
        (
            [rule("A", "06:00", "14:00"), rule("A", "14:00", "22:00")],
            {"shifts.1.name": "two shifts are called A"},
        ),
        ([rule("A", "06:00", "14:00"), rule("B", "13:59", "22:00")], {"shifts.1.start": "overlaps with A"}),
        ([rule("N", "22:00", "06:30"), rule("E", "06:00", "14:00")], {"shifts.1.start": "overlaps with N"}),
        (
            [rule("N", "22:00", "06:00", days={7}), rule("E", "05:00", "14:00", days={1})],
            {"shifts.1.start": "overlaps with N"},
        ),
        ([rule("N", "22:00", "06:00", days={6}), rule("E", "05:00", "14:00", days={1})], {}),
        ([rule("A", "06:00", "14:00", days=())], {"shifts.0.days": "name at least one day"}),
        (
            [rule("A", "06:00", "14:00", ("13:30", "14:30"))],
            {"shifts.0.breaks.0": "is not within 06:00 to 14:00"},
        ),
        (
            [rule("A", "06:00", "14:00", ("05:00", "07:00"))],
            {"shifts.0.breaks.0": "is not within 06:00 to 14:00"},
        ),
        ([rule("A", "06:00", "14:00", ("09:00", "09:00"))], {"shifts.0.breaks.0": "must not be empty"}),
    ],
)
def test_shifts_that_cannot_be_are_told_by_the_field(shifts, reasons):
    assert why_no_calendar(shifts) == reasons
