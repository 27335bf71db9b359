"""Commands and configuration come to a device that holds a socket."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async

from devices.models import Command, Device, Presence
from devices.services import take_due_pushes
from devices.services.configuration import set_desired
from devices.sockets import DeviceVisit
from tests.devices.commanding import be_there, make_command
from tests.live.sockets import a_device, a_token, a_viewer, connected, now

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def command_for(device, name="restart", **options):
    return make_command(device, name, at=now(), **options)


@sync_to_async
def state(command):
    command = Command.objects.get(pk=command.pk)
    return command.status, command.attempts


@sync_to_async
def presence(device):
    return Presence.objects.select_related("device").get(pk=device.pk)


@sync_to_async
def due_over_mqtt(at):
    return [push.id for push in take_due_pushes(at=at)]


async def test_a_device_gets_what_waited_for_it_and_then_what_is_sent():
    device, other = await a_device(), await a_device()
    waiting = await command_for(device, "set_speed", parameters={"rpm": 900})
    await command_for(other)

    async with connected(bearer=await a_token(device)) as socket:
        kind, data = await socket.next()
        expires = data.pop("expiresAt")
        assert (kind, data) == (
            "command",
            {"id": waiting.pk, "name": "set_speed", "parameters": {"rpm": 900}},
        )
        assert expires.endswith("Z")
        sent = await command_for(device)
        assert await due_over_mqtt(now()) == []
        kind, data = await socket.next()
        assert (kind, data["id"]) == ("command", sent.pk)
        assert await state(sent) == ("sent", 1)
        assert await socket.receive_nothing(timeout=0.2)


async def test_opening_a_socket_is_being_heard_and_closing_it_leaves_delivery_to_others():
    device = await a_device()

    async with connected(bearer=await a_token(device)) as socket:
        await socket.send_json_to({"type": "ping"})
        await socket.next("pong")
        there = await presence(device)
        assert there.device.status == Device.Status.ONLINE
        assert there.socket_until > now() + timedelta(seconds=30)

    assert (await presence(device)).socket_until is None
    command = await command_for(device)
    assert await due_over_mqtt(now()) == [command.pk]


async def test_the_end_of_one_connection_does_not_end_another_ones_hold():
    device = await a_device()
    token = await a_token(device)

    async with connected(bearer=token) as second:
        async with connected(bearer=token) as first:
            for socket in (first, second):
                await socket.send_json_to({"type": "ping"})
                await socket.next("pong")
            held = (await presence(device)).socket_until
            visit = DeviceVisit(device.pk)
            await sync_to_async(visit.look)()
        assert (await presence(device)).socket_until > held


async def test_a_device_answers_over_its_socket():
    device, other = await a_device(), await a_device()
    mine, theirs = await command_for(device), await command_for(other)

    async with connected(bearer=await a_token(device)) as socket:
        await socket.next("command")
        await socket.send_json_to({"type": "command_ack", "id": mine.pk, "status": "acknowledged"})
        assert await socket.next() == ("command_ack", {"id": mine.pk, "status": "acknowledged"})
        await socket.send_json_to(
            {"type": "command_ack", "data": {"id": mine.pk, "status": "succeeded", "result": {"took": 2}}}
        )
        assert await socket.next() == ("command_ack", {"id": mine.pk, "status": "succeeded"})
        for message, refusal in (
            ({"id": mine.pk, "status": "failed"}, f"Command {mine.pk} is succeeded already."),
            ({"id": theirs.pk, "status": "failed"}, f"Command {theirs.pk} is for another device."),
            ({"id": 10**12, "status": "failed"}, f"There is no command {10**12}."),
            ({"id": "x", "status": "failed"}, "id: must be the number of a command"),
            ({"id": mine.pk}, "status: is missing"),
            ({"status": "failed"}, "id: is missing"),
        ):
            await socket.send_json_to({"type": "command_ack", **message})
            assert await socket.next() == ("error", {"error": refusal})
    assert await state(theirs) == ("queued", 0)


async def test_a_person_answers_for_no_device_and_is_brought_nothing():
    device = await a_device()
    await sync_to_async(be_there)(device)
    command = await command_for(device)

    async with await a_viewer() as socket:
        await socket.send_json_to({"type": "command_ack", "id": command.pk, "status": "succeeded"})
        assert await socket.next() == ("error", {"error": "command_ack: not allowed here"})
        await command_for(device)
        assert await socket.receive_nothing(timeout=0.2)


async def test_lost_news_is_made_up_for_at_the_next_heartbeat(settings):
    settings.WS_TIMEOUT = 2
    device = await a_device()

    async with connected(bearer=await a_token(device)) as socket:
        await socket.send_json_to({"type": "ping"})
        await socket.next("pong")
        command = await command_for(device)
        await sync_to_async(Command.objects.filter(pk=command.pk).update)(push_at=now())
        kinds = [(await socket.next())[0] for _ in range(2)]
        assert sorted(kinds) == ["command", "heartbeat"]


async def test_the_desired_configuration_comes_when_the_socket_opens_and_when_it_changes(settings):
    settings.WS_TIMEOUT = 2
    device = await a_device()
    desire = sync_to_async(set_desired)
    await desire(device=device, desired={"interval": 5}, at=now())

    async with connected(bearer=await a_token(device)) as socket:
        assert await socket.next() == ("config", {"desired": {"interval": 5}, "version": 1})
        await desire(device=device, desired={"interval": 6}, at=now())
        assert await socket.next("config") == ("config", {"desired": {"interval": 6}, "version": 2})


async def test_what_cannot_be_said_is_left_out_and_the_rest_is_said():
    device = await a_device()
    odd = await command_for(device, "dance")
    await sync_to_async(Command.objects.filter(pk=odd.pk).update)(parameters={"serial": 2**64})
    good = await command_for(device)

    async with connected(bearer=await a_token(device)) as socket:
        kind, data = await socket.next()
        assert (kind, data["id"]) == ("command", good.pk)
