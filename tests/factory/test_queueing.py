"""Handing work over never makes the one who commits wait, and never fails them."""

import threading

import pytest
from celery import shared_task
from django.db import transaction

from factory.queueing import Messenger, enqueue_on_commit
from factory.queueing import messenger as house_messenger


@shared_task
def noted(**kwargs):
    """Never run: these tests look at what is handed to the broker."""


class Broker:
    """Stands where Celery's `apply_async` hands over, and can be as slow or as broken as told."""

    def __init__(self, monkeypatch, *, fails=False):
        self.gate, self.got, self.fails = threading.Event(), [], fails
        monkeypatch.setattr(noted, "apply_async", self.take)

    def take(self, *, kwargs, retry):
        assert self.gate.wait(10)
        if self.fails:
            self.fails = False
            raise ValueError("the address is nonsense")
        self.got.append(kwargs)


def wait_for(broker, count):
    for _ in range(500):
        if len(broker.got) == count:
            return
        threading.Event().wait(0.01)
    raise AssertionError(broker.got)


def test_a_hanging_broker_is_waited_for_by_nobody_and_gets_everything_later(monkeypatch):
    broker, messenger = Broker(monkeypatch), Messenger()

    for number in range(3):
        messenger.hand_over(noted, {"n": number})
    assert broker.got == []

    broker.gate.set()
    wait_for(broker, 3)
    assert broker.got == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_one_that_cannot_be_enqueued_does_not_hold_up_the_next(monkeypatch):
    broker, messenger = Broker(monkeypatch, fails=True), Messenger()
    broker.gate.set()

    messenger.hand_over(noted, {"n": 1})
    messenger.hand_over(noted, {"n": 2})

    wait_for(broker, 1)
    assert broker.got == [{"n": 2}]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_enqueued(monkeypatch):
    handed = []
    monkeypatch.setattr(house_messenger, "hand_over", lambda task, kwargs: handed.append(kwargs))

    with transaction.atomic():
        enqueue_on_commit(noted, n=1)
        transaction.set_rollback(True)
    with transaction.atomic():
        enqueue_on_commit(noted, n=2)
        assert handed == []

    assert handed == [{"n": 2}]
