"""Which shifts a time is about: of whole days of the plant those that begin on them, of other times what lies in it."""

import pytest

from analytics.queries.downtime import downtime_in
from analytics.queries.states import moment
from analytics.queries.turns import days_of
from devices.services.retiring import deactivate_devices
from tests.analytics.machining import DAY, HOUR, MINUTE, oee
from tests.analytics.working import machine, parts, works
from tests.builders import data_of, make_device

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plant(settings):
    settings.PLANT_TIME_ZONE = "UTC"


def night_press(day):
    """Two nights from 22 to 6: one that ran whole, and one that stood from 2 o'clock on."""
    press = machine("Night 22:00-06:00")
    works(press, day - 2 * HOUR, day + 6 * HOUR, made=480.0)
    works(
        press, day + 22 * HOUR, day + DAY + 6 * HOUR, made=480.0, stands=[(day + 26 * HOUR, day + 30 * HOUR)]
    )
    return press


def test_a_day_has_the_whole_night_shift_that_begins_on_it(viewer, day, come_by):
    night_press(day)
    come_by()

    first, second = (oee(viewer, at, at + DAY) for at in (day - DAY, day))
    both = oee(viewer, day - DAY, day + DAY)

    assert [one["availability"] for one in (first, second, both)] == [100.0, 50.0, 75.0]
    assert [one["plannedSeconds"] / 3600 for one in (first, second, both)] == [8, 8, 16]
    assert [[row["oee"] for row in one["trend"]] for one in (first, second)] == [
        [first["oee"]],
        [second["oee"]],
    ]
    assert [row["oee"] for row in both["trend"]] == [first["oee"], second["oee"]]
    rows = parts(viewer, "day", day - DAY, day + DAY)
    assert [row["availability"] for row in rows] == [100.0, 50.0]


def test_a_time_that_is_no_whole_days_has_what_of_the_shift_lies_in_it(viewer, day):
    night_press(day)

    answer = oee(viewer, day - HOUR, day + 4 * HOUR)

    assert answer["plannedSeconds"] / 3600 == 5


def test_the_stops_of_a_day_are_those_of_its_shifts(viewer, day, come_by):
    press = night_press(day)
    come_by()

    asked = [{"startTime": at, "endTime": at + DAY} for at in (day, day + DAY)]
    first, next_ = (data_of(viewer.query("analytics.getDowntime", one)) for one in asked)

    assert [stop["lossSeconds"] / 3600 for stop in first["stops"]] == [4.0]
    assert next_["stops"] == []
    found = downtime_in(device_ids=[press.pk], start=day, end=day + DAY, now=day + 2 * DAY)
    assert (found.planned_ms / HOUR, found.run_ms / HOUR) == (8, 4)


def test_today_is_a_day_up_to_now(day):
    now = day + 5 * HOUR

    assert days_of(day, now, now) == days_of(day, day + DAY, now)
    assert days_of(day, now - 1, now) is None
    assert days_of(day + 1, now, now) is None


def test_a_machine_out_of_service_is_not_planned_with(viewer, day, come_by):
    stays, goes = (
        machine("Early 06:00-14:00", device=make_device(name=name, type="controller"))
        for name in ("Press", "Saw")
    )
    for at in (day, day + DAY):
        works(stays, at + 6 * HOUR, at + 14 * HOUR, made=480.0)
    works(goes, day + 6 * HOUR, day + 10 * HOUR, made=240.0)
    deactivate_devices(device_ids=[goes.pk], at=moment(day + 10 * HOUR + MINUTE))
    come_by()

    first, second = (oee(viewer, at, at + DAY) for at in (day, day + DAY))

    assert (second["plannedSeconds"], second["unknownSeconds"], second["availability"]) == (
        8 * 3600,
        0,
        100.0,
    )
    assert first["plannedSeconds"] == 8 * 3600 + 4 * 3600 + 60
