"""Messages on their way through the group commit, in their order, whatever the database does meanwhile."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DataError, Error, IntegrityError

from factory.live.topics import FIRST_WAIT, LONGEST_WAIT, Desk, Message
from telemetry.batch import Outcome
from telemetry.door import Delivery
from telemetry.ingest import COMMIT_READINGS, GroupCommit, IngestBusy

logger = logging.getLogger(__name__)

ASIDE_LIMIT = 100  # messages that cannot be stored for reasons of their own; past it the lane stands still
ASIDE_SECONDS = 60.0


@dataclass(slots=True, eq=False)
class Parcel:
    """What one message brought, until its transaction is over."""

    message: Message
    device_id: int
    delivery: Delivery
    refs: Any
    is_past: bool


class Lane:
    """One transaction's worth of parcels at a time: the next follows when that one is stored.

    So no message ever overtakes another of its device, also when the database fails one transaction and
    takes the next. What fails is tried again until it works; if it is not the database's fault the parcel
    at fault is found and set aside, where it stays with the broker and is tried again now and then.
    """

    def __init__(
        self,
        desk: Desk,
        committer: GroupCommit,
        stored: Callable[[list[Parcel], list[Outcome]], object],
    ) -> None:
        self._desk = desk
        self._committer = committer
        self._stored = stored
        self._waiting: deque[Parcel] = deque()
        self._under_way: list[Parcel] = []
        self._is_paused = False
        self._wait = FIRST_WAIT
        self._at_once = COMMIT_READINGS
        self._aside = 0
        # For what the ingest thread does as well: handing in the next parcels.
        self._lock = threading.Lock()
        self.devices: Counter[int] = Counter()  # with something in this lane

    def add(self, parcels: Iterable[Parcel]) -> None:
        parcels = list(parcels)
        self.devices.update(parcel.device_id for parcel in parcels)
        with self._lock:
            self._waiting.extend(parcels)
        self.move_on()

    def move_on(self) -> None:
        """Hand in what comes next, unless something is under way."""
        with self._lock:
            if self._under_way or self._is_paused:
                return
            parcels = self._under_way = self._take()
            if not parcels:
                return
            if len(parcels) == 1:
                samples = parcels[0].delivery.samples
            else:
                samples = [sample for parcel in parcels for sample in parcel.delivery.samples]
            try:
                self._committer.hand_in(samples, self._done)
            except IngestBusy as busy:
                self._desk.call(partial(self._put_back, parcels, busy))

    def _take(self) -> list[Parcel]:
        """The next transaction: past and present apart, since the group commit has a lane for each."""
        parcels: list[Parcel] = []
        readings = 0
        while self._waiting:
            parcel = self._waiting[0]
            if parcels and (
                parcel.is_past != parcels[0].is_past
                or readings + len(parcel.delivery.samples) > self._at_once
            ):
                break
            self._waiting.popleft()
            if not self._desk.is_current(parcel.message):
                self._desk.call(partial(self._leave, [parcel]))  # the broker delivers it again
                continue
            parcels.append(parcel)
            readings += len(parcel.delivery.samples)
        return parcels

    def _done(self, outcomes: list[Outcome], error: Exception | None) -> None:
        """On the ingest thread: hand in the next ones at once, and leave the rest to the desk's thread."""
        parcels = self._under_way
        if error is not None:
            self._desk.call(partial(self._put_back, parcels, error))
            return
        self._desk.call(partial(self._settle, parcels, outcomes))
        self._under_way = []
        self.move_on()

    def _settle(self, parcels: list[Parcel], outcomes: list[Outcome]) -> None:
        self._wait = FIRST_WAIT
        self._at_once = min(self._at_once * 2, COMMIT_READINGS)
        self._stored(parcels, outcomes)
        self._leave(parcels)

    def _leave(self, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            self.devices[parcel.device_id] -= 1
            if not self.devices[parcel.device_id]:
                del self.devices[parcel.device_id]

    def _put_back(self, parcels: list[Parcel], error: Exception) -> None:
        """Nothing of this was stored. It keeps its place, before everything that came later."""
        with self._lock:
            self._under_way = []
            is_at_fault = _is_of_its_own(error)
            if is_at_fault and len(parcels) == 1 and self._aside < ASIDE_LIMIT:
                self._set_aside(parcels[0], error)
            else:
                self._waiting.extendleft(reversed(parcels))
                if is_at_fault and len(parcels) > 1:
                    self._at_once = max(1, sum(len(p.delivery.samples) for p in parcels) // 2)
                else:
                    self._is_paused = True
                    self._desk.later(self._wait, self._resume)
                    self._wait = min(self._wait * 2, LONGEST_WAIT)
        self.move_on()

    def _resume(self) -> None:
        self._is_paused = False
        self.move_on()

    def _set_aside(self, parcel: Parcel, error: Exception) -> None:
        logger.error(
            "mqtt.set_aside",
            extra={"device": parcel.message.device, "error": f"{type(error).__name__}: {error}"},
        )
        self._aside += 1
        self._desk.later(ASIDE_SECONDS, partial(self._try_again, parcel))

    def _try_again(self, parcel: Parcel) -> None:
        self._aside -= 1
        with self._lock:
            self._waiting.append(parcel)
        self.move_on()


def _is_of_its_own(error: Exception) -> bool:
    """Whether it would fail on a database in the best of health."""
    cause = error.__cause__ if isinstance(error, IngestBusy) else error
    return isinstance(cause, DataError | IntegrityError) or not isinstance(cause, Error | None)
