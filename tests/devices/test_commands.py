"""A command's life: sent, delivered, answered, expired."""

from datetime import timedelta

import pytest
from django.db import connection
from django.dispatch import receiver
from django.test.utils import CaptureQueriesContext

from devices.command_steps import ANSWERS, ENDS, NEXT, may_follow
from devices.models import Command, Device, Presence
from devices.presence import Word, hear_status
from devices.seen_lately import seen_lately
from devices.services import (
    Ack,
    CommandKeyTaken,
    CommandMovedOn,
    CommandUnknown,
    EndedCommand,
    ForeignCommand,
    Order,
    deactivate_devices,
    delete_devices,
    end_commands_of,
    expire_commands,
    hand_over_pending,
    hear_acks,
    note_seen,
    notice_silent_devices,
    send_commands,
    set_command_type,
    take_due_pushes,
    take_pushes_of,
    wake_forgotten,
    withdraw_commands,
)
from devices.signals import commands_ended
from factory.errors import DomainError, InvalidInput
from tests.builders import NOON, make_device, make_token, make_user, sign_in
from tests.devices.commanding import SOON, answer, be_there, make_command, state_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
AGAIN = timedelta(seconds=30)


@pytest.fixture
def ended():
    """What the rooms above are told."""
    told = []

    @receiver(commands_ended, dispatch_uid="test")
    def hear(sender, ended, **kwargs):
        told.extend(ended)

    yield told
    commands_ended.disconnect(dispatch_uid="test")


# Sending


def test_orders_are_answered_in_their_order_and_remember_who_and_until_when():
    one, other, mira = make_device(), make_device(), make_user(role="operator")
    be_there(other)

    commands = send_commands(
        orders=[Order(other.pk, "set_speed", {"rpm": 900}, ttl_seconds=60), Order(one.pk, "restart")],
        at=NOON,
        by=mira,
    )

    kept = [Command.objects.get(pk=command.pk) for command in commands]
    assert [(c.device_id, c.name, c.parameters, c.status, c.attempts) for c in kept] == [
        (other.pk, "set_speed", {"rpm": 900}, "queued", 0),
        (one.pk, "restart", {}, "queued", 0),
    ]
    assert [c.expires_at for c in kept] == [NOON + timedelta(minutes=1), NOON + HOUR]
    assert [c.created_by for c in kept] == [mira, mira]
    assert [c.push_at for c in kept] == [NOON, None]


