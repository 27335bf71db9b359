"""Our one connection to the MQTT broker: it takes messages in for the rooms' topics and acknowledges them when done.

paho speaks the protocol; the loop around it is ours, so that everything happens in one thread and the
handlers' work between two looks at the socket is done for many messages at once.
"""

import contextlib
import logging
import random
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, cast

from paho.mqtt import client as paho

from factory import counters
from factory.live.mqtt_wire import CONNECT_SECONDS, Wire, new_client
from factory.live.topics import BatchHandler, BatchTopic, Message, OneByOne, Topic

logger = logging.getLogger(__name__)

PREFIX = "factory"
KEEPALIVE_SECONDS = 30
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # between two tries to connect
HELD_MESSAGES = 20_000  # taken from the broker and not finished; past it nothing more is read
HELD_BYTES = 64 * 1024 * 1024
PAUSE_SECONDS = 0.25  # at most, between two looks at whether we may go on
TOLD_SECONDS = 10.0  # at most one line of log about refused messages in this time


class Broker:
    """Where the broker is and who we are there."""

    def __init__(
        self, host: str, port: int, *, tls: bool = False, username: str = "", password: str = ""
    ) -> None:
        self.host, self.port, self.tls = host, port, tls
        self.username, self.password = username, password

    def connect(self, client: paho.Client) -> None:
        """Begin to connect; raises OSError where nobody is there."""
        if self.username:
            client.username_pw_set(self.username, self.password or None)
        if self.tls:
            client.tls_set_context(ssl.create_default_context())
        client.connect(self.host, self.port, keepalive=KEEPALIVE_SECONDS)


