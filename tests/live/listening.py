"""Subscriptions to the whole application, as their clients write and read them."""

import asyncio
import json
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator

from factory.asgi import application


class Listening(ApplicationCommunicator):
    """An event stream. Pings and `connected` are passed over."""

    def __init__(self, path, given=None, *, bearer="", headers=(), application=application, **query):
        if given is not None:
            query["input"] = json.dumps(given)
        self.rest = b""
        all_headers = [(b"host", b"testserver"), *headers]
        if bearer:
            all_headers.append((b"authorization", f"Bearer {bearer}".encode()))
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "http_version": "1.1",
            "path": f"/api/trpc/{path}",
            "raw_path": f"/api/trpc/{path}".encode(),
            "query_string": urlencode(query).encode(),
            "headers": all_headers,
            "client": ["127.0.0.1", 1],
            "server": ["testserver", 80],
        }
        super().__init__(application, scope)

    async def start(self):
        await self.send_input({"type": "http.request", "body": b"", "more_body": False})
        begun = await self.receive_output(timeout=5)
        self.headers = dict(begun["headers"])
        return begun["status"]

    async def lines(self):
        """The next event as {field: value}."""
        while b"\n\n" not in self.rest:
            message = await self.receive_output(timeout=5)
            self.rest += message["body"]
        text, _, self.rest = self.rest.partition(b"\n\n")
        return dict(line.split(": ", 1) for line in text.decode().split("\n"))

    async def next(self):
        """What is told next: (id, data), or (event, data) for what is no data."""
        while True:
            event = await self.lines()
            if event.get("event") in {"ping", "connected"}:
                continue
            data = json.loads(event["data"]) if event["data"] else None
            return event.get("event") or event.get("id"), data

    async def is_quiet(self, *, seconds):
        """Whether nothing but pings comes."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            while b"\n\n" in self.rest:
                if (await self.lines()).get("event") != "ping":
                    return False
            if not await self.receive_nothing(timeout=0.1):
                self.rest += (await self.receive_output(timeout=1))["body"]
        return b"data: {" not in self.rest

    async def leave(self):
        await self.send_input({"type": "http.disconnect"})
        await self.wait(timeout=5)


@asynccontextmanager
async def listening(path, given=None, **options):
    stream = Listening(path, given, **options)
    assert await stream.start() == 200
    assert (await stream.lines())["event"] == "connected"
    yield stream
    await stream.leave()


async def refused(path, given=None, **options):
    """The error a subscription is answered with, as (code, message); nothing comes after it."""
    stream = Listening(path, given, **options)
    assert await stream.start() == 200
    event, error = await stream.next()
    while event != "serialized-error":
        event, error = await stream.next()
    await stream.wait(timeout=5)
    return error["data"]["code"], error["message"]


class Socket(WebsocketCommunicator):
    async def ask(self, *frames):
        await self.send_json_to(frames[0] if len(frames) == 1 else list(frames))

    async def next(self):
        return await self.receive_json_from(timeout=5)

    async def closed_with(self) -> int:
        output = await self.receive_output(timeout=5)
        assert output["type"] == "websocket.close", output
        return output["code"]


@asynccontextmanager
async def connected(*, bearer="", headers=(), query="", application=application):
    all_headers = [(b"host", b"testserver"), *headers]
    if bearer:
        all_headers.append((b"authorization", f"Bearer {bearer}".encode()))
    socket = Socket(application, f"/ws-trpc{query}", headers=all_headers)
    accepted, _ = await socket.connect(timeout=5)
    assert accepted
    yield socket
    await socket.disconnect()


def subscribe(id, path, given=None, **more):
    params = {"path": path, **({} if given is None else {"input": given}), **more}
    return {"id": id, "method": "subscription", "params": params}
