"""The door of the embedded amqtt broker: nobody's session is touched before the token is known.

amqtt by itself takes a client id over, deletes its session or changes its will first, and asks for the password
then; it never ends a silent connection, and reads a packet of any size.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from amqtt.adapters import BufferReader, StreamWriterAdapter
from amqtt.errors import AMQTTError, MQTTError, NoDataError
from amqtt.mqtt.connack import (
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    UNACCEPTABLE_PROTOCOL_VERSION,
)
from amqtt.mqtt.connect import ConnectPacket
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from factory.broker.careful import LISTENER, CarefulBroker, May
from factory.broker.incoming import Incoming
from factory.broker.upkeep import EVERY_SECONDS, Upkeep

logger = logging.getLogger(__name__)
CONNECT_SECONDS = 10.0  # a stranger may take to say who it is
CONNECT_BYTES = 256 * 1024  # it is a name, a token and perhaps a will
ENDING_SECONDS = 5.0
CONNECT_TYPE = 1
MQTT_311, MQTT_5 = 4, 5
CONNACK_MQTT_5_UNSUPPORTED = bytes([0x20, 3, 0, 0x84, 0])

Identify = Callable[..., int | None]
AliveAmong = Callable[..., set[int]]


class Refused(Exception):
    """The connection is not let in; the argument is what is sent back."""


@dataclass(eq=False)
class Connection:
    """A client that has been let in."""

    credential: int
    incoming: Incoming
    writer: asyncio.StreamWriter
    keep_alive: int
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        self.writer.transport.abort()

    def is_silent(self, now: float) -> bool:
        return self.keep_alive > 0 and now - self.incoming.heard > 1.5 * self.keep_alive


class Door:
    """Lets clients in to a broker, and ends those whose token has ended."""

    def __init__(
        self, broker: CarefulBroker, *, may: May, identify: Identify, alive_among: AliveAmong, largest: int
    ) -> None:
        self._broker = broker
        self._may = may
        self._identify = identify
        self._alive_among = alive_among
        self._largest = largest
        self._inside: dict[str, Connection] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="mqtt-database")
        self._upkeep = Upkeep(self._end_the_dead)
        self._loop = asyncio.get_running_loop()

    async def watch(self) -> None:
        """Once a second: end who may no longer be here, and who is silent for too long."""
        while True:
            await self._loop.run_in_executor(self._pool, self._upkeep.look)
            now = time.monotonic()
            for inside in list(self._inside.values()):
                if inside.is_silent(now):
                    inside.end()
            await asyncio.sleep(EVERY_SECONDS)

    def _end_the_dead(self, at: datetime) -> None:
        inside = {each.credential: each for each in list(self._inside.values()) if each.credential}
        for credential in inside.keys() - self._alive_among(inside.keys(), at=at):
            self._loop.call_soon_threadsafe(inside[credential].end)

    async def admit(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its end."""
        try:
            await self._admit(stream, writer)
        except Refused as refusal:
            (answer,) = refusal.args
            if answer:
                writer.write(answer)
                writer.close()  # sends what is written first
                return
        except (AMQTTError, MQTTError, NoDataError, OSError, EOFError, ValueError, TimeoutError):
            pass  # not MQTT, or gone
        except Exception:
            logger.exception("mqtt.connection_failed")
        writer.transport.abort()

    async def _admit(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await understand(await asyncio.wait_for(read_packet(stream), CONNECT_SECONDS))
        name = connect.username or ""
        credential = await self._loop.run_in_executor(self._pool, self._ask, name, connect.password or "")
        if credential is None:
            raise Refused(connack(NOT_AUTHORIZED))
        if connect.will_flag and not self._may(name, "publish", connect.will_topic or ""):
            raise Refused(connack(NOT_AUTHORIZED))
        connect.client_id, connect.client_id_is_random = (
            name,
            False,
        )  # as mosquitto's use_username_as_clientid
        incoming = Incoming(stream, connect=connect, largest=self._largest)
        inside = Connection(credential, incoming, writer, keep_alive=connect.keep_alive)
        await self._take_place(name, inside)
        try:
            await self._broker.external_connected(incoming, StreamWriterAdapter(writer), LISTENER)
        finally:
            await self._broker.forget_clean_session(name)
            if self._inside.get(name) is inside:
                del self._inside[name]
            inside.over.set()

    def _ask(self, name: str, password: str) -> int | None:
        close_old_connections()
        try:
            return self._identify(username=name, password=password, client_id=name, at=timezone.now())
        except DatabaseError:
            connection.close()
            raise Refused(connack(SERVER_UNAVAILABLE)) from None

    async def _take_place(self, name: str, newcomer: Connection) -> None:
        """There is one connection a name: the former one ends before the new one begins."""
        while (former := self._inside.get(name)) is not None:
            former.end()
            await asyncio.wait_for(former.over.wait(), ENDING_SECONDS)
        self._inside[name] = newcomer
        self._upkeep.forget()  # its token may have ended since it was asked for

    def end_all(self) -> None:
        for inside in list(self._inside.values()):
            inside.end()
        self._pool.shutdown(wait=False, cancel_futures=True)


async def read_packet(stream: asyncio.StreamReader) -> bytes:
    """The first packet, as it came. Only a CONNECT is read to its end."""
    head = await stream.readexactly(2)
    if head[0] >> 4 != CONNECT_TYPE:
        raise Refused(b"")
    length, shift = head[1] & 0x7F, 7
    while head[-1] & 0x80 and shift <= 21:
        head += await stream.readexactly(1)
        length |= (head[-1] & 0x7F) << shift
        shift += 7
    if length > CONNECT_BYTES:
        raise Refused(b"")
    return head + await stream.readexactly(length)


async def understand(packet: bytes) -> ConnectPacket:
    connect = await ConnectPacket.from_stream(BufferReader(packet))
    level = connect.variable_header.proto_level if connect.variable_header else None
    if level == MQTT_5:
        raise Refused(CONNACK_MQTT_5_UNSUPPORTED)
    if level != MQTT_311:
        raise Refused(connack(UNACCEPTABLE_PROTOCOL_VERSION))
    return connect


def connack(code: int) -> bytes:
    return bytes([0x20, 2, 0, code])
