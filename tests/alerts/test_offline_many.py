"""Many silent devices, and several workers that watch them."""

import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.models import Alert, AlertEvent, Delivery, OfflineWatch
from alerts.services import offline
from alerts.services.offline import watch_silence
from tests.alerts.silence import (
    DUE,
    MINUTE,
    SECOND,
    a_turn,
    alerts,
    hall,
    hear,
    silent,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _usual_times(settings):
    settings.DEVICE_SILENT_SECONDS = 120
    settings.ALERT_EMAIL = "shift@example.com"


class TestManyAtOnce:
    @pytest.mark.parametrize("devices", [1, 3])
    def test_a_turn_in_which_nothing_happens_costs_the_same_for_any_number(
        self, devices, django_assert_num_queries
    ):
        for _ in range(devices):
            silent()
        a_turn(DUE)

        # who is over; a savepoint, who is new, its release; who is due in a zone and elsewhere; alerts of zones
        with django_assert_num_queries(7):
            watch_silence(at=DUE + SECOND)

    def test_an_alert_of_a_zone_costs_the_same_for_any_number(self, settings):
        settings.ALERT_EMAIL = ""  # what telling people costs is measured with the outbox
        raised, left = [], []
        for zone, devices in (("Hall B", 4), ("Hall C", 12)):
            presses = [silent(zone=zone) for _ in range(devices)]
            with CaptureQueriesContext(connection) as queries:
                watch_silence(at=DUE)
            raised.append(len(queries))
            for press in presses[:-1]:
                hear(press, DUE + MINUTE)
            with CaptureQueriesContext(connection) as queries:
                watch_silence(at=DUE + MINUTE)
            left.append(len(queries))

        assert list(Alert.objects.values_list("zone", "occurrences")) == [("Hall B", 1), ("Hall C", 1)]
        assert raised[0] == raised[1]
        assert left[0] == left[1]

    def test_more_than_one_transaction_takes_are_all_told_of(self, monkeypatch):
        monkeypatch.setattr(offline, "AT_ONCE", 2)
        monkeypatch.setattr(offline, "ALERTS_AT_ONCE", 2)
        presses = [*hall(5), *(silent() for _ in range(5))]

        a_turn(DUE)
        assert [occurrences for *_, occurrences in alerts()] == [5, 1, 1, 1, 1, 1]
        for press in presses:
            hear(press, DUE + MINUTE)
        a_turn(DUE + MINUTE)

        assert {status for _, _, status, _ in alerts()} == {"resolved"}
        assert AlertEvent.objects.filter(kind="changed").count() == 0
        assert not OfflineWatch.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_turns_of_several_workers_at_once_do_each_step_once():
    presses = [*hall(40), *(silent() for _ in range(10))]

    def turns_beside_each_other(at):
        outcomes, barrier = [], threading.Barrier(4)

        def work():
            try:
                barrier.wait(20)
                watch_silence(at=at)
            except Exception as error:
                outcomes.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert outcomes == []

    turns_beside_each_other(DUE)
    turns_beside_each_other(DUE + SECOND)
    assert sorted(occurrences for *_, occurrences in alerts()) == [1] * 10 + [40]
    assert AlertEvent.objects.count() == Delivery.objects.count() == 11

    for press in presses[:30]:
        hear(press, DUE + MINUTE)
    turns_beside_each_other(DUE + MINUTE)
    assert Alert.objects.get(zone="Hall B").occurrences == 10
    for press in presses[30:]:
        hear(press, DUE + 2 * MINUTE)
    turns_beside_each_other(DUE + 2 * MINUTE)

    assert not Alert.objects.open().exists()
    assert AlertEvent.objects.filter(kind="resolved").count() == 11
    assert not OfflineWatch.objects.exists()
