"""What is to be told to devices over MQTT, by the process that holds the connection to the broker.

The database says what is due; this looks there four times a second, and at once while there is more. It needs no Redis.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson
from django.db import Error, close_old_connections, connection
from django.utils import timezone

from devices.services import take_due_pushes
from devices.services.announcing import Announcement, due_announcements, note_announced
from devices.services.delivering import Push
from factory.live.topics import FIRST_WAIT, LONGEST_WAIT, Desk

logger = logging.getLogger(__name__)

COMMANDS, CONFIGURATION = "commands", "config"
AT_ONCE = 500
IN_FLIGHT = 4  # parcels that the broker has not acknowledged; past it nothing more is taken
PATIENCE_SECONDS = 10.0  # with a broker that does not; then what was in the parcel is due again some time
PAUSE_SECONDS = 0.25

Saying = tuple[str, str, bytes, bool]  # device, topic, payload, whether the broker keeps it


class Parcel:
    """Messages on their way to the broker."""

    def __init__(self, *, now: float) -> None:
        self.is_taken = False
        self.sent_at = now

    def is_over(self, now: float) -> bool:
        return self.is_taken or now - self.sent_at > PATIENCE_SECONDS


def _rendered(what: Push | Announcement, topic: str) -> bytes | None:
    """Each on its own: what one device cannot be told keeps nothing from the others."""
    try:
        said = what.payload()
        return said if isinstance(said, bytes) else orjson.dumps(said)
    except TypeError as error:
        logger.error(
            "courier.unsayable", extra={"device": what.external_id, "topic": topic, "error": str(error)}
        )
        return None


class Courier:
    """Takes what is due from the database to the desk; a thread runs `run` until `stop`."""

    def __init__(self, desk: Desk, *, now: Callable[[], datetime] = timezone.now) -> None:
        self._desk = desk
        self._now = now
        self._commands: deque[Parcel] = deque()
        self._announced: tuple[Parcel, list[Announcement], datetime] | None = None
        self._news = threading.Event()
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()
        self._news.set()

    def run(self) -> None:
        wait = FIRST_WAIT
        try:
            while not self._ended.is_set():
                try:
                    close_old_connections()
                    is_busy = self.look()
                except Exception as error:
                    level = logging.WARNING if isinstance(error, Error) else logging.ERROR
                    logger.log(level, "courier.failed", extra={"error": str(error)}, exc_info=level > 30)
                    connection.close()
                    self._ended.wait(wait)
                    wait = min(wait * 2, LONGEST_WAIT)
                    continue
                wait = FIRST_WAIT
                if not is_busy:
                    self._news.wait(PAUSE_SECONDS)
                self._news.clear()
        finally:
            connection.close()

    def look(self) -> bool:
        """Hand over what is due; whether there may be more that can be handed over at once."""
        if not self._desk.is_connected():
            self._commands.clear()
            self._announced = None
            return False
        self._settle()
        is_busy = self._push() if len(self._commands) < IN_FLIGHT else False
        if self._announced is None:
            self._announce()
        return is_busy and len(self._commands) < IN_FLIGHT

    def _settle(self) -> None:
        """What the broker has by now, or will not take."""
        now = time.monotonic()
        while self._commands and self._commands[0].is_over(now):
            self._commands.popleft()
        if self._announced is None or not self._announced[0].is_over(now):
            return
        (parcel, announcements, at), self._announced = self._announced, None
        if parcel.is_taken:
            note_announced(announcements, at=at)

    def _push(self) -> bool:
        pushes = take_due_pushes(at=self._now(), limit=AT_ONCE)
        if pushes:
            sayings = [
                (push.external_id, COMMANDS, payload, False)
                for push in pushes
                if (payload := _rendered(push, COMMANDS)) is not None
            ]
            self._commands.append(self._hand_over(sayings))
        return len(pushes) == AT_ONCE

    def _announce(self) -> None:
        at = self._now()
        announcements = due_announcements(at=at, limit=AT_ONCE)
        if announcements:
            # One that cannot be rendered is noted as said, too: it would be in the way of the others for ever.
            sayings = [
                (each.external_id, CONFIGURATION, payload, True)
                for each in announcements
                if (payload := _rendered(each, CONFIGURATION)) is not None
            ]
            self._announced = self._hand_over(sayings), announcements, at

    def _hand_over(self, sayings: Sequence[Saying]) -> Parcel:
        parcel = Parcel(now=time.monotonic())

        def arrived() -> None:
            parcel.is_taken = True
            self._news.set()

        def say() -> None:
            for device, topic, payload, retain in sayings:
                self._desk.publish(device, topic, payload, retain=retain)
            self._desk.when_taken(arrived)

        self._desk.call(say)
        return parcel
