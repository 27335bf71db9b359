"""A socket lives no longer than the credential that opened it, whether or not somebody says so."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from devices.identity import known_tokens
from devices.models import Credential
from devices.services import delete_devices, revoke_token, rotate_token
from factory.accounts.services import edit_user, revoke_all_sessions
from factory.live.broadcast import broadcaster
from factory.live.consumer import LiveConsumer
from tests.live.sockets import STRANGER, a_device, a_session, a_token, connected, now

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def redis_away(monkeypatch):
    """News that is sent meanwhile is lost."""
    with monkeypatch.context() as patch:
        patch.setattr(broadcaster, "send", lambda *_: None)
        yield


@pytest.fixture
def _fast_heartbeat(settings):
    settings.WS_TIMEOUT = 0.4


async def answers(socket) -> bool:
    await socket.send_json_to({"type": "ping"})
    return await socket.next("pong") == ("pong", {})


@sync_to_async
def session_ends(user):
    revoke_all_sessions(user=user, at=now())


@sync_to_async
def token_ends(token):
    revoke_token(token=token, at=now())
    known_tokens.clear()


async def test_ending_a_session_closes_its_sockets_at_once():
    user, token = await a_session()

    async with connected(bearer=token) as socket:
        assert await answers(socket)
        await session_ends(user)
        assert await socket.closed_with() == STRANGER


async def test_rotating_a_token_closes_the_devices_sockets():
    device = await a_device()

    async with connected(bearer=await a_token(device)) as socket:
        assert await answers(socket)
        await sync_to_async(rotate_token)(device=device, at=now())
        assert await socket.closed_with() == STRANGER


async def test_revoking_one_token_closes_its_sockets_and_no_others():
    device = await a_device()
    first, second = await a_token(device), await a_token(device)

    async with connected(bearer=first) as ended, connected(bearer=second) as kept:
        assert await answers(ended)
        assert await answers(kept)
        await token_ends(first)
        assert await ended.closed_with() == STRANGER
        assert await answers(kept)


async def test_deleting_a_device_closes_its_sockets():
    device, other = await a_device(), await a_device()

    async with (
        connected(bearer=await a_token(device)) as gone,
        connected(bearer=await a_token(other)) as kept,
    ):
        assert await answers(gone)
        assert await answers(kept)
        await sync_to_async(delete_devices)(devices=[device])
        assert await gone.closed_with() == STRANGER
        assert await answers(kept)


@pytest.mark.usefixtures("_fast_heartbeat")
async def test_the_heartbeat_notices_the_end_of_a_session_that_nobody_told(monkeypatch):
    user, token = await a_session()

    async with connected(bearer=token) as socket:
        assert await answers(socket)
        with redis_away(monkeypatch):
            await session_ends(user)
        assert await socket.closed_with() == STRANGER


@pytest.mark.usefixtures("_fast_heartbeat")
async def test_the_heartbeat_notices_that_a_person_is_gone():
    user, token = await a_session()

    async with connected(bearer=token) as socket:
        assert await answers(socket)
        await user.adelete()
        assert await socket.closed_with() == STRANGER


@pytest.mark.usefixtures("_fast_heartbeat")
async def test_the_heartbeat_notices_the_end_of_a_token_that_nobody_told(monkeypatch):
    token = await a_token(await a_device())

    async with connected(bearer=token) as socket:
        assert await answers(socket)
        with redis_away(monkeypatch):
            await token_ends(token)
        assert await socket.closed_with() == STRANGER


@pytest.mark.usefixtures("_fast_heartbeat")
async def test_the_heartbeat_notices_that_a_token_has_expired():
    token = await a_token(await a_device())

    async with connected(bearer=token) as socket:
        assert await answers(socket)
        await Credential.objects.aupdate(expires_at=timezone.now() - timedelta(seconds=1))
        known_tokens.clear()
        assert await socket.closed_with() == STRANGER


@pytest.mark.usefixtures("_fast_heartbeat")
async def test_another_role_is_no_reason_to_close():
    user, token = await a_session()

    async with connected(bearer=token) as socket:
        assert await answers(socket)
        await sync_to_async(edit_user)(user=user, role="operator")
        for _ in range(3):
            await socket.next("heartbeat")


async def test_a_credential_that_ends_while_the_socket_opens_is_noticed(monkeypatch):
    user, token = await a_session()
    join = LiveConsumer._join

    async def too_late(self, group):
        with redis_away(monkeypatch):
            await session_ends(user)
        await join(self, group)

    monkeypatch.setattr(LiveConsumer, "_join", too_late)

    async with connected(bearer=token) as socket:
        assert await socket.closed_with() == STRANGER


@pytest.mark.usefixtures("_fast_heartbeat")
async def test_the_heartbeat_survives_its_errors_and_says_them(monkeypatch, caplog):
    user, token = await a_session()

    def database_away(**_):
        raise OSError("the database is away")

    async with connected(bearer=token) as socket:
        assert await answers(socket)
        with redis_away(monkeypatch), monkeypatch.context() as patch:
            patch.setattr("factory.asgi.person_behind", database_away)
            await session_ends(user)
            for _ in range(3):
                await socket.next("heartbeat")
        assert await socket.closed_with() == STRANGER

    assert "live.heartbeat_failed" in [record.message for record in caplog.records]
