"""Trouble reported by people and other rooms stands apart from what thresholds judge."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from alerts.models import Alert, AlertEvent, Delivery
from alerts.services.reporting import raise_alert
from alerts.services.thresholds import delete_threshold
from devices.models import Device
from devices.queries import DeviceUnknown
from factory.retrying import again_after_deadlock
from tests.builders import NOON, make_device, make_threshold, make_user, store

MINUTE = timedelta(minutes=1)


def report(*, type="maintenance_required", severity="info", message="The probe wobbles", at=NOON, **about):
    return raise_alert(type=type, severity=severity, message=message, at=at, **about)


@pytest.mark.django_db
class TestOneAlertPerDeviceTypeAndMetric:
    def test_what_a_person_reports_hides_no_breach_and_is_not_ended_by_the_judge(self, settings):
        settings.ALERT_EMAIL = "shift@example.com"
        device = make_device()
        threshold = make_threshold(device, max_value=90.0)
        reported = report(device=device, metric="temperature")

        store(device, (NOON + MINUTE, 200))
        assert sorted(Alert.objects.open().values_list("severity", flat=True)) == ["critical", "info"]
        assert Delivery.objects.count() == 2

        store(device, (NOON + 2 * MINUTE, 50))
        delete_threshold(threshold=threshold, at=NOON + 3 * MINUTE)
        assert list(Alert.objects.open()) == [reported]

    def test_two_metrics_two_types_and_the_plant_are_alerts_of_their_own(self):
        device = make_device()
        for about in (
            {"device": device, "metric": "power"},
            {"device": device, "metric": "rpm"},
            {"device": device, "metric": "rpm", "type": "system_error"},
            {"metric": "power"},
            {"metric": "rpm"},
        ):
            report(**about)

        assert Alert.objects.open().count() == 5

    def test_worse_is_noted_with_who_said_so(self):
        mira = make_user()
        report(by=mira)
        worse = report(severity="critical", message="It fell off", by=mira)

        assert (worse.message, worse.occurrences) == ("It fell off", 2)
        assert list(AlertEvent.objects.order_by("pk").values_list("kind", "by")) == [
            ("opened", mira.pk),
            ("rose", mira.pk),
        ]

    def test_a_device_that_has_gone_meanwhile_is_refused(self):
        device = make_device()
        Device.objects.filter(pk=device.pk).delete()

        with pytest.raises(DeviceUnknown):
            report(device=device)


@pytest.mark.django_db(transaction=True)
def test_of_two_reports_at_once_the_worse_is_what_stays():
    barrier, errors = threading.Barrier(2), []

    def work(severity):
        try:
            barrier.wait(10)
            again_after_deadlock(lambda: report(severity=severity, message=severity))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    for turn in range(5):
        threads = [threading.Thread(target=work, args=(severity,)) for severity in ("info", "critical")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert errors == []
        alert = Alert.objects.open().get()
        assert (alert.severity, alert.occurrences, turn) == ("critical", 2, turn)
        Alert.objects.update(status="resolved", open_key=None)
