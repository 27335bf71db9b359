"""Which application answers what comes in: plain HTTP, event streams, and WebSockets by their path."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from factory import counters
from factory.trpc.sse import EventStreams

Application = Callable[[Any, Any, Any], Awaitable[None]]
NOBODY = 4404


def ways_in(*, http: Any, streams: EventStreams, sockets: Mapping[str, Any]) -> Application:
    """An ASGI application. A WebSocket to a path of nobody's is turned away before it is one."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            socket = sockets.get(scope["path"].rstrip("/"))
            if socket is None:
                await receive()
                await send({"type": "websocket.close", "code": NOBODY})
            else:
                with counters.connections.labels(scope["path"].strip("/")).track_inprogress():
                    await socket(scope, receive, send)
        elif scope["type"] == "http" and streams.serves(scope):
            with counters.connections.labels("events").track_inprogress():
                await streams(scope, receive, send)
        else:
            await http(scope, receive, send)

    return application