def test_who_holds_a_socket_or_was_heard_lately_is_there_whatever_its_status():
    heard, held, late = make_device(status="maintenance"), make_device(), make_device()
    be_there(heard)
    be_there(late, until=NOON)
    Presence.objects.filter(pk=held.pk).update(socket_until=SOON)

    pushes = [make_command(device).push_at for device in (heard, held, late)]

    assert pushes == [NOON, NOON, None]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"name": "1st"}, "name"),
        ({"name": "do it"}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"parameters": [1]}, "parameters"),
        ({"parameters": {"a": float("nan")}}, "parameters"),
        ({"parameters": {"a": "x" * 70_000}}, "parameters"),
        ({"ttl_seconds": 0}, "ttlSeconds"),
        ({"ttl_seconds": 40 * 86_400}, "ttlSeconds"),
        ({"ttl_seconds": True}, "ttlSeconds"),
        ({"request_key": ""}, "idempotencyKey"),
        ({"request_key": "x" * 101}, "idempotencyKey"),
        ({"device_id": 999_999}, "deviceId"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_everything_beside_it(order, field):
    device = make_device()
    good = Order(device.pk, "restart")

    with pytest.raises(InvalidInput) as refusal:
        send_commands(orders=[good, Order(**{"device_id": device.pk, "name": "restart", **order})], at=NOON)

    assert list(refusal.value.fields) == [field]
    assert Command.objects.count() == 0


def test_a_device_out_of_service_is_sent_nothing():
    device = make_device()
    Device.objects.filter(pk=device.pk).update(deactivated_at=NOON)

    with pytest.raises(InvalidInput) as refusal:
        make_command(device)

    assert refusal.value.fields == {"deviceId": [f"device {device.pk} is out of service"]}


def test_the_same_key_again_is_the_same_command_also_within_one_call():
    device = make_device()
    order = Order(device.pk, "restart", request_key="batch-1-device-1")

    (first,) = send_commands(orders=[order], at=NOON)
    again = send_commands(orders=[order, Order(device.pk, "ping"), order], at=SOON)

    assert [command.pk for command in again] == [first.pk, again[1].pk, first.pk]
    assert Command.objects.count() == 2
    twice = Order(device.pk, "restart", request_key="another")
    assert len({command.pk for command in send_commands(orders=[twice, twice], at=NOON)}) == 1


def test_keys_that_differ_in_a_capital_are_two():
    device = make_device()

    sent = send_commands(
        orders=[Order(device.pk, "restart", request_key="a"), Order(device.pk, "restart", request_key="A")],
        at=NOON,
    )

    assert len({command.pk for command in sent}) == 2


def test_a_key_that_was_used_for_something_else_is_a_conflict():
    device, other = make_device(), make_device()
    make_command(device, request_key="one")

    for order in (
        Order(other.pk, "restart", request_key="one"),
        Order(device.pk, "ping", request_key="one"),
        Order(device.pk, "restart", {"now": True}, request_key="one"),
    ):
        with pytest.raises(CommandKeyTaken):
            send_commands(orders=[order, Order(device.pk, "ping")], at=NOON)
    assert Command.objects.count() == 1


def test_a_thousand_are_sent_by_as_few_statements_as_one():
    devices = [make_device() for _ in range(3)]
    be_there(*devices)

    def statements(orders):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            send_commands(orders=orders, at=NOON)
        return len(seen)

    one = statements([Order(devices[0].pk, "restart", request_key="one")])
    many = statements(
        [Order(d.pk, "restart", {"n": n}, None, f"{d.pk} {n}") for d in devices for n in range(100)]
    )

    assert many - one < 300 / 50


# Delivering


def test_a_push_is_counted_before_it_is_made_and_made_again_until_three():
    device = make_device()
    be_there(device)
    command = make_command(device, "set_speed", parameters={"rpm": 5})

    (push,) = take_due_pushes(at=NOON)
    assert (push.id, push.external_id) == (command.pk, device.external_id)
    assert push.payload() == {
        "id": command.pk,
        "name": "set_speed",
        "parameters": {"rpm": 5},
        "expiresAt": "2026-06-01T13:00:00.000Z",
    }
    assert state_of(command) == ("sent", 1, NOON + AGAIN)
    assert take_due_pushes(at=NOON + AGAIN / 2) == []

    assert len(take_due_pushes(at=NOON + AGAIN)) == 1
    assert len(take_due_pushes(at=NOON + 2 * AGAIN)) == 1
    assert state_of(command) == ("sent", 3, None)
    assert take_due_pushes(at=NOON + 10 * AGAIN) == []


def test_an_acknowledged_one_is_not_pushed_again():
    device = make_device()
    be_there(device)
    command = make_command(device)
    take_due_pushes(at=NOON)

    answer(command, "acknowledged")

    assert state_of(command) == ("acknowledged", 1, None)


def test_an_expired_one_is_never_pushed_also_before_it_was_swept():
    device = make_device()
    be_there(device)
    make_command(device, ttl_seconds=10)

    assert take_due_pushes(at=NOON + timedelta(seconds=10)) == []


def test_who_holds_a_socket_is_told_there_only():
    device, other = make_device(), make_device()
    be_there(device, other)
    Presence.objects.filter(pk=device.pk).update(socket_until=SOON)
    mine, theirs = make_command(device), make_command(other)

    assert [push.id for push in take_due_pushes(at=NOON)] == [theirs.pk]
    assert [push.id for push in take_pushes_of(device_id=device.pk, at=NOON)] == [mine.pk]
    assert take_pushes_of(device_id=other.pk, at=NOON) == []


def test_no_more_are_taken_than_were_asked_for_the_longest_due_first():
    device = make_device()
    be_there(device)
    first = make_command(device, at=NOON)
    second = make_command(device, at=SOON)

    assert [push.id for push in take_due_pushes(at=SOON, limit=1)] == [first.pk]
    assert [push.id for push in take_due_pushes(at=SOON, limit=1)] == [second.pk]


# Coming back


def hello(device):
    hear_status(external_id=device.external_id, word=Word(is_online=True), at=SOON)


def reading(device):
    note_seen(device_ids=[device.pk], at=SOON)


@pytest.mark.parametrize("come_back", [hello, reading])
def test_one_that_was_away_gets_its_commands_on_return(come_back):
    device = make_device(status="offline")
    command, late = make_command(device), make_command(device, ttl_seconds=5)
    assert take_due_pushes(at=SOON) == []

    come_back(device)

    assert [push.id for push in take_due_pushes(at=SOON)] == [command.pk]
    assert state_of(late) == ("queued", 0, None)


def test_a_hello_begins_another_round_for_all_that_is_unfinished():
    device = make_device()
    be_there(device)
    sent, acknowledged, done = [make_command(device) for _ in range(3)]
    for attempt in range(3):
        take_due_pushes(at=NOON + attempt * AGAIN)
    answer(acknowledged, "acknowledged", at=NOON)
    answer(done, "succeeded", at=NOON)

    hello(device)
    taken = take_due_pushes(at=SOON)

    assert {push.id for push in taken} == {sent.pk, acknowledged.pk}
    assert state_of(sent) == ("sent", 4, SOON + AGAIN)
    assert state_of(acknowledged) == ("acknowledged", 4, None)


def test_readings_of_one_that_was_there_all_the_time_wake_nothing():
    device = make_device(status="online")
    be_there(device)
    make_command(device)
    take_due_pushes(at=NOON)

    with CaptureQueriesContext(connection) as seen:
        reading(device)

    assert [query["sql"] for query in seen if "devices_command" in query["sql"]] == []


def test_one_that_came_back_while_its_command_was_written_is_found_by_the_sweep():
    device, away = make_device(), make_device()
    command, waiting = make_command(device), make_command(away)
    be_there(device)

    assert wake_forgotten(at=NOON) == 1

    assert state_of(command) == ("queued", 0, NOON)
    assert state_of(waiting) == ("queued", 0, None)


# Asking


def test_who_asks_gets_everything_unfinished_each_time_under_the_same_ids():
    device, other = make_device(), make_device()
    be_there(device)
    queued, acknowledged, late = [make_command(device, ttl_seconds=ttl) for ttl in (60, 60, 5)]
    make_command(other)
    answer(acknowledged, "acknowledged")

    first = hand_over_pending(device_id=device.pk, at=SOON)
    seen_lately._remember([device.pk], float("inf"))  # the process has noted lately that it is there
    with CaptureQueriesContext(connection) as seen:
        second = hand_over_pending(device_id=device.pk, at=SOON)

    expected = [(queued.pk, "sent"), (acknowledged.pk, "acknowledged")]
    assert [(c.pk, c.status) for c in first] == [(c.pk, c.status) for c in second] == expected
    assert len(seen) == 1
    assert Presence.objects.get(pk=device.pk).last_seen_at == SOON
    assert state_of(queued) == ("sent", 0, SOON + AGAIN)
    assert state_of(late) == ("queued", 0, NOON)


# Answering


def test_the_table_of_steps_ends():
    assert {state for state, following in NEXT.items() if not following} == ENDS
    assert set(ANSWERS) < set(NEXT)


def bring_to(command, status):
    if status == "sent":
        Command.objects.filter(pk=command.pk).update(status="sent")
    elif status == "expired":
        Command.objects.filter(pk=command.pk).update(status="expired", push_at=None)
    elif status != "queued":
        assert not isinstance(answer(command, status, at=NOON), DomainError)


@pytest.mark.parametrize("said", ANSWERS)
@pytest.mark.parametrize("now", list(NEXT))
def test_every_answer_to_every_state(now, said, ended):
    command = make_command(make_device())
    bring_to(command, now)
    ended.clear()

    told = answer(command, said, result={"ok": 1})

    if now == said or may_follow(now, said):
        assert told.status == said
        assert state_of(command)[0] == said
    else:
        assert isinstance(told, CommandMovedOn)
        assert told.message == f"Command {command.pk} is {now} already."
        assert state_of(command)[0] == now
    expected = [EndedCommand(command.pk, command.device_id, said, {"ok": 1})]
    assert ended == (expected if said in ENDS and may_follow(now, said) else [])


def test_an_acknowledged_one_has_an_hour_for_its_result_and_then_is_over(settings, ended):
    command = make_command(make_device(), ttl_seconds=60)
    answer(command, "acknowledged", at=SOON)

    assert expire_commands(at=SOON + HOUR - AGAIN) == 0
    assert expire_commands(at=SOON + HOUR) == 1

    assert ended == [EndedCommand(command.pk, command.device_id, "expired", {"reason": "no result in time"})]


def test_what_came_late_but_before_the_sweep_counts():
    command = make_command(make_device(), ttl_seconds=5)

    assert answer(command, "succeeded", at=SOON).status == "succeeded"
    assert expire_commands(at=SOON) == 0


def test_many_answers_are_taken_together_each_with_its_own_end(ended):
    device, other = make_device(), make_device()
    good, foreign, over = make_command(device), make_command(other), make_command(device)
    answer(over, "failed")
    ended.clear()
    acks = [
        Ack(device.pk, good.pk, "acknowledged"),
        Ack(device.pk, good.pk, "succeeded", {"took": 3}),
        Ack(device.pk, foreign.pk, "succeeded"),
        Ack(device.pk, 10**15, "succeeded"),
        Ack(device.pk, over.pk, "acknowledged"),
        Ack(device.pk, good.pk, "done"),
        Ack(device.pk, "7", "succeeded"),
        Ack(device.pk, good.pk, "succeeded", {"a": float("inf")}),
        Ack(device.pk, good.pk, "succeeded", "x" * 70_000),
    ]

    told = hear_acks(acks=acks, at=SOON)

    assert [type(each) for each in told] == [
        Command,
        Command,
        ForeignCommand,
        CommandUnknown,
        CommandMovedOn,
        *[InvalidInput] * 4,
    ]
    assert Command.objects.get(pk=good.pk).result == {"took": 3}
    assert state_of(foreign)[0] == "queued"
    assert ended == [EndedCommand(good.pk, device.pk, "succeeded", {"took": 3})]


def test_a_thousand_answers_are_taken_by_few_statements():
    device = make_device()
    commands = send_commands(orders=[Order(device.pk, "restart") for _ in range(1000)], at=NOON)
    seen_lately._remember([device.pk], float("inf"))  # the process has noted lately that it is there

    with CaptureQueriesContext(connection) as seen:
        told = hear_acks(acks=[Ack(device.pk, c.pk, "succeeded", {"n": c.pk}) for c in commands], at=SOON)

    assert {command.status for command in told} == {"succeeded"}
    assert len(seen) <= 12
    assert {c.pk for c in commands} == {c.result["n"] for c in Command.objects.all()}


@pytest.mark.parametrize("says", ["asks", "answers", "answers for another", "asks for its configuration"])
def test_whoever_asks_or_answers_is_heard(says, client):
    device, other = make_device(), make_device()
    command = make_command(device)
    if says == "asks":
        hand_over_pending(device_id=device.pk, at=SOON)
    elif says == "asks for its configuration":
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {make_token(device)}"}
        assert client.get("/api/trpc/devices.getConfig", **bearer).status_code == 200
    else:
        answer(command if says == "answers" else make_command(other), "succeeded", device=device)

    assert Presence.objects.exclude(last_seen_at=None).get().pk == device.pk
    assert dict(Device.objects.values_list("pk", "status")) == {device.pk: "online", other.pk: "offline"}


def test_of_many_words_within_seconds_one_is_noted(django_capture_on_commit_callbacks):
    device = make_device()
    with django_capture_on_commit_callbacks(execute=True):
        hand_over_pending(device_id=device.pk, at=SOON)

    hand_over_pending(device_id=device.pk, at=SOON + timedelta(seconds=1))

    assert Presence.objects.get().last_seen_at == SOON


def test_a_person_who_reads_the_configuration_is_not_the_device(client):
    sign_in(client, make_user(role="user"))
    device = make_device()

    assert client.get("/api/trpc/devices.getConfig", {"input": f'{{"id": {device.pk}}}'}).status_code == 200

    assert Presence.objects.get().last_seen_at is None


def test_one_out_of_service_is_not_heard():
    device = make_device()
    deactivate_devices(device_ids=[device.pk], at=NOON)

    hand_over_pending(device_id=device.pk, at=SOON)

    assert Presence.objects.values_list("last_seen_at", "silent_at").get() == (None, None)


@pytest.mark.parametrize("status", ["maintenance", "error"])
def test_one_that_returns_in_another_state_gets_a_new_round_all_the_same(status):
    device = make_device(status=status)
    be_there(device, until=NOON + timedelta(minutes=3))
    command = make_command(device, ttl_seconds=86_400)
    for seconds in (0, 40, 80, 120):
        take_due_pushes(at=NOON + timedelta(seconds=seconds))
    notice_silent_devices(at=NOON + timedelta(minutes=10))
    assert state_of(command) == ("sent", 3, None)

    back = NOON + timedelta(hours=1)
    note_seen(device_ids=[device.pk], at=back)

    assert state_of(command) == ("sent", 3, back)
    assert Device.objects.get().status == status


# Ending


def test_what_nobody_can_have_seen_is_withdrawn_and_nothing_else(ended):
    device = make_device()
    be_there(device)
    pushed = make_command(device)
    take_due_pushes(at=NOON)
    waiting, other = make_command(device), make_command(device)

    assert withdraw_commands(command_ids=[pushed.pk, waiting.pk, 10**12], at=SOON) == {waiting.pk}

    assert ended == [EndedCommand(waiting.pk, device.pk, "expired", {"reason": "withdrawn"})]
    assert (state_of(pushed)[0], state_of(other)[0]) == ("sent", "queued")
    assert take_pushes_of(device_id=device.pk, at=NOON)[0].id == other.pk


def test_what_is_unfinished_of_a_device_can_be_ended_with_a_reason(ended):
    device, other = make_device(), make_device()
    commands, theirs = [make_command(device) for _ in range(3)], make_command(other)
    answer(commands[0], "acknowledged")
    answer(commands[1], "succeeded")
    ended.clear()

    gone = end_commands_of(device_ids=[device.pk], at=SOON, reason="the device was taken out of service")

    assert gone == {commands[0].pk, commands[2].pk}
    assert {each.status for each in ended} == {"expired"}
    assert state_of(theirs)[0] == "queued"


def test_a_device_that_is_deleted_has_its_commands_ended_first(ended):
    device = make_device()
    command, done = make_command(device), make_command(device)
    answer(done, "succeeded")
    ended.clear()

    delete_devices(devices=[device])

    assert ended == [EndedCommand(command.pk, device.pk, "expired", {"reason": "the device was deleted"})]
    assert Command.objects.count() == 0


def test_what_was_not_answered_in_time_expires_with_the_reason_in_words(ended):
    device = make_device()
    be_there(device)
    sent = make_command(device, ttl_seconds=5)
    take_due_pushes(at=NOON)
    queued, lasting = make_command(device, ttl_seconds=5), make_command(device)

    assert expire_commands(at=SOON) == 2

    assert {each.id: each.result for each in ended} == {
        queued.pk: {"reason": "the device did not come in time"},
        sent.pk: {"reason": "no acknowledgement in time"},
    }
    assert state_of(lasting)[0] == "queued"
    assert expire_commands(at=SOON) == 0


def test_a_declared_time_to_live_holds_where_the_sender_does_not_say():
    device = make_device(type="actuator")
    set_command_type(name="open_valve", device_type="actuator", ttl_seconds=90)
    set_command_type(name="open_valve", ttl_seconds=30)

    assert make_command(device, "open_valve").expires_at == NOON + timedelta(seconds=90)
    assert make_command(make_device(), "open_valve").expires_at == NOON + timedelta(seconds=30)
    assert make_command(device, "open_valve", ttl_seconds=7).expires_at == NOON + timedelta(seconds=7)
