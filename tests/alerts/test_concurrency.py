"""Fifty devices' messages at once, through the door, the group commit and the judge, on a real database."""

import threading
import time

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Delivery
from telemetry.batch import Sample
from telemetry.models import Reading
from telemetry.services import store_readings
from tests.builders import Trpc, data_of, make_device, make_threshold, make_token

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 50


def in_threads(work, count=THREADS):
    """Run `work(number)` in threads that start together; returns what they returned or raised."""
    results, barrier = [None] * count, threading.Barrier(count)

    def run(number):
        try:
            barrier.wait(20)
            results[number] = work(number)
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.fixture
def machine(settings):
    settings.ALERT_EMAIL = "shift@example.com"
    machine = make_device()
    make_threshold(machine, max_value=90.0)
    return machine


def test_the_same_breach_from_fifty_threads_is_one_alert_and_one_message(machine):
    token = make_token(machine, at=timezone.now())
    start = time.time_ns() // 1_000_000

    def post(number):
        message = {"temperature": 95, "timestamp": start + number}
        return data_of(Trpc(Client(), bearer=token).mutate("readings.create", message))["accepted"]

    assert in_threads(post) == [1] * THREADS
    assert Reading.objects.count() == THREADS
    assert list(Alert.objects.values_list("status", "severity")) == [("active", "critical")]
    assert [event.kind for event in AlertEvent.objects.all()] == ["opened"]
    assert Delivery.objects.count() == 1


def test_separate_writers_as_in_several_processes_agree_on_one_alert(machine):
    """Each thread commits for itself, as processes of their own would."""
    start = time.time_ns() // 1_000_000

    def write(number):
        samples = [Sample(machine.pk, start + number, {"temperature": 95.0})]
        return store_readings(samples=samples, received_at=start)[0].value

    assert in_threads(write, 8) == ["accepted"] * 8
    assert Alert.objects.count() == 1
    assert Delivery.objects.count() == 1
