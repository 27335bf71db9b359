"""Messages that are cheaper dealt with together: a thread takes all that wait, in their order."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from django.db import DataError, Error, IntegrityError, close_old_connections, connection

from factory.errors import Unavailable
from factory.live.topics import FIRST_WAIT, LONGEST_WAIT, Desk, Message

logger = logging.getLogger(__name__)

AT_ONCE = 500
PAUSE_SECONDS = 0.005  # between two transactions, in which SQLite lets others write
Handle = Callable[[Sequence[Message]], Sequence[str | None]]


class Together:
    """A batch handler around `handle(messages)`, which says of each why it is refused, or None.

    A database that is away, or `Unavailable`, means: again later. Any other failure costs the message at fault
    only, since each is then tried alone.
    """

    def __init__(self, desk: Desk, handle: Handle, *, name: str) -> None:
        self._desk = desk
        self._handle = handle
        self._name = name
        self._waiting: deque[Message] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def take(self, messages: Sequence[Message]) -> None:
        with self._wake:
            if self._thread is None:
                # A daemon: what it has not finished stays with the broker.
                self._thread = threading.Thread(target=self._work_for_ever, name=self._name, daemon=True)
                self._thread.start()
            self._waiting.extend(messages)
            self._wake.notify()

    def _work_for_ever(self) -> None:
        while True:
            messages = self._next()
            wait = FIRST_WAIT
            while messages := self._deal_with(messages):
                time.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            time.sleep(PAUSE_SECONDS)

    def _next(self) -> list[Message]:
        with self._wake:
            while not self._waiting:
                self._wake.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]

    def _deal_with(self, messages: Sequence[Message]) -> list[Message]:
        """Those that have to be tried again."""
        current = [message for message in messages if self._desk.is_current(message)]
        if not current:
            return []  # the broker delivers them again
        try:
            close_old_connections()
            reasons = self._handle(current)
        except (Error, Unavailable) as error:
            if not isinstance(error, DataError | IntegrityError):
                logger.warning("mqtt.put_off", extra={"topic": current[0].topic, "error": str(error)})
                connection.close()
                return current
            return self._find_fault(current, error)
        except Exception as error:
            return self._find_fault(current, error)
        self._desk.call(lambda: self._settle(current, reasons))
        return []

    def _find_fault(self, messages: list[Message], error: Exception) -> list[Message]:
        if len(messages) > 1:
            return [left for message in messages for left in self._deal_with([message])]
        logger.error("mqtt.handler_failed", extra={"topic": messages[0].topic}, exc_info=error)
        reason = f"{type(error).__name__} on our side"
        self._desk.call(lambda: self._settle(messages, [reason]))
        return []

    def _settle(self, messages: Sequence[Message], reasons: Sequence[str | None]) -> None:
        told = list(zip(messages, reasons, strict=True))
        self._desk.finish([message for message, reason in told if reason is None])
        for message, reason in told:
            if reason is not None:
                self._desk.refuse(message, reason)
