"""HTTP as daphne speaks it, with our limits: what is too big is refused before it is taken in.

daphne reads a whole body before the application sees it: to memory up to 100 kB, else to a temporary
file, and from there it copies everything into memory at once. So bodies have a ceiling by path, judged
on the headers, and all bodies in memory together have one too.
"""

import asyncio
import logging
import time
import weakref
from http import HTTPStatus
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.web import http

from factory import draining
from factory.deadline import seconds_for
from factory.trpc import wire
from factory.trpc.errors import TRPCError
from factory.web_safety import raw_headers

logger = logging.getLogger(__name__)

UPLOAD_PATHS = (
    b"/admin/",
    b"/api/trpc/firmware.create",
    b"/api/v1/trpc/firmware.create",
    b"/firmware/new",
)
BODIES_IN_MEMORY_MAX = 256 * 1024 * 1024
LATE_SECONDS = 3.0  # beyond what a request may take
LINGER_SECONDS = 2.0  # a refused sender gets this long to read why, before the connection is cut
LENGTH_DIGITS = 20
LINGER_BYTES = 64 * 1024 * 1024


def ceiling(path: bytes) -> int:
    """The biggest body this path takes."""
    return settings.UPLOAD_FORM_MAX if path.startswith(UPLOAD_PATHS) else settings.REQUEST_BODY_MAX


def refusal(key: str, message: str) -> tuple[int, bytes]:
    """Status and body of a refusal, in the one shape that clients know."""
    error = TRPCError(key, message)
    return error.status, wire.failure(error.shape(None), wire.Dialect.UNKNOWN)


class Request(WebRequest):
    """One request. Its body is counted while it comes in and while the application holds it."""

    _parsePOSTFormSubmission = False  # Django parses forms; Twisted would read every upload into memory
    received = 0
    held = 0
    is_stream = False
    moved = 0.0  # when the reader last took something

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.began = time.monotonic()
        self.writable = asyncio.Event()  # the reader keeps up
        self.writable.set()

    def handleContentChunk(self, data: bytes) -> None:
        if self.channel.refused:
            return
        self.received += len(data)
        if self.received > ceiling(self.channel.path):  # chunked: no length was announced
            self.channel.refuse("PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE")
        else:
            super().handleContentChunk(data)

    def process(self) -> Any:
        if self.requestHeaders.hasHeader(b"transfer-encoding"):
            # It is all here now, so what comes after may know how much it is (WSGI takes no length for empty).
            self.requestHeaders.removeHeader(b"transfer-encoding")
            self.requestHeaders.setRawHeaders(b"content-length", [b"%d" % self.received])
        factory = self.channel.factory
        if factory.held + self.received > BODIES_IN_MEMORY_MAX:
            self.channel.refuse(
                "SERVICE_UNAVAILABLE", "Too many big requests at once.", b"Retry-After: 2\r\n"
            )
            return None
        self.held = self.received
        factory.held += self.held
        return super().process()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.is_stream = any(
                name.lower() == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in message.get("headers", ())
            )
        super().handle_reply(message)
        self.moved = time.monotonic()
        if (
            message.get("more_body")
            and self.producer is None
            and not self.finished
            and self.channel is not None
        ):
            self.registerProducer(self, True)

    # What the transport tells whoever writes

    def pauseProducing(self) -> None:
        self.writable.clear()

    def resumeProducing(self) -> None:
        self.moved = time.monotonic()
        self.writable.set()

    def stopProducing(self) -> None:
        self.writable.set()

    def check_timeouts(self) -> None:
        """An answer must begin in time, and then be read; how long all of it takes is the reader's affair."""
        if self._disconnected or (self.is_stream and self.writable.is_set()):
            return  # a stream lasts as long as somebody takes what comes
        if not hasattr(self, "request_start"):
            if time.monotonic() - self.began > seconds_for(self.channel.path.decode("latin-1")):
                self.channel.refuse("TIMEOUT", "The request did not arrive in time.")
        elif not self._response_started:
            # The thread gives up by itself and says so better; this is for one that cannot.
            if self.duration() > seconds_for(self.path.decode("latin-1")) + LATE_SECONDS:
                self.basic_error(408, b"Request Timeout", "This took too long.")
        elif time.monotonic() - self.moved > self.server.http_timeout:
            logger.warning("web.answer_not_read", extra={"path": self.path})
            self._cut()

    def handle_exception(self, exception: Exception) -> None:
        """Half an answer must not look like a whole one."""
        if self._response_started:
            self._cut()
        else:
            super().handle_exception(exception)

    def _cut(self) -> None:
        if self.channel is not None:
            self.channel.transport.abortConnection()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """What daphne itself answers: bad requests, failures and time-outs, in our shape."""
        key = {400: "BAD_REQUEST", 408: "TIMEOUT", 503: "SERVICE_UNAVAILABLE"}.get(
            status, "INTERNAL_SERVER_ERROR"
        )
        _, text = refusal(key, body)
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(text))]
        headers += raw_headers()
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append((b"Retry-After", b"2"))
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": text})

    def finish(self) -> None:
        self._let_go()
        if self.producer is not None:
            self.unregisterProducer()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._let_go()
        self.writable.set()
        super().connectionLost(reason)

    def _let_go(self) -> None:
        if self.held and self.channel is not None:
            self.channel.factory.held -= self.held
            self.held = 0


