"""The cases in which OEE is easily wrong, each through the public procedures, before and after the workers came by.

The worked examples O1 to O5 are in `test_oee_vectors.py`.
"""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from analytics.services.machines import set_line, set_products, start_product
from devices.services import edit_device
from telemetry.rules import rules
from telemetry.services.metrics import declare_metric
from tests.analytics.machining import DAY, HOUR, MINUTE, oee
from tests.analytics.standing import api_of, make_codes
from tests.analytics.working import machine, parts, put, works
from tests.builders import data_of, make_device, make_group, ms

pytestmark = pytest.mark.django_db
FOUR = ("availability", "performance", "quality", "oee")


def four(answer):
    return [answer[name] for name in FOUR]


def test_a_stop_code_says_whether_a_stop_is_planned_time(operator, day, come_by):
    """Of two hours no orders for one, or a changeover: an availability loss."""
    make_codes()
    press = machine("Early 06:00-08:00")
    works(press, day + 6 * HOUR, day + 8 * HOUR, made=60, stands=[(day + 7 * HOUR, day + 8 * HOUR)])
    come_by()

    def said(code):
        asked = {"deviceId": press.pk, "startTime": day + 7 * HOUR, "endTime": day + 8 * HOUR, "code": code}
        stop = data_of(operator.mutate("analytics.addStop", asked))
        come_by()
        answer = oee(operator, day, day + DAY, deviceId=press.pk)
        data_of(operator.mutate("analytics.removeStop", {"id": stop["id"]}))
        return answer

    planned, changeover = said("clean"), said("setup")
    assert (four(planned), planned["plannedSeconds"]) == ([100.0] * 4, 3600.0)
    assert (four(changeover), changeover["plannedSeconds"]) == ([50.0, 100.0, 100.0, 50.0], 7200.0)


def test_a_micro_stop_is_a_loss_of_performance_with_a_share_of_time_and_of_events(operator, day, come_by):
    press = machine("Early 06:00-08:00", micro_stop_seconds=120)
    start = day + 6 * HOUR
    micro = [(start + n * 10 * MINUTE, start + n * 10 * MINUTE + MINUTE) for n in (1, 2, 3)]
    works(
        press, start, start + 2 * HOUR, made=90, stands=[*micro, (start + 60 * MINUTE, start + 70 * MINUTE)]
    )
    come_by()

    answer = oee(operator, day, day + DAY, deviceId=press.pk)
    asked = {"startTime": day, "endTime": day + DAY, "deviceId": press.pk}
    shares = data_of(operator.query("analytics.getDowntime", asked))["microStops"]

    assert four(answer) == [91.7, 81.8, 100.0, 75.0]  # 110 of 120 min, 90 of 110
    assert (answer["microStops"], answer["microStopSeconds"], answer["stops"]) == (3, 180.0, 1)
    assert shares == {
        "count": 3,
        "seconds": 180.0,
        "shareOfTime": pytest.approx(180 / 7200),
        "shareOfEvents": 3 / 4,
    }


def test_performance_over_a_hundred_percent_stays_and_is_flagged(operator, day, come_by):
    press = machine("Early 06:00-08:00")
    works(press, day + 6 * HOUR, day + 8 * HOUR, made=150)
    come_by()

    answer = oee(operator, day, day + DAY, deviceId=press.pk)

    assert (four(answer), answer["flags"]) == ([100.0, 125.0, 100.0, 125.0], ["ideal_cycle_wrong"])


def test_several_products_count_by_their_own_cycles(operator, day, come_by):
    """An hour of pieces of ten seconds and one of a minute: 1,080 with 108 rejects, and 180 without any."""
    press = machine("Early 06:00-14:00", ideal_cycle_seconds=1.0)
    set_products(device=press, products=[("small", 10.0), ("large", 60.0)])
    start, change, end = (day + hours * HOUR for hours in (6, 9, 14))
    for product, at in (("small", start), ("large", change)):
        start_product(device=press, product=product, start=at, at=timezone.now())
    counts = [(start, 0, 0), (change, 1080, 108), (end, 1260, 108)]
    put(press, *((at, {"parts": made, "rejects": rejects}) for at, made, rejects in counts))
    put(press, *((at, {"running": 1.0}) for at in range(start, end + 1, 5 * MINUTE)))
    come_by()

    answer = oee(operator, day, day + DAY, deviceId=press.pk)

    assert answer["idealSeconds"] == pytest.approx(1080 * 10 + 180 * 60)
    assert answer["goodIdealSeconds"] == pytest.approx(972 * 10 + 180 * 60)
    assert four(answer) == [100.0, 75.0, 95.0, 71.2]
    assert (answer["total"], answer["good"]) == (pytest.approx(1260), pytest.approx(1152))


