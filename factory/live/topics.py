"""What devices say over MQTT. Rooms declare topics as they declare channels; the connection knows no domain."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import Error, close_old_connections, connection

from factory.errors import DomainError, Unavailable

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0  # between two tries of what could not be done now


@dataclass(slots=True, eq=False)
class Message:
    """One message on `factory/<device>/<topic>`; the broker keeps it until the desk is told it is finished."""

    device: str
    topic: str
    payload: bytes
    retained: bool
    receipt: int  # by which the broker knows it, in the connection it came by
    connection: int


class Desk(Protocol):
    """What handlers may ask of the connection. All but `call` and `is_connected` belongs to its own thread."""

    def call(self, work: Callable[[], object]) -> None:
        """Have `work` done on the connection's thread, soon; from any thread."""

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Have `work` done on the connection's thread, after a while."""

    def is_current(self, message: Message) -> bool:
        """False where its connection is over: the broker will deliver it again."""

    def finish(self, messages: Sequence[Message]) -> None:
        """These are dealt with for good, and the broker may forget them."""

    def refuse(self, message: Message, reason: str) -> None:
        """Nobody can use this one: it is counted, kept for a look, and finished."""

    def publish(self, device: str, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Say something to a device; what cannot be sent now is not sent. `retain`: also to it when it comes."""

    def is_connected(self) -> bool:
        """Whether what is said now can be sent; from any thread."""

    def when_taken(self, work: Callable[[], object]) -> None:
        """Have `work` done when the broker has all that was said so far; never, when the connection ends before."""


@dataclass(frozen=True)
class Topic:
    """Messages that are handled one at a time, in order, in a thread of their own.

    `handle(message)` returns when the message is dealt with. A `DomainError` refuses it for good;
    a database that is away, or `Unavailable`, means: again later. A message waits for those batch
    messages of its device that came before it.
    """

    name: str
    handle: Callable[[Message], object]


class BatchHandler(Protocol):
    def take(self, messages: Sequence[Message]) -> None:
        """Deal with what has just arrived, at once or later; every message is finished or refused in the end."""


@dataclass(frozen=True)
class BatchTopic:
    """Messages of which there are many. `open(desk)` makes the handler, which must not block for long."""

    name: str
    open: Callable[[Desk], BatchHandler]


class OneByOne:
    """The thread of the plain topics. What is done with a message is told to `desk`, on the desk's thread."""

    def __init__(self, desk: Desk, keep_refused: Callable[..., object]) -> None:
        self._desk = desk
        self._keep_refused = keep_refused
        self._jobs: deque[Callable[[], bool]] = deque()
        self._wake = threading.Condition()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def handle(self, message: Message, topic: Topic) -> None:
        self._add(lambda: self._handle(message, topic))

    def keep(self, message: Message, reason: str) -> None:
        """Keep a refused message for a look. If that fails it is let go all the same."""
        self._add(lambda: self._keep(message, reason))

    def end(self, *, timeout: float) -> None:
        self._ended.set()
        with self._wake:
            self._jobs.clear()
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _add(self, job: Callable[[], bool]) -> None:
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work_for_ever, name="mqtt-topics", daemon=True)
                self._thread.start()
            self._jobs.append(job)
            self._wake.notify()

    def _work_for_ever(self) -> None:
        try:
            while job := self._next():
                wait = FIRST_WAIT
                close_old_connections()
                while not self._ended.is_set() and not job():
                    connection.close()
                    self._ended.wait(wait)
                    wait = min(wait * 2, LONGEST_WAIT)
        finally:
            connection.close()

    def _next(self) -> Callable[[], bool] | None:
        with self._wake:
            while not self._jobs:
                if self._ended.is_set():
                    return None
                self._wake.wait()
            return self._jobs.popleft()

    def _handle(self, message: Message, topic: Topic) -> bool:
        """False when it has to be tried again."""
        if not self._desk.is_current(message):
            return True
        try:
            topic.handle(message)
        except (Error, Unavailable) as error:
            logger.warning("mqtt.put_off", extra={"topic": topic.name, "error": str(error)})
            return False
        except DomainError as refusal:
            reason = refusal.message
            self._tell(lambda: self._desk.refuse(message, reason))
        except Exception as error:
            logger.exception("mqtt.handler_failed", extra={"topic": topic.name})
            reason = f"{type(error).__name__} on our side"
            self._tell(lambda: self._desk.refuse(message, reason))
        else:
            self._tell(lambda: self._desk.finish([message]))
        return True

    def _keep(self, message: Message, reason: str) -> bool:
        try:
            self._keep_refused(
                external_id=message.device, topic=message.topic, payload=message.payload, reason=reason
            )
        except Error as error:
            logger.warning("mqtt.refused_not_kept", extra={"error": str(error)})
        self._tell(lambda: self._desk.finish([message]))
        return True

    def _tell(self, work: Callable[[], Any]) -> None:
        self._desk.call(work)
