"""WebSockets as daphne speaks them, where whoever writes learns whether it is read."""

import asyncio
import logging
import time
from typing import Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings

from factory.live.outgoing import CLOSE_BEHIND

logger = logging.getLogger(__name__)


class Socket(WebSocketProtocol):
    """One connection. `writable` is set while its reader keeps up with the 64 kB that wait here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writable = asyncio.Event()
        self.writable.set()
        self.stuck_since: float | None = None

    def onOpen(self) -> None:
        # The transport still tells the HTTP connection that this once was, and keeps all of it for that.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        super().onOpen()

    def handle_reply(self, message: dict[str, Any]) -> None:
        """To one who is being closed, by us or by themselves, nothing is said any more."""
        if message["type"] != "websocket.send" or self.state in (self.STATE_CONNECTING, self.STATE_OPEN):
            super().handle_reply(message)

    def onClose(self, was_clean: bool, code: int | None, reason: str | None) -> None:
        self.writable.set()
        super().onClose(was_clean, code, reason)

    # What the transport tells whoever writes

    def pauseProducing(self) -> None:
        if self.stuck_since is None:
            self.stuck_since = time.monotonic()
        self.writable.clear()

    def resumeProducing(self) -> None:
        self.stuck_since = None
        self.writable.set()

    def stopProducing(self) -> None:
        self.writable.set()

    def check_timeouts(self) -> None:
        super().check_timeouts()
        is_stuck = self.stuck_since is not None and time.monotonic() - self.stuck_since > settings.WS_BEHIND
        if is_stuck and self.state == self.STATE_OPEN:
            logger.info("web.socket_not_read", extra={"path": self.path})
            self.sendClose(code=CLOSE_BEHIND)


class SocketFactory(WebSocketFactory):
    protocol = Socket
