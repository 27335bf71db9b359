"""One connection to an MQTT broker, down at the packets. paho speaks the protocol, but for the two busiest kinds."""

import contextlib
import socket
import ssl
from collections.abc import Iterable
from typing import Any, cast

from paho.mqtt import client as paho

CONNECT_SECONDS = 5.0
READ_BYTES = 131_072  # at most, before what they bring is looked at
PUBLISH, QOS, RETAIN, PUBACK = 0x30, 0x06, 0x01, 0x40


class Wire:
    """What paho takes for its socket.

    paho asks for each packet in three pieces, sends each answer alone and spends most of its time on book-keeping;
    that made up more than half of what a reading cost us. So here the kernel is asked once for many packets,
    publications are read and acknowledged without paho (MQTT 3.1.1, sections 3.3 and 3.4), and paho gets whole
    packets of every other kind: it connects, subscribes, keeps alive and takes its leave.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._in = b""
        self._at = 0  # how far it has been read
        self._parts: list[bytes] = []  # of a big packet, joined once when all of it is here
        self._missing = 0  # of that packet
        self._offered = 0  # how far paho may read
        self._out = bytearray()
        self._is_over = False
        self._last_id = 0
        self.published = self.taken = (
            0  # publications of ours, and how many of them the broker has acknowledged
        )

    # For us

    def fill(self) -> None:
        """Take in what the kernel has."""
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        self._is_over = not data
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing > 0 and data:
            return
        self._in = b"".join((self._in[self._at :], *self._parts))
        self._parts.clear()
        self._at = self._offered = self._missing = 0

    def has_more(self) -> bool:
        """Whether TLS has received something that the kernel does not tell of."""
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def publications(self) -> list[tuple[bool, str, int, bytes]]:
        """(retained, topic, packet id or 0, payload) of the publications that are here whole and come next."""
        found = []
        data, at = self._in, self._at
        while (bounds := _bounds(data, at)) is not None and bounds[1] <= len(data):
            start, end = bounds
            kind = data[at]
            if kind & 0xF0 == PUBLISH:
                payload = start + 2 + (data[start] << 8 | data[start + 1])
                topic = data[start + 2 : payload].decode(errors="replace")
                number = 0
                if kind & QOS:
                    number = data[payload] << 8 | data[payload + 1]
                    payload += 2
                found.append((bool(kind & RETAIN), topic, number, data[payload:end]))
            elif kind == PUBACK:  # of our own publications: they come in order (MQTT 3.1.1, section 4.6)
                self.taken += 1
            else:
                break
            at = end
        self._at = at
        return found

    def offer_next(self) -> bool:
        """Let paho read the packet that comes next, if it is here whole; and the end, if that has come."""
        bounds = _bounds(self._in, self._at)
        if bounds is None:
            return self._is_over
        self._missing = bounds[1] - len(self._in)
        if self._missing <= 0:
            self._offered = bounds[1]
        return self._missing <= 0 or self._is_over

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._last_id = self._last_id % 65_535 + 1
        self.published += 1
        name = topic.encode()
        head = len(name).to_bytes(2, "big")
        size = 2 + len(name) + 2 + len(payload)
        self._out += b"%b%b%b%b%b%b" % (
            b"\x33" if retain else b"\x32",
            _length(size),
            head,
            name,
            self._last_id.to_bytes(2, "big"),
            payload,
        )

    def acknowledge(self, numbers: Iterable[int]) -> None:
        self._out += b"".join([b"\x40\x02" + number.to_bytes(2, "big") for number in numbers])

    def has_unsent(self) -> bool:
        return bool(self._out)

    def flush(self) -> None:
        """Send what the kernel takes; the rest when it says that it takes more."""
        while self._out:
            try:
                sent = self._sock.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            del self._out[:sent]

    # For paho

    def recv(self, size: int) -> bytes:
        if self._at >= self._offered:
            if self._is_over:
                return b""
            raise BlockingIOError
        data = self._in[self._at : self._at + size]
        self._at += len(data)
        return data

    def send(self, data: bytes | bytearray) -> int:
        self._out += data
        return len(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.flush()
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)


def _bounds(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the contents of the packet at `at` begin and will end; None when not even that is here."""
    end = len(data)
    if at + 2 > end:
        return None
    size, start, shift = data[at + 1], at + 2, 7
    if size > 127:
        size &= 127
        while True:
            if start >= end:
                return None
            digit = data[start]
            start += 1
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
    return start, start + size


def _length(size: int) -> bytes:
    if size < 128:
        return bytes((size,))
    digits = bytearray()
    while size > 127:
        digits.append(size & 127 | 128)
        size >>= 7
    digits.append(size)
    return bytes(digits)


class _Paho(paho.Client):
    def _create_socket(self) -> Any:
        return Wire(cast(socket.socket, super()._create_socket()))


def new_client(client_id: str, *, clean: bool = True) -> paho.Client:
    """A client of MQTT 3.1.1 whose loop is its owner's; its socket is a `Wire`."""
    client = _Paho(
        paho.CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=clean,
        protocol=paho.MQTTv311,
        manual_ack=True,
    )
    client.connect_timeout = CONNECT_SECONDS
    client.on_socket_register_write = lambda *_: None  # or paho would write at every call
    return client