def test_shifts_days_weeks_and_machines_are_worked_out_from_their_sums(operator, come_by):
    """A short good shift and a long bad one on each of two days: the mean of the percentages is wrong at each level."""
    monday = ms(datetime(2026, 6, 1, tzinfo=UTC))
    with time_machine.travel(datetime(2026, 6, 20, tzinfo=UTC), tick=False):
        operator = api_of("operator")
        press = machine("Short 06:00-07:40", "Long 08:00-13:00")
        shown = 0
        for day, good in ((monday, 90), (monday + 6 * DAY, 80), (monday + 7 * DAY, 110)):
            for start, minutes, made in ((6 * HOUR, 100, good), (8 * HOUR, 300, 120)):
                begins, ends = day + start, day + start + minutes * MINUTE
                times = range(begins, ends + 1, 5 * MINUTE)
                put(press, *((at, {"running": 1.0, "rejects": 0.0}) for at in times))
                put(press, (begins, {"parts": shown}), (ends, {"parts": shown + made}))
                shown += made
        come_by()
        end = monday + 14 * DAY

        def told(by):
            return {row["key"]: row["oee"] for row in parts(operator, by, monday, end, deviceId=press.pk)}

        by_shift, by_week, by_machine = told("shift"), told("week"), told("machine")
        by_day = {day: share for day, share in told("day").items() if share is not None}
        whole = oee(operator, monday, monday + DAY, deviceId=press.pk)

    assert whole["oee"] == 52.5  # 90 and 120 of 400 minutes; the mean of 90 % and 40 % is 65 %
    assert by_day == {"2026-06-01": 52.5, "2026-06-07": 50.0, "2026-06-08": 57.5}
    # Of the days on which nobody heard anything all is planned, and nothing was made: 14 of each shift.
    assert by_shift == {"Long": 8.6, "Short": 20.0}
    assert by_week == {"2026-06-01": 14.6, "2026-06-08": 8.2}
    assert by_machine == {str(press.pk): 11.4}


def test_a_serial_line_is_its_station_and_not_the_mean(operator, day, come_by):
    first, last = machine("Early 06:00-08:00"), machine("Early 06:00-08:00")
    for device, made in ((first, 120), (last, 60)):
        works(device, day + 6 * HOUR, day + 8 * HOUR, made=made)
    line = make_group(devices=[first, last], type="production_line")
    come_by()

    def shares():
        return [
            oee(operator, day, day + DAY, groupId=line.pk)["oee"],
            *(row["oee"] for row in parts(operator, "line", day, day + DAY)),
            oee(operator, day, day + DAY)["oee"],
        ]

    assert shares() == [75.0] * 3
    set_line(group=line, station=last)
    assert shares() == [50.0] * 3
    set_line(group=line, station=first)
    assert shares() == [100.0] * 3


