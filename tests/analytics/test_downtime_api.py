"""Stops as they are listed through the public procedures: what counts, what it comes to, and who may see it."""

from datetime import time

import pytest
from django.test import Client
from django.utils import timezone

from analytics.models import StateInterval, StopCode, StopReason
from analytics.services.machines import set_line
from telemetry.batch import Sample
from telemetry.days import EARLIEST, LATEST
from telemetry.services import store_readings
from tests.analytics.machining import DAY, HOUR, MINUTE
from tests.analytics.setting_up import look_at_rules, make_machine
from tests.analytics.standing import (
    added_stop,
    api_of,
    downtime,
    iso,
    make_codes,
    make_press,
    runs_but_for,
    span_of,
    stop_row,
    stops_of,
    without_id,
)
from tests.builders import Trpc, data_of, make_device, make_group, ms, refusal_of

pytestmark = pytest.mark.django_db
SAFE = 2**53 - 1
YEAR_2, YEAR_9998 = EARLIEST, LATEST
WHEN = "is not in the years 2 to 9998"


def test_stops_are_told_the_newest_first_with_what_they_come_to(viewer, press, day):
    earlier, later = stops_of(press)

    assert downtime(viewer, day) == {
        "stops": [
            {"id": later, **stop_row(press, *span_of(day, 1))},
            {"id": earlier, **stop_row(press, *span_of(day, 0))},
        ],
        "totalStops": 2,
        "openStops": 2,
        "pareto": [
            {
                "code": None,
                "label": "No reason given",
                "seconds": 3000.0,
                "stops": 2,
                "share": 1.0,
                "cumulative": 1.0,
            }
        ],
        "microStops": {
            "count": 1,
            "seconds": 60.0,
            "shareOfTime": 60 / (8 * 3600),
            "shareOfEvents": 1 / 3,
        },
        "plannedSeconds": 8 * 3600.0,
        "runSeconds": 8 * 3600 - 3000.0,
        "unknownSeconds": 0.0,
    }


def test_the_pareto_has_the_worst_reason_first_and_no_planned_stop(operator, press, day):
    earlier, later = stops_of(press)
    for stop, code in ((earlier, "jam"), (later, "setup")):
        data_of(operator.mutate("analytics.classifyStop", {"id": stop, "code": code}))
    runs_but_for(press, [(day + 15 * HOUR, day + 16 * HOUR)], start=day + 14 * HOUR + 1, end=day + 17 * HOUR)

    answer = downtime(operator, day)

    assert [(row["code"], row["label"], row["seconds"], row["stops"]) for row in answer["pareto"]] == [
        ("setup", "Changeover", 1800.0, 1),
        ("jam", "Jam", 1200.0, 1),
    ]
    assert [row["share"] for row in answer["pareto"]] == [0.6, 0.4]
    assert [row["cumulative"] for row in answer["pareto"]] == [0.6, 1.0]
    assert (answer["totalStops"], answer["openStops"]) == (2, 0)

    data_of(operator.mutate("analytics.classifyStop", {"id": later, "code": "clean"}))

    answer = downtime(operator, day)
    assert [(row["code"], row["share"]) for row in answer["pareto"]] == [("jam", 1.0)]
    assert answer["plannedSeconds"] == 8 * 3600 - 1800
    planned = answer["stops"][0]
    assert (planned["planned"], planned["seconds"], planned["lossSeconds"]) == (True, 1800.0, 0.0)


def test_only_so_many_stops_are_shown_and_all_are_counted(viewer, press, day):
    answer = downtime(viewer, day, limit=1)

    assert [stop["startTime"] for stop in answer["stops"]] == [iso(span_of(day, 1)[0])]
    assert (answer["totalStops"], answer["pareto"][0]["seconds"]) == (2, 3000.0)


def test_a_stop_counts_as_far_as_it_lies_in_what_was_asked_for(viewer, press, day):
    start, _ = span_of(day, 1)

    answer = data_of(
        viewer.query(
            "analytics.getDowntime",
            {"startTime": start + 10 * MINUTE, "endTime": start + 15 * MINUTE, "deviceId": press.pk},
        )
    )

    [stop] = answer["stops"]
    assert without_id(stop) == stop_row(press, start + 10 * MINUTE, start + 15 * MINUTE)
    assert (answer["plannedSeconds"], answer["runSeconds"]) == (300.0, 0.0)