class Intake:
    """Takes messages from the broker as long as it may; a thread runs `run` until `stop`.

    The session is kept by the broker under a fixed name: what we have not acknowledged when a connection
    ends comes again in the next one, whoever of us that is. Two at once do each other no harm: the broker
    throws out the older connection, and what both have taken is a duplicate.
    """

    def __init__(
        self,
        topics: Iterable[Topic | BatchTopic],
        *,
        broker: Callable[[], Broker],
        client_id: str,
        may_serve: Callable[[], bool],
        keep_refused: Callable[..., object],
    ) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self._broker = broker
        self._client_id = client_id
        self._may_serve = may_serve
        self._handlers: dict[str, BatchHandler] = {
            topic.name: topic.open(self) for topic in self._topics.values() if isinstance(topic, BatchTopic)
        }
        self._one_by_one = OneByOne(self, keep_refused)
        self._client: paho.Client | None = None
        self._wire: Wire | None = None  # while connected
        self._untaken: deque[tuple[int, Callable[[], object]]] = (
            deque()
        )  # publications, and what follows them
        self._connection = 0
        self._is_at_work = False  # welcomed by the broker
        self._has_subscribed = False
        self._failures, self._trouble = 0, ""  # to connect, in a row
        self._held = self._held_bytes = 0
        self._under_way: dict[str, int] = {}  # batch messages of a device that are not finished
        self._behind: dict[str, deque[Message]] = {}  # plain messages that wait for those
        self._calls: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._is_taking = True
        self._ended = threading.Event()
        self._refusals = 0
        self._refusals_told_at = float("-inf")

    # From any thread

    def call(self, work: Callable[[], object]) -> None:
        self._calls.append(work)
        with contextlib.suppress(OSError):  # full: it is awake anyway; closed: nobody is left
            self._wake_in.send(b".")

    def is_connected(self) -> bool:
        return self._is_at_work and self._may_serve()

    def stop_taking(self) -> None:
        """Read nothing more; what is under way may still be finished and acknowledged."""
        self._is_taking = False

    def stop(self) -> None:
        """End `run`, with everything that is finished by now acknowledged."""
        self._ended.set()
        self.call(lambda: None)

    # The desk

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), work))

    def is_current(self, message: Message) -> bool:
        return self._wire is not None and message.connection == self._connection

    def finish(self, messages: Sequence[Message]) -> None:
        # The number of an earlier connection may stand for another message by now.
        ours = [message for message in messages if message.connection == self._connection]
        if self._wire is not None:
            self._wire.acknowledge([message.receipt for message in ours if message.receipt])
        for message in ours:
            self._held -= 1
            self._held_bytes -= len(message.payload)
            if message.topic in self._handlers:
                self._leave(message.device)

    def refuse(self, message: Message, reason: str) -> None:
        self._refusals += 1
        counters.mqtt_refused.inc()
        if time.monotonic() - self._refusals_told_at >= TOLD_SECONDS:
            logger.warning(
                "mqtt.refused",
                extra={
                    "count": self._refusals,
                    "device": message.device,
                    "topic": message.topic,
                    "reason": reason,
                },
            )
            self._refusals, self._refusals_told_at = 0, time.monotonic()
        self._one_by_one.keep(message, reason)

    def publish(self, device: str, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self._wire is not None:
            self._wire.publish(f"{PREFIX}/{device}/{topic}", payload, retain=retain)

    def when_taken(self, work: Callable[[], object]) -> None:
        if self._wire is not None:
            self._untaken.append((self._wire.published, work))
            self._tell_what_was_taken(self._wire)

    def _tell_what_was_taken(self, wire: Wire) -> None:
        while self._untaken and self._untaken[0][0] <= wire.taken:
            self._do(self._untaken.popleft()[1])

    def _leave(self, device: str) -> None:
        """A batch message of this device is over; plain ones may have waited for the last of them."""
        left = self._under_way[device] - 1
        if left:
            self._under_way[device] = left
            return
        del self._under_way[device]
        for message in self._behind.pop(device, ()):
            self._hand_over(message)

    # The loop

    def run(self) -> None:
        """Connect, serve, and connect again, for ever with growing pauses."""
        wait = FIRST_WAIT
        while not self._ended.is_set():
            if not self._may_serve():
                self._idle(0.1)
                continue
            began = time.monotonic()
            try:
                self._serve()
            except Exception:
                logger.exception("mqtt.failed")
            finally:
                self._disconnect()
            has_lasted = time.monotonic() - began > LONGEST_WAIT + CONNECT_SECONDS
            wait = FIRST_WAIT if has_lasted else min(wait * 2, LONGEST_WAIT)
            self._idle(wait * random.uniform(0.5, 1.0))
        self._one_by_one.end(timeout=1.0)
        self._wake_in.close()
        self._wake_out.close()

    def _idle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._ended.is_set() and (left := end - time.monotonic()) > 0:
            select.select([self._wake_out], [], [], min(left, self._pause()))
            self._do_what_is_due()

    def _serve(self) -> None:
        """One connection, until it or our time is over."""
        try:
            client = self._connect()
        except OSError as error:
            self._tell_of_trouble(str(error))
            return
        try:
            self._serve_by(client, cast(Wire, self._wire))
        except OSError as error:
            logger.warning("mqtt.connection_lost", extra={"error": str(error)})

    def _serve_by(self, client: paho.Client, wire: Wire) -> None:
        looked_after = time.monotonic()
        self._read(client, wire)  # what came together with the broker's welcome
        while self._may_serve() and not self._is_over():
            if client.socket() is not wire:
                raise ConnectionError("the broker closed the connection")
            client.loop_write()
            wire.flush()
            may_read = self._is_taking and self._has_room()
            is_waiting = may_read and wire.has_more()
            sources: list[Any] = [self._wake_out, *([wire] if may_read else [])]
            sinks = [wire] if wire.has_unsent() else []
            ready, _, _ = select.select(sources, sinks, [], 0 if is_waiting else self._pause())
            if is_waiting or wire in ready:
                wire.fill()
                self._read(client, wire)
            self._do_what_is_due()
            if time.monotonic() - looked_after > 1.0:
                looked_after = time.monotonic()
                client.loop_misc()

    def _is_over(self) -> bool:
        return self._ended.is_set() and not self._calls

    def _has_room(self) -> bool:
        return self._held < HELD_MESSAGES and self._held_bytes < HELD_BYTES

    def _pause(self) -> float:
        if self._calls:
            return 0.0
        if not self._timers:
            return PAUSE_SECONDS
        return min(max(self._timers[0][0] - time.monotonic(), 0.0), PAUSE_SECONDS)

    def _read(self, client: paho.Client, wire: Wire) -> None:
        while True:
            self._take(wire.publications())
            self._tell_what_was_taken(wire)
            if not wire.offer_next() or client.loop_read() != paho.MQTT_ERR_SUCCESS:
                return

    def _do_what_is_due(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_out.recv(4096)
        while self._calls:
            self._do(self._calls.popleft())
        while self._timers and self._timers[0][0] <= time.monotonic():
            self._do(heappop(self._timers)[2])

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            logger.exception("mqtt.work_failed")

    # Messages

    def _take(self, publications: Iterable[tuple[bool, str, int, bytes]]) -> None:
        batches: dict[str, list[Message]] = {}
        for is_retained, topic, number, payload in publications:
            _, device, name = topic.split("/", 2)
            message = Message(device, name, payload, is_retained, number, self._connection)
            self._held += 1
            self._held_bytes += len(payload)
            if name in self._handlers:
                self._under_way[device] = self._under_way.get(device, 0) + 1
                batches.setdefault(name, []).append(message)
            elif device in self._under_way:
                self._behind.setdefault(device, deque()).append(message)
            else:
                self._hand_over(message)
        for name, messages in batches.items():
            counters.mqtt_messages.labels(name).inc(len(messages))
            self._handlers[name].take(messages)

    def _hand_over(self, message: Message) -> None:
        topic = self._topics.get(message.topic)
        if isinstance(topic, Topic):
            counters.mqtt_messages.labels(topic.name).inc()
            self._one_by_one.handle(message, topic)
        else:  # of an older release's subscription
            self.refuse(message, "nobody takes messages on this topic")

    # Connecting

    def _connect(self) -> paho.Client:
        broker = self._broker()
        client = self._client = new_client(self._client_id, clean=False)
        answers: list[Any] = []
        client.on_connect = lambda client, data, flags, reason, properties: answers.append((flags, reason))
        broker.connect(client)
        self._begin_anew(cast(Wire, client.socket()))
        end = time.monotonic() + CONNECT_SECONDS
        while not answers and (wire := self._wire) is client.socket() and wire is not None:
            client.loop_write()
            wire.flush()
            left = end - time.monotonic()
            if left <= 0 or not select.select([wire], [], [], left)[0]:
                raise TimeoutError("the broker does not answer")
            wire.fill()
            if wire.offer_next():
                client.loop_read()
        if not answers:
            raise ConnectionError("the broker closed the connection")
        flags, reason = answers[0]
        if reason.is_failure:
            raise ConnectionError(f"the broker refuses: {reason}")
        # Subscribing has the broker send all retained messages again, so only where something may be new.
        if not flags.session_present or not self._has_subscribed:
            client.on_subscribe = lambda *_: self._is_served(broker)
            client.subscribe([(f"{PREFIX}/+/{name}", 1) for name in self._topics])
        else:
            self._is_served(broker)
        return client

    def _begin_anew(self, wire: Wire) -> None:
        """What is not finished of the connection before comes again in this one."""
        self._connection += 1
        self._wire = wire
        self._held = self._held_bytes = 0
        self._under_way, self._behind = {}, {}
        self._untaken.clear()

    def _tell_of_trouble(self, trouble: str) -> None:
        """Once, however often it is tried; but not of a broker that is only just starting."""
        self._failures += 1
        if self._failures > 1 and trouble != self._trouble:
            logger.warning("mqtt.connection_failed", extra={"error": trouble})
            self._trouble = trouble

    def _is_served(self, broker: Broker) -> None:
        self._has_subscribed = True
        self._failures, self._trouble = 0, ""
        self._is_at_work = True
        logger.info("mqtt.connected", extra={"broker": f"{broker.host}:{broker.port}"})

    def _disconnect(self) -> None:
        """Leave; what is not acknowledged stays with the broker."""
        client, self._client, self._wire = self._client, None, None
        self._is_at_work = False
        if client is None or client.socket() is None:
            return
        with contextlib.suppress(OSError):
            client.loop_write()
            client.disconnect()
            client.loop_write()  # closes the socket when it has sent everything
