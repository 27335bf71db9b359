"""tRPC over a WebSocket, for `wsLink`: an ASGI application that answers calls and sends subscriptions.

Queries and mutations run in threads, side by side; a slow one holds up nobody. Keep-alive is the protocol's own
ping: a `PING` text from here would break clients of version 10.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest

from factory.limits.rates import Rate
from factory.limits.window import Window
from factory.trpc import superjson, wire
from factory.trpc.call import STRANGER, Identity
from factory.trpc.download import Download
from factory.trpc.errors import TRPCError, refusal_for
from factory.trpc.frames import Asked, read_frames
from factory.trpc.gateway import Gateway, check_permission
from factory.trpc.router import Procedure
from factory.trpc.subscription import ENDED, Watch, identify, in_thread, open_values, request_of, watching
from factory.trpc.superjson import UNDEFINED
from factory.trpc.wire import Dialect

logger = logging.getLogger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

CLOSE_TRY_AGAIN = 1013
CLOSE_REFUSED = 4400
CLOSE_STRANGER = 4401
CLOSE_TOO_MANY = 4429
AT_ONCE = 100  # calls and subscriptions of one connection
PATIENCE = 10.0  # seconds for the connection params, where they were announced
RECONNECT_GRACE = 0.5  # seconds to move over to another process, before this one closes


class TrpcSocket:
    """Every connection of one process to a gateway."""

    def __init__(self, gateway: Gateway, *, watch: Watch | None = None, rate: Rate | None = None) -> None:
        self.gateway = gateway
        self.watch = watch
        self.rate = rate  # of requests on one connection
        self._open: set[_Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        await receive()
        await send({"type": "websocket.accept"})
        connection = _Connection(self, scope, receive, send)
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
            await connection.end()

    def say_goodbye(self) -> None:
        """Ask every client to move over, and give it a moment; from any thread but the loop's."""
        if self._loop is None or not self._open:
            return
        asyncio.run_coroutine_threadsafe(self._ask_to_reconnect(), self._loop).result(timeout=2)

    async def _ask_to_reconnect(self) -> None:
        asked = [connection.say({"id": None, "method": "reconnect"}) for connection in self._open]
        await asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(RECONNECT_GRACE)


@dataclass(eq=False)
class _Followed:
    """A subscription under way. `why` it is ended, where that is not the client's own wish."""

    procedure: Procedure
    task: asyncio.Task[None] | None = None
    why: TRPCError | None = None

    def end(self, why: TRPCError | None = None) -> None:
        self.why = self.why or why
        if self.task is not None:
            self.task.cancel()


