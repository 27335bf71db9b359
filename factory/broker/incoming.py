"""The bytes of a client that the door has let in."""

import asyncio
import time

from amqtt.adapters import ReaderAdapter
from amqtt.mqtt.connect import ConnectPacket


class Incoming(ReaderAdapter):
    """What a client sends, beginning with the CONNECT that the door has read already."""

    def __init__(self, stream: asyncio.StreamReader, *, connect: ConnectPacket, largest: int) -> None:
        self.connect = connect
        self._stream = stream
        self._begins = bytes(connect.to_bytes())
        self._largest = largest
        self.heard = time.monotonic()

    async def read(self, n: int = -1) -> bytes:
        if self._begins:
            piece, self._begins = self._begins[:n], self._begins[n:]
            return piece
        if n > self._largest:
            self._stream.set_exception(ConnectionResetError("packet too large"))
        if n == 1:
            await asyncio.sleep(0)  # a packet's beginning: let those before it be dealt with
        data = await self._stream.readexactly(n)
        self.heard = time.monotonic()
        return data

    def feed_eof(self) -> None:
        self._stream.feed_eof()