@pytest.mark.parametrize(("date", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-02", 8)])
def test_a_night_shift_is_as_long_as_the_night_and_belongs_to_the_day_it_begins(date, hours, come_by):
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00")
    with time_machine.travel(noon + timedelta(days=9), tick=False):
        operator, press = api_of("operator"), machine("Night 22:00-06:00", zone="Europe/Berlin")
        start, end = ms(noon), ms(noon + timedelta(days=1))
        works(press, start, end, made=24 * 60)
        come_by()

        [shift] = parts(operator, "shift", start, end)
        [of_day] = parts(operator, "day", start, end)

    assert (shift["key"], shift["plannedSeconds"], four(shift)) == ("Night", hours * 3600.0, [100.0] * 4)
    assert (of_day["key"], of_day["plannedSeconds"], of_day["total"]) == (
        date,
        hours * 3600.0,
        pytest.approx(hours * 60),
    )


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-02", 24)])
def test_a_day_without_shifts_is_as_long_as_the_clock_says(settings, date, hours, come_by):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00")
    with time_machine.travel(noon + timedelta(days=9), tick=False):
        operator, press = api_of("operator"), machine()
        start, end = ms(noon - timedelta(days=1)), ms(noon + timedelta(days=1))
        works(press, start, end, made=48 * 60)
        come_by()

        _, of_day, _ = parts(operator, "day", start, end)

    assert (of_day["key"], of_day["plannedSeconds"], of_day["runSeconds"]) == (
        date,
        hours * 3600.0,
        hours * 3600.0,
    )
    assert (four(of_day), of_day["flags"]) == ([100.0] * 4, ["no_shifts"])


@pytest.mark.parametrize(
    ("made", "stands", "shares"),
    [
        (0, (6, 8), [0.0, None, None, None]),  # it never ran
        (0, (8, 8), [100.0, 0.0, None, None]),  # nothing was made
    ],
)
def test_what_cannot_be_known_is_null(operator, day, come_by, made, stands, shares):
    press = machine("Early 06:00-08:00")
    spans = [tuple(day + hours * HOUR for hours in stands)]
    works(press, day + 6 * HOUR, day + 8 * HOUR, made=made, stands=spans)
    come_by()

    assert four(oee(operator, day, day + DAY, deviceId=press.pk)) == shares


def test_where_nothing_is_planned_or_nothing_known_all_is_null(operator, day):
    press = machine("Early 06:00-08:00")

    unheard = oee(operator, day, day + DAY, deviceId=press.pk)
    between = oee(operator, day + 9 * HOUR, day + 10 * HOUR, deviceId=press.pk)
    lamp = oee(operator, day, day + DAY, deviceId=make_device().pk)

    assert (four(unheard), unheard["unknownSeconds"]) == ([None] * 4, 7200.0)
    assert (four(between), between["plannedSeconds"], between["losses"]) == ([None] * 4, 0.0, [])
    assert (four(lamp), lamp["flags"]) == ([None] * 4, ["no_profile"])


@pytest.mark.parametrize(
    ("shown", "made", "flags"),
    [
        ([100, 160, 220], 120, []),
        ([100, 160, 60], 120, ["counter_reset"]),
        ([65_500, 24, 84], 120, ["counter_rolled_over"]),
        ([100, 160, 159.5, 220], 120, []),  # it trembles
    ],
)
def test_whatever_a_piece_counter_does_is_counted_so(operator, day, come_by, shown, made, flags):
    declare_metric(key="parts", kind="counter", rollover=65_536.0 if 65_500 in shown else None)
    rules.forget()
    press = machine("Early 06:00-08:00", reject_metric="")
    start = day + 6 * HOUR
    put(press, *((at, {"running": 1.0}) for at in range(start, start + 2 * HOUR + 1, 5 * MINUTE)))
    step = 2 * HOUR // (len(shown) - 1)
    put(press, *((start + place * step, {"parts": value}) for place, value in enumerate(shown)))
    come_by()

    answer = oee(operator, day, day + DAY, deviceId=press.pk)

    assert (answer["total"], four(answer)) == (pytest.approx(made), [100.0] * 4)
    assert answer["flags"] == sorted([*flags, "quality_not_measured"])


def test_while_a_machine_is_away_nobody_knows_what_it_does(operator):
    """By events it runs until it says otherwise, but not beyond what it told last."""
    with time_machine.travel(datetime(2026, 6, 3, 8, tzinfo=UTC), tick=False) as clock:
        robot = machine(
            "Early 06:00-14:00",
            device=make_device(type="controller", status="online"),
            running_by="events",
            running_metric="on",
        )
        put(robot, (ms(timezone.now()), {"on": 1.0, "parts": 0.0, "rejects": 0.0}))
        clock.move_to(datetime(2026, 6, 3, 10, tzinfo=UTC))
        put(robot, (ms(timezone.now()), {"parts": 60.0, "rejects": 0.0}))
        edit_device(device=robot, at=timezone.now(), status="offline")
        clock.move_to(datetime(2026, 6, 4, tzinfo=UTC))

        day = ms(datetime(2026, 6, 3, tzinfo=UTC))
        answer = oee(api_of("operator"), day, day + DAY, deviceId=robot.pk)

    assert (answer["runSeconds"], answer["unknownSeconds"], answer["downSeconds"]) == (
        2 * 3600.0,
        6 * 3600.0,
        0.0,
    )
    assert (answer["availability"], answer["performance"]) == (25.0, 50.0)
    assert "unknown_time" in answer["flags"]
