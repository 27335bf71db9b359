"""Devices that do not follow the configuration desired of them."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.models import Alert, AlertEvent, Delivery
from alerts.services.handling import resolve_alerts
from devices.models import Configuration
from devices.services import (
    delete_devices,
    note_seen,
    notice_drift,
    notice_silent_devices,
    report_configuration,
    set_desired,
    set_desired_many,
)
from tests.alerts.silence import alerts, steps
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DUE = NOON + 5 * MINUTE


@pytest.fixture(autouse=True)
def _usual_times(settings):
    settings.CONFIG_DRIFT_SECONDS = 300
    settings.DEVICE_SILENT_SECONDS = 3600
    settings.ALERT_EMAIL = "shift@example.com"


def wished(desired, *, reported=None):
    """A device that can be reached, of which this is desired since noon."""
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON)
    if reported is not None:
        report_configuration(device_id=device.pk, reported=reported, version=0, at=NOON)
    set_desired(device=device, desired=desired, at=NOON)
    return device


def report(device, reported, version=1, at=DUE + MINUTE):
    report_configuration(device_id=device.pk, reported=reported, version=version, at=at)


def test_a_device_that_does_not_follow_is_told_of_once():
    device = wished(
        {"pump": {"speed": 60, "mode": "a"}, "lamp": True}, reported={"pump": {"speed": 40}, "lamp": False}
    )

    notice_drift(at=DUE - SECOND)
    assert alerts() == []
    for turn in range(3):
        notice_drift(at=DUE + turn * MINUTE)

    told = "Configuration differs: pump.speed is 40, wanted 60 (and 2 more)"
    assert alerts() == [(told, "warning", "active", 1)]
    alert = Alert.objects.get()
    assert (alert.type, alert.device, alert.started_at) == ("system_error", device, DUE)
    assert steps() == [("opened", "")]
    assert Delivery.objects.count() == 1


def test_it_ends_by_itself_when_the_device_follows():
    device = wished({"speed": 60})
    notice_drift(at=DUE)

    report(device, {"speed": 60})

    assert alerts() == [("Configuration differs: speed is not reported, wanted 60", "warning", "resolved", 1)]
    assert steps() == [("opened", ""), ("resolved", "It reports what is desired.")]
    assert Alert.objects.get().ended_at == DUE + MINUTE


def test_it_ends_as_well_when_the_wish_is_given_up():
    device = wished({"speed": 60}, reported={"speed": 40})
    notice_drift(at=DUE)

    set_desired(device=device, desired={"speed": 40}, at=DUE + MINUTE)

    assert Alert.objects.get().status == "resolved"


def test_a_report_that_is_still_apart_ends_nothing():
    device = wished({"speed": 60, "lamp": True})
    notice_drift(at=DUE)

    report(device, {"speed": 60, "lamp": False})
    notice_drift(at=DUE + 60 * MINUTE)

    assert (Alert.objects.get().status, Alert.objects.get().occurrences) == ("active", 1)


def test_another_wish_that_is_not_followed_either_is_the_same_alert_in_new_words():
    device = wished({"speed": 60}, reported={"speed": 40})
    notice_drift(at=DUE)

    set_desired(device=device, desired={"speed": 70}, at=DUE + MINUTE)
    notice_drift(at=DUE + 6 * MINUTE)

    assert alerts() == [("Configuration differs: speed is 40, wanted 70", "warning", "active", 1)]
    assert Delivery.objects.count() == 1


def test_one_that_is_away_is_not_told_of_until_it_is_back_and_had_its_time(settings):
    settings.DEVICE_SILENT_SECONDS = 60
    device = wished({"speed": 60})
    notice_silent_devices(at=NOON + MINUTE)
    notice_drift(at=DUE)
    assert alerts() == []

    settings.DEVICE_SILENT_SECONDS = 3600
    note_seen(device_ids=[device.pk], at=NOON + 60 * MINUTE)
    notice_drift(at=NOON + 64 * MINUTE)
    assert alerts() == []
    notice_drift(at=NOON + 65 * MINUTE)
    assert len(alerts()) == 1


def test_another_wish_while_it_is_away_is_told_of_when_it_is_back_and_had_its_time(settings):
    settings.DEVICE_SILENT_SECONDS = 600
    device = wished({"speed": 60}, reported={"speed": 40})
    notice_drift(at=DUE)
    notice_silent_devices(at=NOON + 10 * MINUTE)
    set_desired(device=device, desired={"speed": 80}, at=NOON + 11 * MINUTE)

    note_seen(device_ids=[device.pk], at=NOON + 60 * MINUTE)
    notice_drift(at=NOON + 65 * MINUTE)

    assert alerts() == [("Configuration differs: speed is 40, wanted 80", "warning", "active", 1)]
    assert Delivery.objects.count() == 1


def test_one_that_a_person_resolved_comes_again_only_after_it_was_in_sync():
    device = wished({"speed": 60})
    notice_drift(at=DUE)
    resolve_alerts(alert_ids=[Alert.objects.get().pk], by=make_user(role="operator"), at=DUE)

    report(device, {"speed": 50})
    notice_drift(at=DUE + 60 * MINUTE)
    assert Alert.objects.count() == 1
    report(device, {"speed": 60}, at=DUE + 61 * MINUTE)
    note_seen(device_ids=[device.pk], at=DUE + 61 * MINUTE)
    report(device, {"speed": 50}, at=DUE + 62 * MINUTE)
    notice_drift(at=DUE + 67 * MINUTE)

    assert [status for *_, status, _ in alerts()] == ["resolved", "active"]


def test_a_deleted_device_takes_it_along():
    device = wished({"speed": 60})
    notice_drift(at=DUE)

    delete_devices(devices=[device])

    assert not Alert.objects.exists()


def test_many_at_once_cost_as_much_as_few(settings):
    settings.ALERT_EMAIL = ""  # what telling people costs is measured with the outbox
    raised, ended = [], []
    for number in (3, 100):
        ids = [make_device().pk for _ in range(number)]
        note_seen(device_ids=ids, at=NOON)
        Configuration.objects.filter(pk__in=ids).update(reported={"speed": 70}, reported_version=0)
        set_desired_many(device_ids=ids, desired={"speed": 60}, merge=False, at=NOON)
        with CaptureQueriesContext(connection) as queries:
            assert notice_drift(at=DUE) == number
        raised.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            set_desired_many(device_ids=ids, desired={"speed": 70}, merge=False, at=DUE)
        ended.append(len(queries))

    assert Alert.objects.filter(status="resolved").count() == 103
    assert AlertEvent.objects.count() == 206
    # Inserting and updating in bulk takes one statement for so many rows.
    assert raised[1] - raised[0] <= 4
    assert ended[1] - ended[0] <= 4


@pytest.mark.django_db(transaction=True)
def test_turns_of_several_workers_at_once_tell_of_each_device_once(monkeypatch):
    from devices.services import drift

    monkeypatch.setattr(drift, "AT_ONCE", 7)
    devices = [wished({"speed": 60}) for _ in range(30)]

    def beside_each_other(*works):
        outcomes, barrier = [], threading.Barrier(len(works))

        def run(work):
            try:
                barrier.wait(20)
                work()
            except Exception as error:
                outcomes.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=[work]) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert outcomes == []

    beside_each_other(*[lambda: notice_drift(at=DUE)] * 4)
    assert Alert.objects.open().count() == AlertEvent.objects.count() == Delivery.objects.count() == 30

    def follow(part):
        return lambda: [report(device, {"speed": 60}) for device in devices[part::3]]

    beside_each_other(*(follow(part) for part in range(3)), lambda: notice_drift(at=DUE))
    assert not Alert.objects.open().exists()
    assert AlertEvent.objects.filter(kind="resolved").count() == 30
