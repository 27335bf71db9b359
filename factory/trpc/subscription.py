"""Subscriptions, whichever way they are sent: who asks, what is asked, and values one after the other."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from inspect import isawaitable
from typing import Any, TypeVar
from urllib.parse import quote

from channels.db import database_sync_to_async
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from factory import deadline
from factory.tracked import Tracked
from factory.trpc import wire
from factory.trpc.call import STRANGER, Call, Identity
from factory.trpc.errors import TRPCError
from factory.trpc.gateway import Gateway
from factory.trpc.router import Procedure
from factory.trpc.superjson import UNDEFINED
from factory.trpc.wire import Dialect

Result = TypeVar("Result")
# Says at every heartbeat who it is now, and ends when they may hear nothing more (factory/live/ending.py).
Watch = Callable[[Identity, Callable[[], Awaitable[Identity]]], AsyncIterator[Identity]]
THREADS = ThreadPoolExecutor(16, thread_name_prefix="subscriptions")
END = object()
ENDED = "The session or token that opened this has ended."


async def in_thread(work: Callable[[], Result]) -> Result:
    """Procedures, and the question who is asking, are synchronous, use the database, and end in time."""

    def in_time() -> Result:
        with deadline.within(deadline.seconds_for("")):
            return work()

    return await database_sync_to_async(in_time, thread_sensitive=False, executor=THREADS)()


def request_of(scope: Mapping[str, Any], *, method: str, params: Mapping[str, str]) -> HttpRequest:
    """The request that opened a stream, as procedures know requests. `token` of the connection params is a Bearer."""
    headers = list(scope["headers"])
    token = params.get("token", "")
    if token and not any(name.lower() == b"authorization" for name, _ in headers):
        headers.append((b"authorization", b"Bearer " + token.encode("latin-1", "replace")))
    http = {**scope, "type": "http", "method": method, "headers": headers}
    http["scheme"] = {"ws": "http", "wss": "https"}.get(
        scope.get("scheme", "http"), scope.get("scheme", "http")
    )
    http.setdefault("raw_path", quote(scope["path"]).encode())
    return ASGIRequest(http, io.BytesIO())


def identify(gateway: Gateway, request: HttpRequest) -> Identity:
    """Who opened a stream. Settings say which names this host answers to, and that holds here too."""
    try:
        request.get_host()
    except DisallowedHost:
        raise TRPCError("BAD_REQUEST", "This server does not answer to that name.") from None
    return gateway.identify_once(request)


def with_last_event_id(given: Any, last: str | None) -> Any:
    """The input as a subscription sees it: with the id after which it is to go on."""
    if last is None or last == "":
        return given
    if given is UNDEFINED or given is None:
        return {"lastEventId": last}
    return {**given, "lastEventId": last} if isinstance(given, dict) else given


async def open_values(
    gateway: Gateway,
    procedure: Procedure,
    call: Call,
    *,
    raw: Any,
    dialect: Dialect,
    last_event_id: str | None,
) -> "Values":
    """What a subscription says. Once this returns it listens, and its client may be told so."""

    def open_it() -> Any:
        return gateway.run(
            call, procedure, lambda: with_last_event_id(wire.open_input(raw, dialect), last_event_id)
        )

    source = await in_thread(open_it)
    return Values(procedure, await source if isawaitable(source) else source)


class Values:
    """One after the other. Whoever has them closes them, begun or not."""

    def __init__(self, procedure: Procedure, source: Any) -> None:
        self._write = procedure.write
        self._source = source

    async def next(self) -> tuple[str | None, Any] | None:
        """(id or None, value as JSON-like); None at the end."""
        value = await anext(self._source, END)
        if value is END:
            return None
        id, told = (value.id, value.data) if isinstance(value, Tracked) else (None, value)
        return id, self._write(told) if self._write else told

    async def aclose(self) -> None:
        await self._source.aclose()


def watching(
    watch: Watch | None, gateway: Gateway, request: HttpRequest, identity: Identity
) -> AsyncIterator[Identity] | None:
    """Nobody watches over strangers: they hear only what is for everybody."""
    if watch is None or identity == STRANGER:
        return None
    return watch(identity, partial(in_thread, partial(gateway.identify_once, request)))
