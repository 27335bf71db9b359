"""Fifty devices' messages at once, through the door, the group commit and the judge, on a real database."""

import threading
import time

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Delivery
from factory.retrying import again_after_deadlock
from telemetry.batch import Sample
from telemetry.models import Reading
from telemetry.services import store_readings
from tests.builders import (
    Trpc,
    data_of,
    make_device,
    make_threshold,
    make_token,
    make_user,
    refusal_of,
    sign_in,
)

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


def test_the_first_reading_of_a_device_in_several_processes_at_once_is_accepted_by_all(machine):
    new = make_device()

    def write(number):
        samples = [Sample(new.pk, number + 1, {"power": 1.0})]
        return again_after_deadlock(lambda: store_readings(samples=samples, received_at=1))[0].value

    assert in_threads(write, 8) == ["accepted"] * 8


def test_a_device_is_deleted_while_it_reports(machine, settings):
    settings.RATE_DEVICE = None  # it reports as often as it can
    admin = make_user(role="admin")
    token = make_token(machine, at=timezone.now())
    start, gone = time.time_ns() // 1_000_000, threading.Event()

    def work(number):
        if number == 0:
            client = Client()
            sign_in(client, admin)
            try:
                return Trpc(client).mutate("devices.delete", {"id": machine.pk}).status_code
            finally:
                gone.set()
        device, statuses = Trpc(Client(), bearer=token), set()
        for n in range(200):
            message = {"temperature": 95, "timestamp": start + number * 1000 + n}
            statuses.add(device.mutate("readings.create", message).status_code)
            if gone.is_set():
                break
        return statuses

    deleted, *told = in_threads(work, 5)

    assert deleted == 200
    assert set.union(*told) <= {200, 400, 401, 503}
    assert Alert.objects.count() == 0


def test_a_mutation_that_lost_a_deadlock_is_done_again(client, machine, monkeypatch):
    """The database's refusal is raised once in place of the work, as MariaDB would raise it."""
    from django.db import OperationalError

    from devices import services

    sign_in(client, make_user(role="technician"))
    real, refusals = services.edit_device, [OperationalError(1213, "Deadlock found when trying to get lock")]

    def edit(**changes):
        if refusals:
            raise refusals.pop()
        return real(**changes)

    monkeypatch.setattr(services, "edit_device", edit)

    assert data_of(Trpc(client).mutate("devices.update", {"id": machine.pk, "name": "New"}))["name"] == "New"


def test_a_database_that_is_gone_is_a_503_and_not_a_bug(client, machine, monkeypatch):
    from django.db import OperationalError

    from devices import queries

    sign_in(client, make_user())

    def fail():
        raise OperationalError(2006, "Server has gone away")

    monkeypatch.setattr(queries, "device_stats", fail)
    response = Trpc(client).query("devices.getStats")

    assert refusal_of(response)[:2] == (503, "SERVICE_UNAVAILABLE")
    assert response.headers["Retry-After"] == "2"
