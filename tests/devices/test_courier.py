"""From the database to the desk, without a broker."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from devices.courier import AT_ONCE, IN_FLIGHT, Courier
from devices.models import Command, Configuration
from devices.mqtt import open_acks
from devices.services import Order, send_commands, take_due_pushes, wake_commands
from devices.services.configuration import set_desired
from tests.builders import NOON, make_device
from tests.devices.commanding import SOON, answer, be_there, make_command, state_of
from tests.live.desk import Counter

AGAIN = timedelta(seconds=30)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk():
    return Counter()


class Clock:
    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def courier(desk, clock):
    return Courier(desk, now=clock)


def said(desk, topic="commands"):
    """What went out on a topic since the last time: [(device, body)]."""
    while desk.turn():
        pass
    found = [(device, body) for device, name, body in desk.said if name == topic]
    desk.said = [saying for saying in desk.said if saying[1] != topic]
    return found


def test_a_command_goes_out_once_and_again_until_it_is_acknowledged(courier, desk, clock):
    device, away = make_device(), make_device()
    be_there(device)
    command = make_command(device, "set_speed", parameters={"rpm": 900})
    make_command(away)

    for _ in range(3):
        courier.look()

    body = {
        "id": command.pk,
        "name": "set_speed",
        "parameters": {"rpm": 900},
        "expiresAt": "2026-06-01T13:00:00.000Z",
    }
    assert said(desk) == [(device.external_id, body)]
    clock.time = NOON + AGAIN
    courier.look()
    assert said(desk) == [(device.external_id, body)]
    answer(command, "acknowledged", at=clock.time)
    clock.time = NOON + 2 * AGAIN
    courier.look()
    assert said(desk) == []


def test_nothing_is_taken_while_there_is_no_connection(courier, desk):
    device = make_device()
    be_there(device)
    command = make_command(device)
    desk.connected = False

    courier.look()
    assert state_of(command) == ("queued", 0, NOON)
    desk.connected = True
    courier.look()

    assert len(said(desk)) == 1


def test_what_was_lost_between_commit_and_broker_is_the_next_attempt(courier, desk, clock):
    device = make_device()
    be_there(device)
    command = make_command(device)

    courier.look()
    desk.calls.clear()  # the process is killed here
    clock.time = NOON + AGAIN
    Courier(desk, now=clock).look()

    assert [body["id"] for _, body in said(desk)] == [command.pk]
    assert state_of(command) == ("sent", 2, clock.time + AGAIN)


def test_a_broker_that_takes_nothing_is_not_given_more_and_more(courier, desk):
    device = make_device()
    be_there(device)
    orders = [Order(device.pk, "restart")] * (IN_FLIGHT + 1) * AT_ONCE
    send_commands(orders=orders, at=NOON)
    desk.takes = False

    while courier.look():
        desk.turn()

    assert len(said(desk)) == IN_FLIGHT * AT_ONCE
    courier.look()
    assert said(desk) == []
    assert Command.objects.filter(status="queued").count() == AT_ONCE


@pytest.mark.parametrize("pushers", [2, 4])
def test_of_several_who_push_at_once_each_command_is_pushed_by_one(pushers):
    devices = [make_device() for _ in range(10)]
    be_there(*devices)
    orders = [Order(device.pk, "restart") for device in devices for _ in range(60)]
    sent = {command.pk for command in send_commands(orders=orders, at=NOON)}
    barrier = Barrier(pushers)

    def push():
        try:
            barrier.wait(20)
            taken = []
            while pushes := take_due_pushes(at=NOON, limit=50):
                taken += [push.id for push in pushes]
            # One who found all of them in others' hands looks again later.
            return taken
        finally:
            connection.close()

    with ThreadPoolExecutor(pushers) as pool:
        taken = [push_id for each in [pool.submit(push) for _ in range(pushers)] for push_id in each.result()]
    taken += [push.id for push in take_due_pushes(at=NOON, limit=1000)]

    assert sorted(taken) == sorted(sent)
    assert set(Command.objects.values_list("attempts", flat=True)) == {1}


# Configuration


def test_a_configuration_is_kept_by_the_broker_and_said_until_the_broker_has_it(courier, desk, clock):
    device = make_device()
    Configuration.objects.update(push_at=None)
    set_desired(device=device, desired={"interval": 5}, at=NOON)
    desk.takes = False

    courier.look()
    assert said(desk, "config") == [(device.external_id, {"desired": {"interval": 5}, "version": 1})]
    assert list(desk.kept) == [(device.external_id, "config")]
    desk.connected = False
    courier.look()  # the connection was lost
    desk.connected = desk.takes = True
    courier.look()
    assert len(said(desk, "config")) == 1
    courier.look()

    assert Configuration.objects.get(pk=device.pk).push_at is None
    courier.look()
    assert said(desk, "config") == []


def test_what_is_desired_anew_while_the_old_is_on_its_way_goes_out_too(courier, desk, clock):
    device = make_device()
    set_desired(device=device, desired={"interval": 5}, at=NOON)
    courier.look()
    said(desk, "config")

    set_desired(device=device, desired={"interval": 6}, at=NOON)
    courier.look()
    courier.look()

    assert said(desk, "config") == [(device.external_id, {"desired": {"interval": 6}, "version": 2})]


def test_where_nothing_is_desired_what_an_earlier_device_left_is_cleared(courier, desk):
    device = make_device()
    Configuration.objects.update_or_create(pk=device.pk, defaults={"version": 0, "push_at": NOON})

    courier.look()

    assert said(desk, "config") == [(device.external_id, None)]
    assert desk.kept == {(device.external_id, "config"): b""}


# Answers


def ack(desk, device, command_id, status, **more):
    return desk.message(
        device.external_id, {"id": command_id, "status": status, **more}, topic="commands/ack"
    )


def test_a_thousand_answers_at_once_are_all_taken(desk):
    device = make_device()
    commands = send_commands(orders=[Order(device.pk, "restart")] * 1000, at=NOON)
    messages = [ack(desk, device, command.pk, "succeeded", result={"n": 1}) for command in commands]

    open_acks(desk).take(messages)
    desk.settle(messages)

    assert len(desk.finished) == 1000
    assert desk.refused == []
    assert set(Command.objects.values_list("status", flat=True)) == {"succeeded"}


def test_bad_answers_are_refused_one_by_one_with_the_reason(desk):
    device, other = make_device(), make_device()
    good, foreign = make_command(device), make_command(other)
    answer(foreign, "failed", at=SOON)
    messages = [
        ack(desk, device, good.pk, "succeeded"),
        ack(desk, device, foreign.pk, "succeeded"),
        ack(desk, other, foreign.pk, "acknowledged"),
        ack(desk, device, 10**12, "succeeded"),
        ack(desk, device, good.pk, "done"),
        desk.message(device.external_id, b"{", topic="commands/ack"),
        desk.message(device.external_id, [], topic="commands/ack"),
        desk.message(device.external_id, {"status": "failed"}, topic="commands/ack"),
        desk.message("nobody", {"id": 1, "status": "failed"}, topic="commands/ack"),
    ]

    open_acks(desk).take(messages)
    desk.settle(messages)

    assert desk.finished == messages[:1]
    assert [message for message, _ in desk.refused] == messages[1:]
    assert [reason.split(":")[0] for _, reason in desk.refused] == [
        f"Command {foreign.pk} is for another device.",
        f"Command {foreign.pk} is failed already.",
        f"There is no command {10**12}.",
        "status",
        "The message is not JSON",
        "The message is not an object.",
        "id",
        "there is no such device",
    ]


# Waking


def test_a_device_that_comes_back_is_told_everything_however_much_waits(monkeypatch):
    device = make_device()
    orders = [Order(device.pk, "restart")] * 7
    send_commands(orders=orders, at=NOON)
    monkeypatch.setattr("devices.services.delivering.FORGOTTEN_AT_ONCE", 3)

    assert wake_commands(device_ids=[device.pk], at=SOON) == 7

    assert set(Command.objects.values_list("push_at", flat=True)) == {SOON}
    assert wake_commands(device_ids=[device.pk], at=SOON) == 0
