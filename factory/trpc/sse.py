"""Subscriptions as server-sent events, for `httpSubscriptionLink`: an ASGI application, for these GETs only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse

from factory.trpc import superjson, wire
from factory.trpc.call import Call, Identity
from factory.trpc.errors import TRPCError, refusal_for
from factory.trpc.gateway import Gateway, check_permission
from factory.trpc.router import Procedure
from factory.trpc.subscription import (
    ENDED,
    Values,
    Watch,
    identify,
    in_thread,
    open_values,
    request_of,
    watching,
)
from factory.trpc.superjson import UNDEFINED
from factory.trpc.wire import Dialect

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
END = b"event: return\ndata: \n\n"
PING = b"event: ping\ndata: \n\n"


class EventStreams:
    """`serves(scope)` says which requests are for here; all else is the gateway's."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        prefixes: tuple[str, ...],
        ping_seconds: float,
        watch: Watch | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        self.gateway = gateway
        self.headers = headers  # of every answer
        self.prefixes = prefixes
        self.ping_seconds = ping_seconds
        self.watch = watch

    def serves(self, scope: Mapping[str, Any]) -> bool:
        return scope["method"] == "GET" and self._find(scope) is not None

    def _find(self, scope: Mapping[str, Any]) -> Procedure | None:
        path = scope["path"]
        prefix = next((prefix for prefix in self.prefixes if path.startswith(prefix)), None)
        if prefix is None:
            return None
        procedure = self.gateway.registry.find(path.removeprefix(prefix).strip("/"))
        if procedure is None or procedure.kind != "subscription":
            return None
        return None if wire.parse_query(scope["query_string"].decode("latin-1")).batch else procedure

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        procedure = self._find(scope)
        assert procedure is not None
        await _Stream(self, procedure, scope, send).run(receive)


class _Stream:
    """One answer, from `connected` to `return`, an error, or the moment its reader goes."""

    def __init__(
        self, streams: EventStreams, procedure: Procedure, scope: Mapping[str, Any], send: Send
    ) -> None:
        self.streams = streams
        self.gateway = streams.gateway
        self.procedure = procedure
        self.scope = scope
        self.send = send
        self.dialect = self.gateway.dialect or Dialect.UNKNOWN
        self.watched: AsyncIterator[Identity] | None = None

    async def run(self, receive: Receive) -> None:
        telling = asyncio.create_task(self._tell())
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
        finally:
            for task in (telling, leaving):
                task.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self) -> None:
        try:
            call, source = await self._open()
        except Exception as error:
            await self._start()
            await self._write(self._failure(error), more=False)
            return
        await self._start(call)
        inactivity = int(self.streams.ping_seconds * 4000)
        await self._write(b'event: connected\ndata: {"reconnectAfterInactivityMs":%d}\n\n' % inactivity)
        guard = asyncio.create_task(self._guard())
        step: asyncio.Task[tuple[str | None, Any] | None] | None = None
        try:
            while True:
                step = step or asyncio.create_task(source.next())
                await asyncio.wait(
                    {step, guard}, timeout=self.streams.ping_seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if guard.done():
                    guard.result()
                if not step.done():
                    await self._write(PING)
                    continue
                told, step = step.result(), None
                if told is None:
                    break
                await self._write(self._event(*told))
            await self._write(END, more=False)
        except Exception as error:
            await self._write(self._failure(error), more=False)
        finally:
            guard.cancel()
            if step is not None:
                step.cancel()
            await asyncio.gather(guard, *([step] if step else []), return_exceptions=True)
            await source.aclose()

    async def _open(self) -> tuple[Call, Values]:
        query = wire.parse_query(self.scope["query_string"].decode("latin-1"))
        raw = wire.parse_json(query.input.encode(errors="replace"))
        if self.gateway.dialect is None:
            self.dialect = wire.dialect_of([raw])
        params = wire.read_connection_params(query.connection)
        request = request_of(self.scope, method="GET", params=params)
        identity = await in_thread(lambda: identify(self.gateway, request))
        verdict = await in_thread(lambda: self.gateway.judge(request, identity))
        if verdict is not None and not verdict.allows(0):
            raise verdict.refusal()
        call = self.gateway.admit(request, self.procedure, identity)
        self.watched = watching(self.streams.watch, self.gateway, request, identity)
        last = request.headers.get("last-event-id") or query.last_event_id
        return call, await open_values(
            self.gateway, self.procedure, call, raw=raw, dialect=self.dialect, last_event_id=last
        )

    async def _guard(self) -> None:
        """Raises when who opened this may hear no more of it; waits for ever where nobody can tell."""
        if self.watched is not None:
            async for identity in self.watched:
                check_permission(self.procedure, identity)
            raise TRPCError("UNAUTHORIZED", ENDED)
        await asyncio.Event().wait()

    def _event(self, id: str | None, value: Any) -> bytes:
        if self.dialect is Dialect.SUPERJSON:
            value = superjson.encode(value)
        data = wire.dumps(None if value is UNDEFINED else value)
        return b"data: %b\n\n" % data if id is None else b"data: %b\nid: %b\n\n" % (data, id.encode())

    def _failure(self, error: Exception) -> bytes:
        shape = refusal_for(error, self.procedure.path).shape(self.procedure.path)
        if self.dialect is Dialect.SUPERJSON:
            told: Any = superjson.encode(shape)
        else:
            told = {**shape, "json": shape} if self.dialect is Dialect.UNKNOWN else shape
        return b"event: serialized-error\ndata: %b\n\n" % wire.dumps(told)

    async def _start(self, call: Call | None = None) -> None:
        notes = HttpResponse(content_type="text/event-stream")
        notes.headers["Cache-Control"] = "no-cache, no-transform"
        notes.headers["X-Accel-Buffering"] = "no"
        notes.headers["Vary"] = "trpc-accept, accept"
        origins = [value for name, value in self.scope["headers"] if name.lower() == b"origin"]
        origin = origins[0].decode("latin-1") if origins else ""
        if origin and self.gateway.allows_origin(origin):
            notes.headers["Access-Control-Allow-Origin"] = origin
            notes.headers["Access-Control-Allow-Credentials"] = "true"
            notes.headers["Vary"] += ", origin"
        if call is not None:
            call.write_notes(notes)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in notes.items()]
        headers += self.streams.headers
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _write(self, text: bytes, *, more: bool = True) -> None:
        await self.send({"type": "http.response.body", "body": text, "more_body": more})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
