"""What a calendar comes to, without a database: days, planned time, and the nights in which the clocks change."""

from datetime import date, time

import pytest

from analytics.oee.preview import days_of, next_clock_change, preview_of
from analytics.oee.shifts import CalendarRule, ShiftRule

NIGHT = ShiftRule("Night", frozenset(range(1, 8)), time(22), time(6), ((time(2), time(2, 30)),))
EARLY = ShiftRule("Early", frozenset(range(1, 6)), time(6), time(14), ((time(9), time(9, 30)),))
MINUTE_MS = 60_000


def minutes(day):
    return [turn.planned_ms // MINUTE_MS for turn in day.turns]


def test_a_day_has_the_shifts_that_begin_on_it_without_their_breaks():
    rule = CalendarRule("Europe/Berlin", (EARLY, NIGHT))

    days = days_of(rule, date(2026, 6, 5), count=2)  # a Friday

    assert [(day.day.isoformat(), minutes(day)) for day in days] == [
        ("2026-06-05", [450, 450]),
        ("2026-06-06", [450]),
    ]
    friday = days[0].turns[1]
    assert (f"{friday.starts:%H:%M}", f"{friday.ends:%H:%M}", friday.odd_ms) == ("22:00", "06:00", 0)


def test_on_a_holiday_no_shift_begins_and_the_night_before_it_ends_as_ever():
    rule = CalendarRule("Europe/Berlin", (NIGHT,), frozenset([date(2026, 6, 6)]))

    days = days_of(rule, date(2026, 6, 5), count=3)

    assert [(day.is_holiday, minutes(day)) for day in days] == [(False, [450]), (True, []), (False, [450])]


@pytest.mark.parametrize(
    ("first", "changes_on", "lasts", "odd"),
    [(date(2026, 3, 1), date(2026, 3, 29), 7, -60), (date(2026, 10, 1), date(2026, 10, 25), 9, 60)],
)
def test_the_night_of_the_clocks_is_an_hour_shorter_or_longer(first, changes_on, lasts, odd):
    rule = CalendarRule("Europe/Berlin", (EARLY, NIGHT))

    preview = preview_of(rule, first)

    [turn] = preview.changed
    assert (preview.changes_on, turn.shift.name) == (changes_on, "Night")
    assert (turn.shift.day.isoformat()[-2:], turn.lasts_ms // MINUTE_MS) == (
        str(changes_on.day - 1),
        lasts * 60,
    )
    assert turn.odd_ms == odd * MINUTE_MS


def test_a_week_with_the_change_of_the_clocks_says_so_on_its_day():
    days = days_of(CalendarRule("Europe/Berlin", (NIGHT,)), date(2026, 3, 27), count=3)

    assert [minutes(day) for day in days] == [[450], [420 - 30], [450]]
    assert [turn.odd_ms // MINUTE_MS for day in days for turn in day.turns] == [0, -60, 0]


def test_a_shift_that_goes_round_the_clock_is_a_day_less_or_more_an_hour():
    around = ShiftRule("All", frozenset(range(1, 8)), time(6), time(6))

    [turn] = preview_of(CalendarRule("Europe/Berlin", (around,)), date(2026, 10, 20)).changed

    assert (turn.lasts_ms // MINUTE_MS, turn.odd_ms // MINUTE_MS) == (25 * 60, 60)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_where_the_clocks_never_change_nothing_is_odd(zone):
    preview = preview_of(CalendarRule(zone, (NIGHT,)), date(2026, 1, 1))

    assert (preview.changes_on, preview.changed) == (None, [])
    assert preview.planned_ms == 7 * 450 * MINUTE_MS


def test_the_clocks_of_another_half_of_the_world_change_on_other_days():
    assert next_clock_change("Australia/Sydney", date(2026, 1, 1)) == date(2026, 4, 5)


def test_no_shifts_come_to_nothing():
    preview = preview_of(CalendarRule("Europe/Berlin", ()), date(2026, 6, 1))

    assert (len(preview.days), preview.planned_ms) == (7, 0)
