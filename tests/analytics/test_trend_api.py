"""`analytics.getTrend`, `getTopAlerts` and `getOverview`: what goes up and down, what rings most, how all is doing."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from alerts.services.lifecycle import open_alert, resolve_by_itself
from devices.services import deactivate_devices
from telemetry.batch import Sample
from telemetry.days import EARLIEST
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.analytics.machining import DAY, HOUR, MINUTE, midnight
from tests.analytics.standing import api_of, iso
from tests.builders import Trpc, data_of, make_device, make_group, ms, refusal_of

pytestmark = pytest.mark.django_db
SAFE = 2**53 - 1


def put(device, *points, metric="temperature"):
    samples = [Sample(device.pk, at, {metric: value}) for at, value in points]
    store_readings(samples=samples, received_at=ms(timezone.now()))


# Trends


def trend(api, start, end, **asked):
    given = {"metric": "temperature", "startTime": start, "endTime": end, **asked}
    return data_of(api.query("analytics.getTrend", given))


@pytest.mark.parametrize("come_by", [lambda: None, roll_up_due], ids=["at once", "rolled up"])
def test_a_trend_is_its_points_their_mean_and_how_it_rises_against_the_time_before(viewer, day, come_by):
    """10 and 20 in the first hour, 21 and 27 in the second and third: of all samples, not of the points."""
    oven = make_device()
    put(oven, (day - HOUR, 12.0), (day - 3 * HOUR, 14.0), (day - 3 * HOUR - 1, 500.0))
    put(oven, (day, 10.0), (day + 30 * MINUTE, 20.0), (day + HOUR, 21.0), (day + 2 * HOUR, 27.0))
    put(oven, (day + 3 * HOUR, 500.0))
    put(oven, (day, 1.0), metric="pressure")
    come_by()

    assert trend(viewer, day, day + 3 * HOUR, deviceId=oven.external_id) == {
        "metric": "temperature",
        "points": [
            {"timestamp": day, "avg": 15.0, "min": 10.0, "max": 20.0, "count": 2},
            {"timestamp": day + HOUR, "avg": 21.0, "min": 21.0, "max": 21.0, "count": 1},
            {"timestamp": day + 2 * HOUR, "avg": 27.0, "min": 27.0, "max": 27.0, "count": 1},
        ],
        "average": 19.5,
        "previousAverage": 13.0,
        "change": 0.5,
        "slopePerDay": pytest.approx(6 * 24.0),
    }


def test_hours_of_which_nothing_is_known_are_no_points(viewer, day):
    oven = make_device()
    put(oven, (day, 1.0), (day + 4 * HOUR, 5.0))

    found = trend(viewer, day, day + 5 * HOUR)

    assert [point["timestamp"] for point in found["points"]] == [day, day + 4 * HOUR]
    assert (found["previousAverage"], found["change"], found["slopePerDay"]) == (None, None, None)


@pytest.mark.parametrize("before", [None, 0.0])
def test_against_nothing_there_is_no_change(viewer, day, before):
    oven = make_device()
    put(oven, (day, 5.0))
    if before is not None:
        put(oven, (day - HOUR, before))

    found = trend(viewer, day, day + DAY)

    assert (found["average"], found["previousAverage"], found["change"]) == (5.0, before, None)


def test_of_a_metric_that_nobody_measures_nothing_is_known(viewer, day):
    put(make_device(), (day, 5.0))

    assert trend(viewer, day, day + DAY, metric="unheard") == {
        "metric": "unheard",
        "points": [],
        "average": None,
        "previousAverage": None,
        "change": None,
        "slopePerDay": None,
    }


def test_a_counter_has_a_trend_too(viewer, day):
    declare_metric(key="parts", kind="counter")
    rules.forget()
    put(make_device(), (day, 5.0), (day + HOUR, 7.0), metric="parts")

    assert trend(viewer, day, day + DAY, metric="parts")["average"] == 6.0


def test_days_are_those_of_the_plant(settings):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    start, end = (ms(datetime(2026, 10, day, 22, tzinfo=UTC)) for day in (23, 24))
    with time_machine.travel(datetime(2026, 11, 1, tzinfo=UTC), tick=False):
        put(make_device(), (start, 1.0), (end, 2.0), (end + 25 * HOUR - 1, 4.0), (end + 25 * HOUR, 8.0))

        found = trend(api_of("user"), start, end + 49 * HOUR, interval="day")

    assert [(iso(point["timestamp"]), point["avg"]) for point in found["points"]] == [
        ("2026-10-23T22:00:00.000Z", 1.0),
        ("2026-10-24T22:00:00.000Z", 3.0),  # the day of 25 hours
        ("2026-10-25T23:00:00.000Z", 8.0),
    ]


def test_a_trend_is_of_a_device_a_group_or_the_plant_in_service(viewer, day):
    oven, pump, gone = make_device(), make_device(), make_device()
    for device, value in ((oven, 1.0), (pump, 3.0), (gone, 800.0)):
        put(device, (day, value))
    deactivate_devices(device_ids=[gone.pk], at=timezone.now())
    hall = make_group(devices=[pump])

    def average(**of):
        return trend(viewer, day, day + DAY, **of)["average"]

    assert average() == 2.0
    assert average(groupId=hall.pk) == 3.0
    assert average(deviceId=oven.pk) == 1.0
    assert average(deviceId=gone.pk) == 800.0
    assert average(groupId=make_group().pk) is None


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"endTime": 0, "startTime": 0}, (400, "endTime: must be after startTime")),
        ({"endTime": 0, "startTime": 1}, (400, "endTime: must be after startTime")),
        ({"startTime": -SAFE}, (400, "startTime: is not in the years 2 to 9998")),
        ({"endTime": SAFE}, (400, "endTime: is not in the years 2 to 9998")),
        (
            {"startTime": EARLIEST, "endTime": EARLIEST + DAY},
            (400, "startTime: is not in the years 2 to 9998"),  # nor is the time before it
        ),
        (
            {"startTime": 0, "intervalMs": 60_000},
            (400, "intervalMs: gives more than 10000 buckets; take a longer one"),
        ),
        ({"deviceId": 1, "groupId": 1}, (400, "groupId: give either deviceId or groupId")),
        ({"deviceId": 10**9}, (404, f"There is no device {10**9}.")),
        ({"groupId": 10**9}, (404, f"There is no group {10**9}.")),
    ],
)
def test_a_trend_that_cannot_be_is_refused_in_words(viewer, day, change, refusal):
    given = {"metric": "temperature", "startTime": day, "endTime": day + DAY, **change}

    status, _, message = refusal_of(viewer.query("analytics.getTrend", given))

    assert (status, message) == refusal


@pytest.mark.parametrize(
    "change",
    [
        {"metric": ""},
        {"metric": None},
        {"metric": "x" * 64},
        {"metric": 7},
        {"intervalMs": 59_999},
        {"intervalMs": 366 * DAY + 1},
        {"intervalMs": 1e300},
        {"interval": "year"},
        {"startTime": "then"},
        {"endTime": None},
        {"groupId": -1},
        {"deviceId": 1.5},
    ],
)
def test_what_is_no_trend_is_refused_by_its_field(viewer, day, change):
    given = {"metric": "temperature", "startTime": day, "endTime": day + DAY, **change}

    status, code, message = refusal_of(viewer.query("analytics.getTrend", given))

    [field] = change
    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", field)


@pytest.mark.parametrize("devices", [1, 3])
def test_a_trend_costs_the_same_for_any_number_of_devices(viewer, day, devices, django_assert_num_queries):
    for _ in range(devices):
        put(make_device(), (day, 5.0))
    roll_up_due()

    with django_assert_num_queries(15):
        assert trend(viewer, day, day + DAY)["points"][0]["count"] == devices


# What rings most


def ring(key, day, *hours, **about):
    """An alert that opened at each of these hours, and was over half an hour later."""
    for hour in hours:
        at = datetime.fromtimestamp((day + hour * HOUR) / 1000, UTC)
        given = {"type": "system_error", "severity": "warning", "message": f"{key} at {hour}", **about}
        alert = open_alert(open_key=key, at=at, started_at=at, **given)
        over = at + timedelta(minutes=30)
        assert resolve_by_itself(open_key=key, at=over, ended_at=over, note="")
    return alert


def top(api, day, **asked):
    return data_of(api.query("analytics.getTopAlerts", {"startTime": day, "endTime": day + DAY, **asked}))


def test_what_opened_most_often_is_first_with_its_newest_alert_and_worst_severity(viewer, day):
    oven = make_device(name="Oven")
    ring("hall", day, 3, zone="Hall B", severity="info")
    ring("oven", day, 2, device_id=oven.pk, metric="temperature", severity="critical")
    ring("oven", day, -1, 24, device_id=oven.pk)  # the day before and the day after
    newest = ring("oven", day, 5, 6, device_id=oven.pk, metric="temperature")
    also = ring("press", day, 7, device_id=oven.pk, severity="info")

    rows = top(viewer, day)

    assert rows[0] == {
        "alertId": newest.pk,
        "deviceId": oven.pk,
        "name": "Oven",
        "type": "system_error",
        "metric": "temperature",
        "severity": "critical",
        "message": "oven at 6",
        "count": 3,
        "firstAt": iso(day + 2 * HOUR),
        "lastAt": iso(day + 6 * HOUR),
    }
    assert [(row["message"], row["count"]) for row in rows[1:]] == [("press at 7", 1), ("hall at 3", 1)]
    assert (rows[1]["alertId"], rows[1]["metric"]) == (also.pk, None)
    assert (rows[2]["deviceId"], rows[2]["name"]) == (None, "Hall B")
    assert [row["message"] for row in top(viewer, day, limit=1)] == ["oven at 6"]


def test_unless_said_it_is_of_the_last_seven_days(viewer):
    today = midnight(0)
    ring("seven", midnight(7), 23)
    ring("six", midnight(6), 0)

    rows = data_of(viewer.query("analytics.getTopAlerts", {}))
    since = data_of(viewer.query("analytics.getTopAlerts", {"startTime": today - 7 * DAY}))
    until = data_of(viewer.query("analytics.getTopAlerts", {"endTime": today - 6 * DAY + 1}))

    assert [row["message"] for row in rows] == ["six at 0"]
    assert [row["message"] for row in since] == ["six at 0", "seven at 23"]
    assert [row["message"] for row in until] == ["six at 0"]


def test_alerts_of_a_device_and_of_a_group_with_those_inside_it(viewer, day):
    oven, pump = make_device(), make_device()
    ring("oven", day, 1, device_id=oven.pk)
    ring("pump", day, 1, 2, device_id=pump.pk)
    ring("hall", day, 1, zone="Hall B")
    hall = make_group()
    make_group(devices=[oven], parent=hall)

    def messages(**of):
        return [row["message"] for row in top(viewer, day, **of)]

    assert messages() == ["pump at 2", "hall at 1", "oven at 1"]
    assert messages(groupId=hall.pk) == ["oven at 1"]
    assert messages(deviceId=pump.external_id) == ["pump at 2"]
    assert messages(groupId=make_group().pk) == []


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"startTime": 5, "endTime": 5}, (400, "endTime: must be after startTime")),
        ({"startTime": 253_000_000_000_000}, (400, "endTime: must be after startTime")),  # it ends now
        ({"startTime": -SAFE}, (400, "startTime: is not in the years 2 to 9998")),
        ({"endTime": SAFE}, (400, "endTime: is not in the years 2 to 9998")),
        ({"deviceId": 1, "groupId": 1}, (400, "groupId: give either deviceId or groupId")),
        ({"deviceId": 10**9}, (404, f"There is no device {10**9}.")),
        ({"groupId": 10**9}, (404, f"There is no group {10**9}.")),
    ],
)
def test_top_alerts_that_cannot_be_are_refused_in_words(viewer, asked, refusal):
    status, _, message = refusal_of(viewer.query("analytics.getTopAlerts", asked))

    assert (status, message) == refusal


@pytest.mark.parametrize("limit", [0, 1001, 1.5, "10", None])
def test_a_limit_is_a_number_up_to_a_thousand(viewer, limit):
    status, code, message = refusal_of(viewer.query("analytics.getTopAlerts", {"limit": limit}))

    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", "limit")


@pytest.mark.parametrize("alerts", [1, 3])
def test_top_alerts_cost_the_same_for_any_number(viewer, day, alerts, django_assert_num_queries):
    for number in range(alerts):
        ring(f"a{number}", day, 1, 2, device_id=make_device().pk)

    with django_assert_num_queries(3):  # session with user, counts, newest with their devices
        assert [row["count"] for row in top(viewer, day)] == [2] * alerts


# How all is doing


def test_an_overview_is_what_devices_and_alerts_say_of_themselves(viewer, day):
    oven = make_device(status="error")
    make_device(status="maintenance")
    ring("oven", day, 1, device_id=oven.pk)

    overview = data_of(viewer.query("analytics.getOverview"))

    assert overview == {
        "devices": data_of(viewer.query("devices.getStats")),
        "alerts": data_of(viewer.query("alerts.getStats")),
    }
    assert (overview["devices"]["error"], overview["devices"]["total"]) == (1, 2)
    assert (overview["alerts"]["resolved"], overview["alerts"]["total"]) == (1, 1)


@pytest.mark.parametrize("devices", [1, 3])
def test_an_overview_costs_the_same_for_any_number(viewer, day, devices, django_assert_num_queries):
    for number in range(devices):
        ring(f"a{number}", day, 1, device_id=make_device().pk)

    with django_assert_num_queries(3):  # session with user, devices, alerts
        overview = data_of(viewer.query("analytics.getOverview"))

    assert (overview["devices"]["total"], overview["alerts"]["total"]) == (devices, devices)


@pytest.mark.parametrize("path", ["getTrend", "getTopAlerts", "getOverview"])
def test_a_stranger_learns_nothing(path):
    asked = {"metric": "temperature", "startTime": 0, "endTime": 1} if path == "getTrend" else None

    assert refusal_of(Trpc(Client()).query(f"analytics.{path}", asked))[:2] == (401, "UNAUTHORIZED")
