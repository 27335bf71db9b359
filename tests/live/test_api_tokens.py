"""API tokens on what stays open, subscriptions, `/ws` and `/ws-trpc`: within their scope, until their end."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.utils import timezone

from factory.accounts import services
from factory.accounts.api_tokens import revoke_token
from factory.accounts.models import ApiToken
from factory.live.broadcast import broadcaster
from tests.builders import PASSWORD, make_api_token, make_threshold, make_user
from tests.live import listening as trpc
from tests.live.sockets import STRANGER, a_device, connected, now, stored

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = ("UNAUTHORIZED", "The session or token that opened this has ended.")


@pytest.fixture(autouse=True)
def _counted_anew():
    cache.clear()


@sync_to_async
def a_program(role="operator", scope="read", **properties):
    """Somebody's, with its token."""
    user = make_user(role=role)
    return user, make_api_token(user, scope, **properties)


@sync_to_async
def token_ends(user):
    revoke_token(token_id=ApiToken.objects.get(user=user).pk, by=user, at=timezone.now())


@sync_to_async
def time_passes():
    """More than any token has."""
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


async def asked(socket, path, input=None, *, kind="mutation"):
    """How a call over `/ws-trpc` is answered: (code, message), or its data."""
    await socket.ask({"id": 7, "method": kind, "params": {"path": path, "input": input}})
    told = await socket.next()
    if "error" in told:
        return told["error"]["data"]["code"], told["error"]["message"]
    return told["result"]["data"]


async def test_a_token_for_reading_hears_what_its_owner_may_hear():
    device = await a_device()
    await sync_to_async(make_threshold)(device=device)
    _, token = await a_program()

    async with (
        trpc.listening("alerts.onAlert", bearer=token) as stream,
        trpc.connected(bearer=token) as calls,
        trpc.connected(query="?connectionParams=1") as late,
        connected(bearer=token) as channels,
        connected(subprotocols=[f"bearer.{token}"]) as browser,
    ):
        await late.ask({"method": "connectionParams", "data": {"token": token}})
        for socket in (calls, late):
            await socket.ask(trpc.subscribe(1, "alerts.onAlert"))
            assert await socket.next() == {"id": 1, "result": {"type": "started"}}
        for socket in (channels, browser):
            await socket.subscribe("alerts")
            assert await socket.next("subscription_confirm") == (
                "subscription_confirm",
                {"channels": ["alerts"]},
            )

        await stored(device, (now(), 95.0))

        heard = [(await stream.next())[1]["deviceId"]]
        heard += [(await socket.next())["result"]["data"]["data"]["deviceId"] for socket in (calls, late)]
        heard += [(await socket.next("alert"))[1]["deviceId"] for socket in (channels, browser)]
    assert heard == [device.pk] * 5
    assert browser.chosen == f"bearer.{token}"


async def test_beyond_its_scope_it_is_refused_over_the_socket_too():
    device = await a_device()
    beyond = "is beyond the scope of this token."
    sent = {"deviceId": device.pk, "name": "restart"}
    made = {"name": "more", "scope": "full", "password": PASSWORD}

    for scope, told in (("read", "FORBIDDEN"), ("operate", "queued"), ("full", "queued")):
        user, token = await a_program("technician", scope)
        async with trpc.connected(bearer=token) as socket:
            answer = await asked(socket, "commands.send", sent)
            assert (answer[0] if isinstance(answer, tuple) else answer["status"]) == told
            assert (await asked(socket, "auth.me", kind="query"))["id"] == user.pk
            for path, input in (("auth.createApiToken", made), ("auth.apiTokens", None)):
                kind = "mutation" if input else "query"
                assert await asked(socket, path, input, kind=kind) == ("FORBIDDEN", f"{path} {beyond}")
    _, operating = await a_program("technician", "operate")
    async with trpc.connected(bearer=operating) as socket:
        edited = await asked(socket, "devices.update", {"id": device.pk, "name": "Other"})
    assert edited == ("FORBIDDEN", f"devices.update {beyond}")


async def test_over_ws_it_is_no_device_whatever_it_may():
    _, token = await a_program("admin", "full")

    async with connected(bearer=token) as socket:
        await socket.send_json_to({"type": "reading", "data": {"temperature": 20.0}})
        assert await socket.next("error") == ("error", {"error": "reading: not allowed here"})


@pytest.mark.parametrize("end", ["expired", "revoked", "of a person who is out", "never was"])
async def test_what_is_over_opens_nothing(end):
    user, token = await a_program()
    if end == "expired":
        await time_passes()
    elif end == "revoked":
        await token_ends(user)
    elif end == "never was":
        token = "fat_" + "x" * 43
    else:
        await sync_to_async(services.edit_user)(user=user, is_active=False)

    assert (await trpc.refused("alerts.onAlert", bearer=token))[0] == "UNAUTHORIZED"
    async with connected(bearer=token) as socket:
        assert await socket.closed_with() == STRANGER
    async with trpc.connected(bearer=token) as socket:
        assert (await asked(socket, "devices.list", kind="query"))[0] == "UNAUTHORIZED"


@pytest.mark.parametrize("told", [True, False])
async def test_its_end_ends_what_is_open_and_nothing_of_others(told, settings, monkeypatch):
    settings.WS_TIMEOUT = 60 if told else 0.4  # where nobody tells of it, the heartbeat finds it
    user, token = await a_program()
    _, other = await a_program()
    if not told:
        monkeypatch.setattr(broadcaster, "send", lambda *_: None)

    async with (
        trpc.listening("alerts.onAlert", bearer=token) as stream,
        trpc.connected(bearer=token) as calls,
        connected(bearer=token) as channels,
        connected(bearer=other) as kept,
    ):
        await calls.ask(trpc.subscribe(1, "alerts.onAlert"))
        assert await calls.next() == {"id": 1, "result": {"type": "started"}}
        for socket in (channels, kept):
            await socket.send_json_to({"type": "ping"})
            assert await socket.next("pong") == ("pong", {})
        await token_ends(user)

        event, error = await stream.next()
        assert (event, error["data"]["code"], error["message"]) == ("serialized-error", *ENDED)
        ends = [await calls.next(), await calls.next()]
        assert [(each["id"], each["error"]["data"]["code"]) for each in ends] == [
            (1, "UNAUTHORIZED"),
            (None, "UNAUTHORIZED"),
        ]
        assert await calls.closed_with() == STRANGER
        assert await channels.closed_with() == STRANGER
        await kept.send_json_to({"type": "ping"})
        assert await kept.next("pong") == ("pong", {})


async def test_one_that_expires_while_connected_is_cut_off(settings):
    settings.WS_TIMEOUT = 0.4
    _, token = await a_program()

    async with (
        trpc.listening("alerts.onAlert", bearer=token) as stream,
        trpc.connected(bearer=token) as calls,
        connected(bearer=token) as channels,
    ):
        await calls.ask(trpc.subscribe(1, "alerts.onAlert"))
        assert await calls.next() == {"id": 1, "result": {"type": "started"}}
        await time_passes()

        assert (await stream.next())[0] == "serialized-error"
        assert [(await calls.next())["error"]["data"]["code"] for _ in range(2)] == ["UNAUTHORIZED"] * 2
        assert await calls.closed_with() == STRANGER
        assert await channels.closed_with() == STRANGER
