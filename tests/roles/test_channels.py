"""Who may listen to what: every channel of /ws, every subscription, every thing that is said there."""

import pytest

from devices.identity import DevicePrincipal
from factory.accounts.models import User
from factory.asgi import channels
from factory.live.handshake import Listener
from factory.trpc.call import STRANGER as NOBODY
from factory.trpc.call import Identity
from factory.urls import registry
from tests.live.listening import refused
from tests.live.sockets import STRANGER as CLOSED
from tests.live.sockets import a_device, a_session, a_token, connected
from tests.roles.table import CHANNELS, RANKS, SAID_BY_DEVICES, USER, has_rank

DECLARED = {channel.name: channel for _, channel in channels._channels}
SUBSCRIPTIONS = {procedure.path: procedure for procedure in registry if procedure.kind == "subscription"}
A_DEVICE = DevicePrincipal(device_id=1, external_id="press-1")


def a_person(role: str, **about) -> User:
    return User(email=f"{role}@example.com", role=role, **about)


def test_every_channel_has_a_line_in_the_table():
    assert DECLARED.keys() == CHANNELS.keys(), "Who may listen? Say it in tests/roles/table.py."
    assert channels.handlers.keys() == SAID_BY_DEVICES


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_a_channel_is_for_people_and_for_no_device(name):
    allows = DECLARED[name].allows

    heard = {role: allows(Listener(a_person(role), "")) for role in RANKS}
    assert heard == {role: has_rank(role, CHANNELS[name]) for role in RANKS}
    assert not allows(Listener(A_DEVICE, ""))
    assert not allows(Listener(a_person(USER, is_active=False), ""))


@pytest.mark.parametrize("name", sorted(channels.handlers))
def test_what_devices_say_is_said_by_no_person(name):
    allows = channels.handlers[name].allows

    assert allows(Listener(A_DEVICE, ""))
    assert [role for role in RANKS if allows(Listener(a_person(role), ""))] == []


@pytest.mark.parametrize("path", sorted(SUBSCRIPTIONS))
def test_a_subscription_is_for_people_and_for_no_device(path):
    allows = SUBSCRIPTIONS[path].permission.allows

    assert [role for role in RANKS if allows(Identity(principal=a_person(role)))] == list(RANKS)
    assert not allows(Identity(principal=A_DEVICE))
    assert not allows(NOBODY)


@pytest.mark.django_db(transaction=True)
async def test_a_stranger_hears_no_channel_and_a_device_none_of_its_own_or_anothers():
    device, other = await a_device(), await a_device()
    names = [
        name.replace("<id>", str(each.pk)) for name in DECLARED for each in (device, other) if "<id>" in name
    ]
    names += [name for name in DECLARED if "<id>" not in name]

    async with connected() as socket:
        assert await socket.closed_with() == CLOSED
    async with connected(bearer=await a_token(device)) as socket:
        for name in names:
            await socket.subscribe(name)
            assert await socket.next() == ("error", {"error": f"Unknown or forbidden: {name}"})
    _, token = await a_session()
    async with connected(bearer=token) as socket:
        await socket.subscribe(*(name for name in DECLARED if "<id>" not in name))
        assert (await socket.next())[0] == "subscription_confirm"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", sorted(SUBSCRIPTIONS))
async def test_a_stream_of_events_is_refused_to_strangers_and_devices(path):
    token = await a_token(await a_device())

    assert (await refused(path))[0] == "UNAUTHORIZED"
    assert (await refused(path, bearer=token))[0] == "FORBIDDEN"
