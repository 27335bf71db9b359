"""Everybody who touches commands at the same time, on a real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier, Event

import pytest
from django.db import connection
from django.dispatch import receiver

from devices.models import Command
from devices.presence import Word, hear_status
from devices.services import (
    Ack,
    Order,
    deactivate_devices,
    delete_devices,
    expire_commands,
    hand_over_pending,
    hear_acks,
    send_commands,
    take_due_pushes,
    take_pushes_of,
    withdraw_commands,
)
from devices.signals import commands_ended
from factory.errors import DomainError
from factory.retrying import again_after_deadlock
from tests.builders import NOON, make_device
from tests.devices.commanding import SOON, be_there, make_command

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works):
    """Run them in threads that start together; returns what they returned or were refused with."""
    barrier = Barrier(len(works))

    def run(work):
        try:
            barrier.wait(20)
            return again_after_deadlock(work)
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.fixture
def ended():
    told = []

    @receiver(commands_ended, dispatch_uid="test")
    def hear(sender, ended, **kwargs):
        told.extend(each.id for each in ended)

    yield told
    commands_ended.disconnect(dispatch_uid="test")


def test_the_same_key_at_once_is_one_command():
    device = make_device()
    for number in range(5):
        orders = [Order(device.pk, "restart", request_key=f"{number} {part}") for part in range(5)]

        told = at_once(*[partial(send_commands, orders=orders, at=NOON)] * 4)

        assert len({tuple(command.pk for command in commands) for commands in told}) == 1
    assert Command.objects.count() == 25


def test_of_an_answer_and_the_sweep_one_decides_and_it_is_told_once(ended):
    device = make_device()
    for _ in range(10):
        command = make_command(device, ttl_seconds=5)
        ended.clear()

        (told,), _ = at_once(
            partial(hear_acks, acks=[Ack(device.pk, command.pk, "succeeded")], at=SOON),
            partial(expire_commands, at=SOON),
        )

        status = Command.objects.get(pk=command.pk).status
        assert status == ("expired" if isinstance(told, DomainError) else "succeeded")
        assert ended == [command.pk]


def test_of_withdrawing_and_pushing_one_wins():
    device = make_device()
    be_there(device)
    for _ in range(10):
        command = make_command(device)

        withdrawn, pushed = at_once(
            partial(withdraw_commands, command_ids=[command.pk], at=NOON), partial(take_due_pushes, at=NOON)
        )

        assert (withdrawn == {command.pk}) is not (command.pk in {push.id for push in pushed})
        Command.objects.all().delete()


def test_pushing_waking_asking_answering_and_sweeping_do_not_hinder_each_other(ended):
    devices = [make_device() for _ in range(4)]
    be_there(*devices)
    orders = [Order(device.pk, "restart", ttl_seconds=60) for device in devices for _ in range(50)]
    commands = send_commands(orders=orders, at=NOON)

    def push():
        return sum(len(take_due_pushes(at=NOON, limit=20)) for _ in range(30))

    def hold_sockets():
        return sum(len(take_pushes_of(device_id=device.pk, at=NOON, limit=10)) for device in devices * 5)

    def say_hello():
        for device in devices * 3:
            again_after_deadlock(
                partial(hear_status, external_id=device.external_id, word=Word(is_online=True), at=NOON)
            )

    def ask():
        for device in devices * 3:
            hand_over_pending(device_id=device.pk, at=NOON)

    def answer(status):
        for start in range(0, 200, 25):
            part = commands[start : start + 25]
            hear_acks(acks=[Ack(c.device_id, c.pk, status) for c in reversed(part)], at=NOON)

    def sweep():
        for _ in range(10):
            expire_commands(at=NOON + timedelta(seconds=59))

    at_once(
        *[push] * 2,
        hold_sockets,
        say_hello,
        ask,
        partial(answer, "acknowledged"),
        partial(answer, "succeeded"),
        sweep,
    )

    assert set(Command.objects.values_list("status", "push_at")) == {("succeeded", None)}
    assert sorted(ended) == sorted(command.pk for command in commands)


def test_sending_to_a_device_in_the_midst_of_its_deletion_is_refused_or_gone_with_it():
    for _ in range(5):
        device = make_device()

        told, _ = at_once(
            partial(send_commands, orders=[Order(device.pk, "restart")], at=NOON),
            partial(delete_devices, devices=[device]),
        )

        assert isinstance(told, DomainError | list)
        assert Command.objects.filter(device_id=device.pk).count() == 0


@pytest.mark.skipif(connection.vendor == "sqlite", reason="only one writes at a time there")
def test_a_command_for_a_device_that_is_just_taken_out_of_service_is_over():
    device = make_device()
    be_there(device)
    looked, gone = Event(), Event()

    def wait_before_writing(execute, sql, *rest):
        if sql.startswith("INSERT INTO `devices_command`"):
            looked.set()
            gone.wait(1)  # whoever holds the device until then keeps the other from it
        return execute(sql, *rest)

    def send():
        with connection.execute_wrapper(wait_before_writing):
            return make_command(device)

    def take_out():
        looked.wait(20)
        deactivate_devices(device_ids=[device.pk], at=SOON)
        gone.set()

    at_once(send, take_out)

    assert [(c.status, c.push_at, c.result) for c in Command.objects.all()] == [
        ("expired", None, {"reason": "out of service"})
    ]