class Channel(http.HTTPChannel):
    """One connection that speaks HTTP, until it is closed or becomes a WebSocket."""

    totalHeadersSize = 32 * 1024  # a batched GET of 8 kB beside long cookies
    requestFactory = Request
    refused = False
    lingering = 0
    _path = b""  # Twisted knows it from a first line that it understands: a refused one may have none

    @property
    def path(self) -> bytes:
        return self._path

    @property
    def is_answering(self) -> bool:
        return bool(self.requests) and self._handlingRequest

    @property
    def is_streaming(self) -> bool:
        return self.is_answering and self.requests[0].is_stream

    @property
    def is_receiving(self) -> bool:
        return bool(self.requests) and not self._handlingRequest

    @property
    def is_http(self) -> bool:
        """Whether it still is: an upgrade leaves this object behind, and the end of a connection has none."""
        return getattr(self.transport, "protocol", None) is self

    def connectionMade(self) -> None:
        self.factory.channels.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Any = None) -> None:
        self.factory.channels.discard(self)
        super().connectionLost(reason)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        if draining.is_draining():
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return super().checkPersistence(request, version)

    def allHeadersReceived(self) -> None:
        if self.length is not None and self.length > ceiling(self.path):
            self.refuse("PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE")
        else:
            super().allHeadersReceived()

    def allContentReceived(self) -> None:
        if not self.refused:
            super().allContentReceived()

    def rawDataReceived(self, data: bytes) -> None:
        if not self.refused:
            super().rawDataReceived(data)
            return
        # Closing with unread data would reset the connection and take the answer with it.
        self.lingering += len(data)
        if self.lingering > LINGER_BYTES:
            self.transport.abortConnection()

    def refuse(self, key: str, message: str, headers: bytes = b"") -> None:
        """Answer now, take nothing more, and close when the sender has had time to read."""
        if self.refused:
            return
        status, body = refusal(key, message)
        self.refused = True
        headers += b"".join(b"%b: %b\r\n" % pair for pair in raw_headers())
        self.transport.write(
            b"HTTP/1.1 %d %s\r\n%bContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            % (status, HTTPStatus(status).phrase.encode(), headers, len(body))
            + body
        )
        self.setRawMode()
        self.callLater(LINGER_SECONDS, self._cut)

    def _cut(self) -> None:
        if self in self.factory.channels:
            self.loseConnection()

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        """What Twisted lets pass: `identity` beside `chunked`, which a proxy may take for the other one, and
        lengths of so many digits that Python will not read them."""
        if (header == b"Transfer-Encoding" and data.lower() != b"chunked") or (
            header == b"Content-Length" and len(data) > LENGTH_DIGITS
        ):
            self._respondToBadRequestAndDisconnect()
            return False
        return super()._maybeChooseTransferDecoder(header, data)

    # Twisted's own refusals, in the same way

    def lineReceived(self, line: bytes) -> None:
        if not self.refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse("BAD_REQUEST", "This is not HTTP as we know it, or its head is too long.")


class Factory(http.HTTPFactory):
    """Makes the channels and remembers them: draining has to see them all."""

    protocol = Channel

    def __init__(self, server: Any) -> None:
        super().__init__()
        self.server = server
        self.channels: weakref.WeakSet[Channel] = weakref.WeakSet()
        self.held = 0  # bytes of bodies that the application has

    def log(self, request: http.Request) -> None:
        """No access log: the proxy in front has one."""