class _Connection:
    def __init__(self, socket: TrpcSocket, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        self.socket = socket
        self.gateway = socket.gateway
        self.scope = scope
        self.receive = receive
        self.send = send
        self.request: HttpRequest | None = None
        self.identity: Identity = STRANGER
        self.received = Window(socket.rate)
        self.running: set[asyncio.Task[None]] = set()
        self.followed: dict[tuple[type, Any], _Followed] = {}
        self.is_open = True

    # From the first frame to the last

    async def run(self) -> None:
        try:
            params = await self._connection_params()
            self.request = request_of(self.scope, method="GET", params=params)
            self.identity = await in_thread(partial(self._identify, self.request))
        except _Gone:
            return
        except Exception as error:
            await self._turn_away(CLOSE_REFUSED, refusal_for(error, None))
            return
        guard = asyncio.create_task(self._guard(self.request))
        try:
            with contextlib.suppress(_Gone):
                while self.is_open:
                    await self._hear(await self._text())
        finally:
            guard.cancel()
            await asyncio.gather(guard, return_exceptions=True)

    async def end(self) -> None:
        """Nobody is there any more: whatever still runs for them stops, but for calls that have begun."""
        self.is_open = False
        await self._end_all()

    async def _end_all(self, why: TRPCError | None = None) -> None:
        followed = list(self.followed.values())
        for each in followed:
            each.end(why)
        await asyncio.gather(*(each.task for each in followed if each.task), return_exceptions=True)

    def _identify(self, request: HttpRequest) -> Identity:
        identity = identify(self.gateway, request)
        if identity.ambient:
            try:
                self.gateway.check_origin(request)
            except TRPCError:
                return STRANGER  # a page of somebody else's does not ride on our cookie
        return identity

    async def _connection_params(self) -> dict[str, str]:
        """The first frame, where the address says that it brings them; requests wait behind it."""
        announced = wire.parse_query(self.scope.get("query_string", b"").decode("latin-1")).connection
        if announced != "1":
            return {}
        try:
            text = await asyncio.wait_for(self._text(), PATIENCE)
        except TimeoutError:
            raise TRPCError("TIMEOUT", "The connection params did not come.") from None
        frame = wire.parse_json(text.encode(errors="replace"))
        if not isinstance(frame, dict) or frame.get("method") != "connectionParams":
            raise TRPCError("PARSE_ERROR", "The first frame must bring the connection params.")
        return wire.connection_params(frame.get("data"))

    async def _text(self) -> str:
        while True:
            message = await self.receive()
            if message["type"] == "websocket.disconnect":
                self.is_open = False
                raise _Gone
            text = message.get("text")
            if text is None:
                text = (message.get("bytes") or b"").decode("utf-8", "replace")
            if text == "PING":
                await self.send({"type": "websocket.send", "text": "PONG"})
            elif text != "PONG":
                return text

    async def _guard(self, request: HttpRequest) -> None:
        watched = watching(self.socket.watch, self.gateway, request, self.identity)
        if watched is None:
            return
        code, why = CLOSE_STRANGER, TRPCError("UNAUTHORIZED", ENDED)
        try:
            async for identity in watched:
                self._go_on_as(identity)
        except Exception as error:  # whom nobody watches over hears nothing
            code, why = CLOSE_TRY_AGAIN, refusal_for(error, None)
        await self._end_all(why)
        await self._turn_away(code, why)

    def _go_on_as(self, identity: Identity) -> None:
        """The same person, perhaps in another role."""
        self.identity = identity
        for each in list(self.followed.values()):
            try:
                check_permission(each.procedure, identity)
            except TRPCError as refusal:
                each.end(refusal)

    # From the client

    async def _hear(self, text: str) -> None:
        asked = read_frames(text, self.gateway.dialect)
        if not self.received.takes(max(1, len(asked))):
            refusal = TRPCError("TOO_MANY_REQUESTS", "Too many messages.")
            await self._turn_away(CLOSE_TOO_MANY, refusal)
            return
        for each in asked:
            await self._take(each)

    async def _take(self, asked: Asked) -> None:
        key = (type(asked.id), asked.id)
        if asked.refusal is not None:
            await self._refuse(asked, asked.refusal)
        elif asked.method == "subscription.stop":
            if key in self.followed:
                self.followed[key].end()
        elif len(self.running) + len(self.followed) >= AT_ONCE:
            await self._refuse(asked, TRPCError("TOO_MANY_REQUESTS", f"At most {AT_ONCE} calls at a time."))
        elif key in self.followed:
            await self._refuse(asked, TRPCError("BAD_REQUEST", f"Duplicate id {asked.id}"))
        else:
            procedure = self.gateway.registry.find(asked.path)
            if procedure is None or procedure.kind != asked.method:
                words = f'No "{asked.method}"-procedure on path "{asked.path}"'
                await self._refuse(asked, TRPCError("NOT_FOUND", words))
            elif procedure.kind == "subscription":
                followed = self.followed[key] = _Followed(procedure)
                followed.task = asyncio.create_task(self._follow(asked, followed))
                followed.task.add_done_callback(lambda _: self.followed.pop(key, None))
            else:
                task = asyncio.create_task(self._answer(asked, procedure))
                self.running.add(task)
                task.add_done_callback(self.running.discard)

    async def _answer(self, asked: Asked, procedure: Procedure) -> None:
        try:
            value = await in_thread(partial(self._call, asked, procedure))
            await self._data(asked, value)
        except Exception as error:
            await self._refuse(asked, refusal_for(error, asked.path))

    def _call(self, asked: Asked, procedure: Procedure) -> Any:
        if procedure.downloads:
            raise TRPCError("BAD_REQUEST", f"{asked.path} answers with a file: ask for it over HTTP.")
        assert self.request is not None
        call = self.gateway.admit(self.request, procedure, self.identity)
        value = self.gateway.run(call, procedure, lambda: wire.open_input(asked.input, asked.dialect))
        assert not isinstance(value, Download)
        return value

    async def _follow(self, asked: Asked, followed: _Followed) -> None:
        procedure = followed.procedure
        try:
            assert self.request is not None
            call = self.gateway.admit(self.request, procedure, self.identity)
            source = await open_values(
                self.gateway,
                procedure,
                call,
                raw=asked.input,
                dialect=asked.dialect,
                last_event_id=asked.last_event_id,
            )
            async with contextlib.aclosing(source):
                await self._result(asked, {"type": "started"})
                while (told := await source.next()) is not None:
                    id, value = told
                    await self._data(asked, value, id)
            await self._result(asked, {"type": "stopped"})
        except asyncio.CancelledError:
            if followed.why is not None:
                await self._refuse(asked, followed.why)
            else:
                await self._result(asked, {"type": "stopped"})
        except Exception as error:
            await self._refuse(asked, refusal_for(error, asked.path))

    # To the client

    async def _data(self, asked: Asked, value: Any, id: str | None = None) -> None:
        result: dict[str, Any] = {"type": "data"}
        told = value if id is None else {"id": id, "data": None if value is UNDEFINED else value}
        if asked.dialect is Dialect.SUPERJSON:
            result["data"] = superjson.encode(told)
        elif told is not UNDEFINED:
            result["data"] = told
        if id is not None:
            result["id"] = id
        await self._result(asked, result)

    async def _result(self, asked: Asked, result: dict[str, Any]) -> None:
        await self.say({**asked.echo, "result": result})

    async def _refuse(self, asked: Asked, refusal: TRPCError) -> None:
        await self.say({**asked.echo, "error": _error(refusal.shape(asked.path or None), asked.dialect)})

    async def say(self, frame: dict[str, Any]) -> None:
        if self.is_open:
            await self.send({"type": "websocket.send", "text": wire.dumps(frame).decode()})

    async def _turn_away(self, code: int, refusal: TRPCError) -> None:
        error = _error(refusal.shape(None), self.gateway.dialect or Dialect.UNKNOWN)
        await self.say({"id": None, "error": error})
        if self.is_open:
            self.is_open = False
            await self.send({"type": "websocket.close", "code": code})


class _Gone(Exception):
    """The client has left."""


def _error(shape: Mapping[str, Any], dialect: Dialect) -> Any:
    if dialect is Dialect.SUPERJSON:
        return superjson.encode(dict(shape))
    return {**shape, "json": shape} if dialect is Dialect.UNKNOWN else shape
