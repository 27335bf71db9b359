"""Group commit: one thread takes everything that waits, writes it in one transaction, then wakes the callers.

There is no timer: the next batch gathers while the last one commits. The queue is bounded and every
wait has a deadline; a caller that is turned away knows that nothing was promised.

A device that flushes the backlog of an outage goes to a lane of its own, of which a small slice is written
between two live batches: whoever reports the present hardly notices those who report the past.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, OperationalError, close_old_connections, connection

from factory import counters
from factory.errors import Unavailable
from factory.retrying import again_after_deadlock
from telemetry.batch import Outcome, Sample

logger = logging.getLogger(__name__)

QUEUE_READINGS = 50_000  # waiting at most in each lane; past it callers are turned away
COMMIT_READINGS = 5_000  # in one transaction at most (a larger single delivery still goes whole)
SLICE_READINGS = 100  # of the backlog in one transaction: what a live reading may have to wait for
SLICE_REST = 4.0  # times as long as a slice took, the backlog rests while there are live readings
LIVE_SECONDS = 1.0  # after the last live reading the backlog has the database for itself
BACKLOG_AGE_MS = 60_000  # a delivery whose newest reading is older than this tells of the past
WAIT_SECONDS = 10.0
IDLE_SECONDS = 1.0  # after which the connection is looked after before it is used again

Store = Callable[..., list[Outcome]]
Done = Callable[[list[Outcome], Exception | None], object]


class IngestBusy(Unavailable):
    """Too much is waiting, or the database did not answer in time."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """One caller's samples, until their outcomes are there and `done` has been told."""

    samples: Sequence[Sample]
    done: Done
    is_backlog: bool = False
    taken: int = 0  # how many samples have gone into a transaction
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """The samples of one caller that go into one transaction: all of them, or a slice of a backlog."""

    waiting: _Waiting
    samples: Sequence[Sample]


