"""MTBF and MTTR through `analytics.getReliability`: of machines by their stops, of other devices by their alerts."""

from datetime import UTC, datetime, time

import pytest

from alerts.models import Alert
from alerts.services.lifecycle import resolve_by_itself
from tests.alerts.outbox import raise_trouble
from tests.analytics.machining import DAY, HOUR, midnight
from tests.analytics.standing import added_stop, make_codes, make_press, stops_of
from tests.builders import data_of, make_device, make_group

pytestmark = pytest.mark.django_db
RAN = 8 * 3600 - 3000  # seconds that a press works in its shift


def reliability(api, day, **asked):
    return data_of(api.query("analytics.getReliability", {"startTime": day, "endTime": day + DAY, **asked}))


def explain(api, stop, code):
    data_of(api.mutate("analytics.classifyStop", {"id": stop, "code": code}))


def row(device, failures, mtbf, mttr, *, unclassified=0, basis="stops"):
    return {
        "deviceId": device.pk,
        "name": device.name,
        "failures": failures,
        "mtbfSeconds": mtbf,
        "mttrSeconds": mttr,
        "unclassified": unclassified,
        "basis": basis,
    }


def test_a_stop_is_a_failure_until_somebody_says_what_it_was(operator, press, day):
    earlier, later = stops_of(press)
    assert reliability(operator, day) == [row(press, 2, RAN / 2, 1500.0, unclassified=2)]

    explain(operator, earlier, "jam")
    assert reliability(operator, day) == [row(press, 2, RAN / 2, 1500.0, unclassified=1)]

    explain(operator, later, "setup")  # neither planned nor a failure
    assert reliability(operator, day) == [row(press, 1, float(RAN), 1200.0)]

    explain(operator, later, "clean")
    assert reliability(operator, day) == [row(press, 1, float(RAN), 1200.0)]

    explain(operator, earlier, "clean")
    assert reliability(operator, day) == [row(press, 0, None, None)]


def test_an_added_failure_counts_and_what_it_hides_did_not_run(operator, press, day):
    for stop in stops_of(press):
        explain(operator, stop, "setup")
    data_of(operator.mutate("analytics.addStop", added_stop(press, day, code="jam")))

    assert reliability(operator, day) == [row(press, 1, RAN - 3600.0, 3600.0)]


def test_what_lost_less_than_a_micro_stop_may_is_no_failure_unless_somebody_says_so(operator, day):
    """All but a minute of the stop at noon lies in a break, which is neither run nor lost."""
    make_codes()
    press = make_press(day, breaks=[(time(12), time(12, 29))])
    _, later = stops_of(press)

    assert reliability(operator, day) == [row(press, 1, float(RAN), 1200.0, unclassified=1)]

    explain(operator, later, "jam")
    assert reliability(operator, day) == [row(press, 2, RAN / 2, (1200 + 60) / 2, unclassified=1)]


def at(day, hours):
    return datetime.fromtimestamp((day + hours * HOUR) / 1000, UTC)


def trouble(device, day, begins, ends=None, **about):
    alert = raise_trouble(at=at(day, begins), device_id=device.pk, **about)
    if ends is not None:
        assert resolve_by_itself(open_key=alert.open_key, at=at(day, ends), ended_at=at(day, ends), note="")
    return alert


def test_what_is_no_machine_fails_while_something_critical_lasts(operator, day):
    pump, lamp = make_device(name="Pump"), make_device(name="Lamp")
    trouble(pump, day, -1, 1)  # began before
    trouble(pump, day, 4, 6)
    trouble(pump, day, 5, 7)  # meanwhile: the same failure
    trouble(pump, day, 23)  # lasts on
    trouble(lamp, day, 10, 12)
    trouble(lamp, day, 13, 14, severity="warning")
    trouble(lamp, day, 25, 26)  # the day after
    trouble(make_device(), day, 1, 2, severity="info")

    assert reliability(operator, day) == [
        row(pump, 3, 19 * 3600 / 3, 5 * 3600 / 3, basis="alerts"),
        row(lamp, 1, 22 * 3600.0, 2 * 3600.0, basis="alerts"),
    ]


def test_a_device_that_is_silent_is_not_broken(operator, day):
    pump = make_device()
    Alert.objects.filter(pk=trouble(pump, day, 1, 2).pk).update(type="device_offline")

    assert reliability(operator, day) == []


def test_a_machine_is_told_by_its_stops_and_not_by_its_alerts(operator, press, day):
    trouble(press, day, 7, 8)

    assert [(one["failures"], one["basis"]) for one in reliability(operator, day)] == [(2, "stops")]


def test_the_worst_is_first_and_a_group_has_its_own(operator, press, day):
    pump, lamp = make_device(name="Pump"), make_device(name="Lamp")
    for hour in (1, 3, 5):
        trouble(pump, day, hour, hour + 1)
    for hour in (1, 3):
        trouble(lamp, day, hour, hour + 1)
    hall = make_group(devices=[lamp, press])

    assert [one["name"] for one in reliability(operator, day)] == ["Pump", "Lamp", press.name]
    assert [one["name"] for one in reliability(operator, day, groupId=hall.pk)] == ["Lamp", press.name]
    assert [one["name"] for one in reliability(operator, day, deviceId=pump.pk)] == ["Pump"]
    assert reliability(operator, day, deviceId=make_device().pk) == []


def test_of_what_is_still_to_come_nothing_is_told(operator, press):
    trouble(make_device(), midnight(), 1)

    assert reliability(operator, midnight(-2)) == []


@pytest.mark.parametrize("devices", [1, 3])
def test_it_costs_the_same_for_any_number(operator, day, devices, django_assert_num_queries):
    for number in range(devices):
        make_press(day, name=f"Press {number}")
        trouble(make_device(), day, 1, 2)

    with django_assert_num_queries(18):
        assert len(reliability(operator, day)) == 2 * devices
