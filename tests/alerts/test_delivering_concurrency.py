"""Many workers at one outbox: each message goes out once, and a config is told no more than it allows."""

import time
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from alerts.models import Attempt, Delivery, NotificationConfig
from alerts.services.configs import delete_config
from alerts.services.delivering import send_delivery
from alerts.services.trying import retry_deliveries
from factory.errors import Conflict
from tests.alerts.outbox import make_config, raise_trouble, statuses
from tests.alerts.test_concurrency import in_threads
from tests.builders import NOON, Trpc, data_of, make_device, make_threshold, make_token, make_user

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 8


def test_the_same_breach_from_fifty_threads_is_one_message_for_each_who_wants_to_hear():
    machine = make_device()
    make_threshold(machine, max_value=90.0)
    wanted = [make_config(recipient=f"{name}@example.com").recipient for name in ("mira", "jonas", "ada")]
    token, start = make_token(machine, at=timezone.now()), time.time_ns() // 1_000_000

    def post(number):
        message = {"temperature": 95, "timestamp": start + number}
        return data_of(Trpc(Client(), bearer=token).mutate("readings.create", message))["accepted"]

    assert in_threads(post) == [1] * 50
    ids = list(Delivery.objects.values_list("pk", flat=True)) * 3
    in_threads(lambda number: send_delivery(delivery_id=ids[number], at=timezone.now()), len(ids))

    assert sorted(message.to[0] for message in mail.outbox) == sorted(wanted)
    assert statuses() == ["sent"] * 3


def test_one_delivery_and_many_workers_are_one_message():
    make_config()
    raise_trouble()
    delivery = Delivery.objects.get()

    results = in_threads(lambda number: send_delivery(delivery_id=delivery.pk, at=NOON), WORKERS)

    assert sorted(results) == [False] * (WORKERS - 1) + [True]
    assert len(mail.outbox) == 1
    assert Attempt.objects.count() == 1


def test_a_throttled_config_sends_one_message_however_many_workers_there_are():
    make_config(throttle_minutes=15)
    for _ in range(WORKERS):
        raise_trouble()
    ids = list(Delivery.objects.values_list("pk", flat=True))

    results = in_threads(lambda number: send_delivery(delivery_id=ids[number], at=NOON), WORKERS)

    assert results.count(True) == 1
    assert len(mail.outbox) == 1
    assert sorted(statuses()) == ["pending"] * (WORKERS - 1) + ["sent"]


def test_a_flood_lets_ten_through_however_many_workers_there_are():
    make_config()
    for _ in range(20):
        raise_trouble(severity="warning")
    ids = list(Delivery.objects.values_list("pk", flat=True))

    def send(number):  # no two at the same microsecond, as on a clock that runs
        return send_delivery(delivery_id=ids[number], at=NOON + timedelta(seconds=number))

    results = in_threads(send, 20)

    assert results.count(True) == 10
    assert len(mail.outbox) == 10


def test_of_two_who_put_a_failed_delivery_back_one_is_told_that_it_is_back_already():
    boss = make_user(role="admin")
    make_config()
    raise_trouble()
    Delivery.objects.update(status="failed")
    delivery = Delivery.objects.get()

    results = in_threads(lambda number: retry_deliveries(ids=[delivery.pk], by=boss, at=NOON), 4)

    assert sum(isinstance(result, list) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3


def test_a_config_can_be_deleted_while_an_alert_is_told_to_it():
    import threading

    from django.db import connection, transaction

    config = make_config()
    is_told, may_go = threading.Event(), threading.Event()

    def tell():
        try:
            with transaction.atomic():
                raise_trouble()
                is_told.set()
                may_go.wait(5)
        finally:
            connection.close()

    teller = threading.Thread(target=tell)
    teller.start()
    assert is_told.wait(5)
    threading.Timer(0.5, may_go.set).start()
    delete_config(config=config)
    teller.join()

    assert NotificationConfig.objects.count() == 0
    assert statuses() == ["skipped"]