class GroupCommit:
    """The queue and the flushing thread of one process. `store` is `telemetry.services.store_readings`."""

    def __init__(
        self, store: Store, *, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._store = store
        self._clock = clock
        self._live: deque[_Waiting] = deque()
        self._backlog: deque[_Waiting] = deque()
        self._live_readings = self._backlog_readings = 0
        self._behind: Counter[int] = Counter()  # devices with something in the backlog lane
        self._backlog_turn = False
        self._backlog_from = self._live_until = float("-inf")  # monotonic seconds
        self._wake = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._closed = False
        self._counted = (0, 0)

    def submit(self, samples: Sequence[Sample], *, timeout: float = WAIT_SECONDS) -> list[Outcome]:
        """Store samples and wait until they are committed; one outcome each, in their order."""
        # Held until the outcomes are there: a bare lock, since an Event costs more than all else here.
        lock = threading.Lock()
        lock.acquire()
        answer: list[Any] = []

        def done(outcomes: list[Outcome], error: Exception | None) -> None:
            answer.extend((outcomes, error))
            lock.release()

        self.hand_in(samples, done)
        if not lock.acquire(timeout=timeout):
            # It may still be stored; sent again it is a duplicate, which changes nothing.
            raise IngestBusy("The database did not answer in time. Send it again.", retry_after=2)
        outcomes, error = answer
        if error is not None:
            raise error
        return outcomes

    def hand_in(self, samples: Sequence[Sample], done: Done) -> None:
        """Queue samples; `done(outcomes, error)` is called once, by the flushing thread, which must not be held up.

        Refused with `IngestBusy` when too much waits already; then `done` is never called.
        """
        waiting = _Waiting(samples, done)
        with self._wake:
            if self._closed:
                raise IngestBusy("The server is shutting down. Send it again.", retry_after=5)
            if self._is_backlog(samples):
                self._queue_backlog(waiting)
            else:
                self._refuse_when_full(self._live_readings, samples)
                self._live.append(waiting)
                self._live_readings += len(samples)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._flush_for_ever, name="ingest", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _queue_backlog(self, waiting: _Waiting) -> None:
        self._refuse_when_full(self._backlog_readings, waiting.samples)
        waiting.is_backlog = True
        self._backlog.append(waiting)
        self._backlog_readings += len(waiting.samples)
        self._behind.update({sample.device_id for sample in waiting.samples})

    def _refuse_when_full(self, readings: int, samples: Sequence[Sample]) -> None:
        if readings and readings + len(samples) > QUEUE_READINGS:
            counters.ingest_refused.inc()
            raise IngestBusy("Too many readings are waiting. Send it again later.", retry_after=2)

    def _is_backlog(self, samples: Sequence[Sample]) -> bool:
        """Of the past, or of a device whose past still waits: what it says next must not overtake that."""
        if self._behind and any(sample.device_id in self._behind for sample in samples):
            return True
        past = self._clock() - BACKLOG_AGE_MS
        return all(sample.timestamp < past for sample in samples)

    def drain(self, *, timeout: float) -> bool:
        """Take nothing new and finish what waits; False when that took longer."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
            thread = self._thread
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _flush_for_ever(self) -> None:
        try:
            used = float("-inf")
            while parts := self._take():
                self._count_waiting()
                began = time.monotonic()
                if began - used > IDLE_SECONDS:
                    close_old_connections()
                self._flush(parts)
                used = time.monotonic()
                if parts[0].waiting.is_backlog:
                    self._backlog_from = used + SLICE_REST * (used - began)
        finally:
            connection.close()

    def _take(self) -> list[_Part]:
        """What the next transaction should hold, the lanes in turns; nothing means closed and empty.

        Live first, and after each live batch a slice of the backlog if it has rested, so that neither ever starves.
        """
        with self._wake:
            while True:
                rest = self._rest()
                if self._backlog and rest <= 0 and (self._backlog_turn or not self._live):
                    self._backlog_turn = False
                    return self._take_slice()
                if self._live:
                    self._backlog_turn = True
                    self._live_until = time.monotonic() + LIVE_SECONDS
                    return self._take_live()
                if self._backlog:
                    self._wake.wait(rest)
                elif self._closed:
                    return []
                else:
                    self._wake.wait()

    def _count_waiting(self) -> None:
        live, backlog = self._live_readings, self._backlog_readings
        if (live, backlog) != self._counted:  # mostly nothing waits, and has not before
            self._counted = live, backlog
            counters.ingest_waiting.labels("live").set(live)
            counters.ingest_waiting.labels("backlog").set(backlog)

    def _rest(self) -> float:
        """For how many seconds the backlog has to hold back: the processor is shared with live readings."""
        now = time.monotonic()
        return self._backlog_from - now if now < self._live_until and not self._closed else 0.0

    def _take_live(self) -> list[_Part]:
        parts: list[_Part] = []
        readings = 0
        while self._live and (not parts or readings + len(self._live[0].samples) <= COMMIT_READINGS):
            waiting = self._live.popleft()
            parts.append(_Part(waiting, waiting.samples))
            readings += len(waiting.samples)
        self._live_readings -= readings
        return parts

    def _take_slice(self) -> list[_Part]:
        parts: list[_Part] = []
        room = SLICE_READINGS
        while self._backlog and room:
            waiting = self._backlog[0]
            samples = waiting.samples[waiting.taken : waiting.taken + room]
            parts.append(_Part(waiting, samples))
            waiting.taken += len(samples)
            room -= len(samples)
            if waiting.taken == len(waiting.samples):
                self._backlog.popleft()
        self._backlog_readings -= SLICE_READINGS - room
        return parts

    def _flush(self, parts: list[_Part]) -> None:
        try:
            outcomes = self._commit([sample for part in parts for sample in part.samples])
        except Exception as error:
            self._fail(parts, error)
            return
        place = 0
        for part in parts:
            waiting, after = part.waiting, place + len(part.samples)
            waiting.outcomes += outcomes[place:after]
            place = after
            if len(waiting.outcomes) == len(waiting.samples):
                self._finish(waiting)

    def _commit(self, samples: Sequence[Sample]) -> list[Outcome]:
        began = time.monotonic()
        outcomes = again_after_deadlock(lambda: self._store(samples=samples, received_at=self._clock()))
        counters.ingest_commits.observe(time.monotonic() - began)
        counters.ingest_batch.observe(len(samples))
        for outcome, number in Counter(outcomes).items():
            counters.readings.labels(outcome.name.lower()).inc(number)
        return outcomes

    def _fail(self, parts: list[_Part], error: Exception) -> None:
        """One caller's data must not fail the others': try each alone, unless the database is gone."""
        if len(parts) > 1 and not isinstance(error, OperationalError):
            for part in parts:
                self._flush([part])
            return
        counters.ingest_failed.inc()
        if isinstance(error, DatabaseError):
            logger.error("ingest.failed", extra={"error": str(error)})
            busy = IngestBusy("The database is not available. Send it again.", retry_after=5)
            busy.__cause__ = error  # tells who asks whether it is the database's fault or the data's
            error = busy
        else:
            logger.error("ingest.failed", exc_info=error)
        connection.close()
        for part in parts:
            self._finish(part.waiting, error)

    def _finish(self, waiting: _Waiting, error: Exception | None = None) -> None:
        if waiting.is_backlog:
            self._leave_backlog(waiting)
        try:
            waiting.done(waiting.outcomes, error)
        except Exception:
            logger.exception("ingest.caller_failed")

    def _leave_backlog(self, waiting: _Waiting) -> None:
        with self._wake:
            if waiting.taken < len(waiting.samples):  # given up half way
                self._backlog_readings -= len(waiting.samples) - waiting.taken
                self._backlog.remove(waiting)
            for device_id in {sample.device_id for sample in waiting.samples}:
                self._behind[device_id] -= 1
                if not self._behind[device_id]:
                    del self._behind[device_id]