def test_a_stop_over_the_end_of_a_shift_and_a_break_loses_only_what_was_to_be_worked(viewer, day):
    press = make_press(day, breaks=[(time(9, 10), time(9, 15)), (time(12), time(12, 30))])
    runs_but_for(press, [(day + 14 * HOUR, day + 15 * HOUR)], start=day + 14 * HOUR, end=day + 16 * HOUR)

    answer = downtime(viewer, day)

    # The whole of the break at noon was no stop of which anybody speaks, nor is what comes after the shift.
    [stop] = answer["stops"]
    assert (stop["seconds"], stop["lossSeconds"]) == (1200.0, 900.0)
    assert answer["plannedSeconds"] == 8 * 3600 - 35 * 60


def test_a_stop_in_a_break_is_one_when_somebody_speaks_of_it(operator, day):
    make_codes()
    press = make_press(day, breaks=[(time(12), time(12, 30))])
    stop = StateInterval.objects.get(device=press, start=span_of(day, 1)[0])

    told = data_of(operator.mutate("analytics.classifyStop", {"id": stop.pk, "code": "jam"}))

    assert (told["seconds"], told["lossSeconds"], told["code"]) == (1800.0, 0.0, "jam")
    answer = downtime(operator, day)
    assert answer["stops"][0]["id"] == stop.pk
    assert [row["code"] for row in answer["pareto"]] == [None]


def test_while_a_machine_stands_its_stop_has_no_end(viewer):
    """One without shifts, which is to work round the clock."""
    press, now = make_machine(make_device(type="controller")), ms(timezone.now())
    look_at_rules()
    samples = [Sample(press.pk, now - minutes * MINUTE, {"running": minutes > 4}) for minutes in (9, 4)]
    store_readings(samples=samples, received_at=now)

    asked = {"startTime": now - HOUR, "endTime": now + HOUR, "deviceId": press.pk}
    [stop] = data_of(viewer.query("analytics.getDowntime", asked))["stops"]

    assert (stop["id"], stop["startTime"], stop["endTime"]) == (None, iso(now - 4 * MINUTE), None)


def test_for_a_serial_line_its_station_alone_speaks(viewer, press, day):
    other = make_press(day, name="Press 4")
    line = make_group(devices=[press, other], type="production_line")
    assert downtime(viewer, day, groupId=line.pk)["totalStops"] == 4

    set_line(group=line, station=other)

    answer = downtime(viewer, day, groupId=line.pk)
    assert {stop["deviceId"] for stop in answer["stops"]} == {other.pk}
    assert downtime(viewer, day)["totalStops"] == 2
    assert downtime(viewer, day, deviceId=press.pk)["totalStops"] == 2


def test_what_has_no_machine_has_no_stops(viewer, day):
    lamp = make_device()

    for asked in ({}, {"deviceId": lamp.pk}, {"groupId": make_group(devices=[lamp]).pk}):
        answer = downtime(viewer, day, **asked)
        assert (answer["stops"], answer["pareto"], answer["plannedSeconds"]) == ([], [], 0.0)
        assert answer["microStops"] == {
            "count": 0,
            "seconds": 0.0,
            "shareOfTime": None,
            "shareOfEvents": None,
        }


@pytest.mark.parametrize("machines", [1, 3])
def test_a_list_of_stops_costs_the_same_for_any_number_of_them(
    viewer, day, machines, django_assert_num_queries
):
    make_codes()
    for number in range(machines):
        make_press(day, name=f"Press {number}")

    with django_assert_num_queries(21):
        answer = downtime(viewer, day)

    assert answer["totalStops"] == 2 * machines


# What cannot be asked


