"""A WebSocket as a client holds thousands of: no more than the frames a server sends, read as fast as is wished."""

import asyncio
import base64
import os
import socket
import struct
from collections.abc import Callable

SMALL = 4096  # bytes that the kernel takes for a reader who is slow
ADDRESSES = 8  # a sender's address has 28,000 ports, and its own queue of the half-open
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
LOST = 1006


class Wire(asyncio.Protocol):
    """`opened` when the server has accepted, `closed` with its code at the end."""

    def __init__(self, request: bytes, take: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[int] = loop.create_future()
        self._request, self._take, self._at_a_time = request, take, False
        self._buffer = bytearray()
        self._code = LOST
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.opened.done():
            head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.transport.close()
                return
            self.opened.set_result(None)
            self._buffer = bytearray(rest)
        self._read_frames()
        if self._at_a_time:
            self.pause()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("not accepted"))
        if not self.closed.done():
            self.closed.set_result(self._code)

    def pause(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def read_once(self) -> None:
        """From now on every read is followed by a pause."""
        self._at_a_time = True
        self.resume()

    def resume(self, *, for_good: bool = False) -> None:
        self._at_a_time = self._at_a_time and not for_good
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def say(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def _send(self, kind: int, payload: bytes) -> None:
        """Masked with zeros, which leaves it as it is."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack("!H", size)
        self.transport.write(bytes([0x80 | kind]) + length + bytes(4) + payload)

    def _read_frames(self) -> None:
        while len(self._buffer) >= 2:
            kind, size, at = self._buffer[0] & 15, self._buffer[1], 2
            if size == 126:
                size, at = int.from_bytes(self._buffer[2:4]), 4
            elif size == 127:
                size, at = int.from_bytes(self._buffer[2:10]), 10
            if len(self._buffer) < at + size:
                return
            payload = bytes(self._buffer[at : at + size])
            del self._buffer[: at + size]
            self._take_frame(kind, payload)

    def _take_frame(self, kind: int, payload: bytes) -> None:
        if kind == TEXT:
            self._take(payload)
        elif kind == PING:
            self._send(PONG, payload)
        elif kind == CLOSE:
            self._code = int.from_bytes(payload[:2]) if payload else 1005
            self._send(CLOSE, payload[:2])


async def open_wire(
    port: int, bearer: str, take: Callable[[bytes], None], *, number: int, is_slow: bool
) -> Wire:
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {bearer}\r\n\r\n"
    )
    line = socket.socket()
    line.setblocking(False)
    if is_slow:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    line.bind((f"127.0.0.{1 + number % ADDRESSES}", 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", port))
    _, wire = await loop.create_connection(lambda: Wire(request.encode(), take), sock=line)
    await wire.opened
    return wire
