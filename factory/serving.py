"""daphne's server with an end: on SIGTERM it finishes what it began and goes, within ten seconds in any case."""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from daphne.server import Server as DaphneServer
from daphne.server import twisted_loop
from django.conf import settings
from twisted.internet import reactor
from twisted.logger import globalLogBeginner

from factory import draining
from factory.http_door import Factory, Request
from factory.socket_door import Socket, SocketFactory

logger = logging.getLogger(__name__)

CLOSE_RESTARTING = 1012
IDLE_GRACE = 0.25  # a connection may carry a request that we have not read yet
RECEIVING_GRACE = 2.0  # what is still being sent may be sent again: nobody was told it had arrived
SOCKET_GRACE = 1.0
CLOSE_GRACE = 20  # for a slow reader to come as far as our close frame
LAST_RESORT = 1.0


class Server(DaphneServer):
    """HTTP and WebSockets on one listening socket."""

    def __init__(self, application: Any, listener: socket.socket, *, drain_seconds: float) -> None:
        super().__init__(
            application,
            endpoints=["a socket that we were given"],
            signal_handlers=False,
            http_timeout=settings.REQUEST_TIMEOUT,
            websocket_timeout=-1,
            # Whoever answers no ping is gone WS_TIMEOUT after the last word.
            ping_interval=settings.WS_TIMEOUT / 3,
            ping_timeout=settings.WS_TIMEOUT / 2,
            websocket_handshake_timeout=20,  # who comes with thousands waits for the answer who they are
            application_close_timeout=5,
            server_name="",
        )
        self.listener = listener
        self.drain_seconds = drain_seconds
        self.leaving: asyncio.Task[None] | None = None

    def run(self) -> None:
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = Factory(self)
        self.ws_factory = SocketFactory(self, server=self.server_name)
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            closeHandshakeTimeout=CLOSE_GRACE,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
        )
        globalLogBeginner.beginLoggingTo([log_failure], redirectStandardIO=False, discardBuffer=True)
        asyncio.set_event_loop(twisted_loop)
        self.listener.setblocking(False)  # to accept everything that waits, it accepts until there is none
        self.port = reactor.adoptStreamPort(self.listener.fileno(), self.listener.family, self.http_factory)
        self.listener.close()  # the reactor listens on its own copy
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        for number in (signal.SIGTERM, signal.SIGINT):
            twisted_loop.add_signal_handler(number, self.leave)
        reactor.run(installSignalHandlers=False)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """As daphne's, but whoever makes a long answer, or has much to say on a socket, waits for its reader."""
        await super().handle_reply(protocol, message)
        if isinstance(protocol, Socket) or (message.get("more_body") and isinstance(protocol, Request)):
            await protocol.writable.wait()

    def leave(self) -> None:
        """Begin to end; asked a second time, end at once."""
        if self.leaving is not None:
            go()
        last_resort = threading.Timer(self.drain_seconds + SOCKET_GRACE + LAST_RESORT, go)
        last_resort.daemon = True
        last_resort.start()
        self.leaving = twisted_loop.create_task(self._leave())

    async def _leave(self) -> None:
        try:
            logger.info("web.draining")
            self.port.stopListening()
            work = asyncio.create_task(asyncio.to_thread(draining.begin))
            await self._finish_requests(work)
            await self._close_sockets()
            logger.info("web.stopped")
        except Exception:
            logger.exception("web.drain_failed")
        finally:
            go()

    async def _finish_requests(self, work: asyncio.Task[None]) -> None:
        """Wait for answers under way and for the registered work, closing every connection when it may be."""
        began = time.monotonic()
        while (waited := time.monotonic() - began) < self.drain_seconds:
            open_ones = [channel for channel in self.http_factory.channels if channel.is_http]
            if not open_ones and work.done():
                return
            for channel in open_ones:
                channel.persistent = False
                grace = RECEIVING_GRACE if channel.is_receiving else IDLE_GRACE
                if waited > grace and (not channel.is_answering or channel.is_streaming):
                    channel.loseConnection()
            await asyncio.sleep(0.02)
        logger.warning("web.drain_cut_short", extra={"connections": len(open_ones), "work_done": work.done()})

    async def _close_sockets(self) -> None:
        """Tell every WebSocket that a successor is coming, and let its consumer say goodbye."""
        sockets = [known for known in self.connections if isinstance(known, Socket)]
        for known in sockets:
            if known.state == known.STATE_OPEN:
                known.sendCloseFrame(CLOSE_RESTARTING, b"restarting")
            elif known.state == known.STATE_CONNECTING and hasattr(known, "handshake_deferred"):
                known.serverReject()
        applications = [
            told["application_instance"]
            for known in sockets
            if (told := self.connections.get(known)) and "application_instance" in told
        ]
        if applications:
            await asyncio.wait(applications, timeout=SOCKET_GRACE)


def go() -> None:
    """Leave for sure: threads that hang in a request would hold up an ordinary exit."""
    logging.shutdown()
    os._exit(0)


def log_failure(event: dict[str, Any]) -> None:
    failure = event.get("log_failure")
    if failure is not None:
        told = (failure.type, failure.value, failure.getTracebackObject())
        logger.error("web.failure", exc_info=told)
