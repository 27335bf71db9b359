"""Sockets to the whole application, and whoever opens them."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.utils import timezone

from factory.accounts.services import open_session
from factory.asgi import application
from tests.builders import make_device, make_token, make_user, store
from tests.declared import assert_said

STRANGER = 4401


def now():
    return datetime.now(UTC)


@sync_to_async
def a_session(role="user"):
    user = make_user(role=role)
    return user, open_session(user=user, at=timezone.now())


a_device = sync_to_async(make_device)
a_token = sync_to_async(lambda device: make_token(device, at=timezone.now()))
stored = sync_to_async(store)


class Socket(WebsocketCommunicator):
    async def subscribe(self, *channels, **options):
        await self.send_json_to({"type": "subscribe", "channels": list(channels), **options})

    async def next(self, *types):
        """The next message of one of these types, as (type, data)."""
        while True:
            message = await self.receive_json_from(timeout=5)
            assert_said(message)
            if not types or message["type"] in types:
                return message["type"], message["data"]

    async def closed_with(self) -> int:
        while True:
            output = await self.receive_output(timeout=5)
            if output["type"] == "websocket.close":
                return output["code"]


@asynccontextmanager
async def connected(*, cookie="", bearer="", origin="", subprotocols=None):
    headers = [(b"host", b"testserver")]
    if cookie:
        headers.append((b"cookie", f"app_session_id={cookie}".encode()))
    if bearer:
        headers.append((b"authorization", f"Bearer {bearer}".encode()))
    if origin:
        headers.append((b"origin", origin.encode()))
    socket = Socket(application, "/ws", headers=headers, subprotocols=subprotocols)
    accepted, socket.chosen = await socket.connect(timeout=5)
    assert accepted
    yield socket
    await socket.disconnect()


async def a_viewer():
    _, token = await a_session()
    return connected(bearer=token)