@pytest.mark.parametrize("path", ["getDowntime", "getReliability"])
@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (5, 5, "endTime: must be after startTime"),
        (5, 4, "endTime: must be after startTime"),
        (0, 400 * DAY + 1, "endTime: must be at most 400 days after startTime"),
        (YEAR_2, YEAR_9998, "endTime: must be at most 400 days after startTime"),
        (YEAR_2 - 1, YEAR_2 + DAY, f"startTime: {WHEN}"),
        (YEAR_9998 - DAY, YEAR_9998 + 1, f"endTime: {WHEN}"),
        (-SAFE, SAFE, f"startTime: {WHEN}"),
    ],
)
def test_a_time_that_is_none_or_too_long_is_refused(viewer, press, path, start, end, words):
    refused = viewer.query(f"analytics.{path}", {"startTime": start, "endTime": end})

    assert refusal_of(refused) == (400, "BAD_REQUEST", words)


@pytest.mark.parametrize(("start", "end"), [(YEAR_2, YEAR_2 + 400 * DAY), (YEAR_9998 - 400 * DAY, YEAR_9998)])
def test_of_a_time_far_away_nothing_is_known(viewer, press, start, end):
    answer = data_of(viewer.query("analytics.getDowntime", {"startTime": start, "endTime": end}))

    assert (answer["stops"], answer["runSeconds"]) == ([], 0.0)


@pytest.mark.parametrize("path", ["getDowntime", "getStates", "getReliability"])
def test_whose_stops_these_are_is_a_device_or_a_group_that_there_is(viewer, press, day, path):
    def refusal(**asked):
        given = {"startTime": day, "endTime": day + DAY, **asked}
        return refusal_of(viewer.query(f"analytics.{path}", given))

    words = "groupId: give either deviceId or groupId"
    assert refusal(deviceId=press.pk, groupId=1) == (400, "BAD_REQUEST", words)
    assert refusal(deviceId=10**9)[:2] == (404, "NOT_FOUND")
    assert refusal(deviceId="nobody")[:2] == (404, "NOT_FOUND")
    assert refusal(groupId=10**9) == (404, "NOT_FOUND", f"There is no group {10**9}.")
    for wrong in ({"groupId": 0}, {"groupId": "1"}, {"deviceId": True}, {"deviceId": None}):
        status, code, message = refusal(**wrong)
        assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", *wrong)


@pytest.mark.parametrize("limit", [0, -1, 10_001, 1.5, "10", None])
def test_a_limit_is_a_number_up_to_ten_thousand(viewer, press, day, limit):
    asked = {"startTime": day, "endTime": day + DAY, "limit": limit}

    status, code, message = refusal_of(viewer.query("analytics.getDowntime", asked))

    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", "limit")


# Who may


WRITES = {
    "analytics.addStop": ("operator", lambda press, day: added_stop(press, day)),
    "analytics.classifyStop": ("operator", lambda press, day: {"id": stops_of(press)[0], "code": "jam"}),
    "analytics.removeStop": (
        "operator",
        lambda press, day: {"id": StateInterval.objects.get(is_added=True).pk},
    ),
    "analytics.setStopCode": ("technician", lambda press, day: {"code": "x", "label": "X", "planned": True}),
}


@pytest.mark.parametrize("path", WRITES)
def test_nobody_below_their_role_writes_of_stops(path, operator, press, day):
    least, asked = WRITES[path]
    data_of(operator.mutate("analytics.addStop", added_stop(press, day, endTime=day + 7 * HOUR + 1)))
    given = asked(press, day)

    def kept():
        return [
            list(model.objects.order_by("pk").values()) for model in (StateInterval, StopReason, StopCode)
        ]

    before = kept()
    assert refusal_of(Trpc(Client()).mutate(path, given))[:2] == (401, "UNAUTHORIZED")
    for role in ("user", "operator")[: 1 if least == "operator" else 2]:
        words = f"{path} is for: {least}."
        assert refusal_of(api_of(role).mutate(path, given)) == (403, "FORBIDDEN", words)
    assert kept() == before


@pytest.mark.parametrize("path", ["getDowntime", "getStates", "getReliability"])
def test_a_stranger_learns_nothing_of_stops(path, press, day):
    refused = Trpc(Client()).query(f"analytics.{path}", {"startTime": day, "endTime": day + DAY})

    assert refusal_of(refused)[:2] == (401, "UNAUTHORIZED")
    assert refusal_of(Trpc(Client()).query("analytics.stopCodes"))[:2] == (401, "UNAUTHORIZED")
