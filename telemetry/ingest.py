"""Group commit: one thread takes everything that waits, writes it in one transaction, then wakes the callers.

There is no timer: the next batch gathers while the last one commits. The queue is bounded and every
wait has a deadline; a caller that is turned away knows that nothing was promised.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from django.db import DatabaseError, OperationalError, close_old_connections, connection

from factory.errors import Unavailable
from factory.retrying import again_after_deadlock
from telemetry.batch import Outcome, Sample

logger = logging.getLogger(__name__)

QUEUE_READINGS = 50_000  # waiting at most; past it callers are turned away
COMMIT_READINGS = 5_000  # in one transaction at most (a larger single delivery still goes whole)
WAIT_SECONDS = 10.0
IDLE_SECONDS = 1.0  # after which the connection is looked after before it is used again

Store = Callable[..., list[Outcome]]


class IngestBusy(Unavailable):
    """Too much is waiting, or the database did not answer in time."""


class _Waiting:
    """One caller's samples, until their outcomes are there."""

    __slots__ = ("done", "error", "outcomes", "samples")

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        # Held until the outcomes are there: a bare lock, since an Event costs more than all else here.
        self.done = threading.Lock()
        self.done.acquire()
        self.outcomes: list[Outcome] = []
        self.error: Exception | None = None


class GroupCommit:
    """The queue and the flushing thread of one process. `store` is `telemetry.services.store_readings`."""

    def __init__(
        self, store: Store, *, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue: deque[_Waiting] = deque()
        self._waiting_readings = 0
        self._wake = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, samples: Sequence[Sample], *, timeout: float = WAIT_SECONDS) -> list[Outcome]:
        """Store samples and wait until they are committed; one outcome each, in their order."""
        waiting = _Waiting(samples)
        with self._wake:
            if self._closed:
                raise IngestBusy("The server is shutting down. Send it again.", retry_after=5)
            if self._waiting_readings and self._waiting_readings + len(samples) > QUEUE_READINGS:
                raise IngestBusy("Too many readings are waiting. Send it again later.", retry_after=2)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._flush_for_ever, name="ingest", daemon=True)
                self._thread.start()
            self._queue.append(waiting)
            self._waiting_readings += len(samples)
            self._wake.notify()
        if not waiting.done.acquire(timeout=timeout):
            # It may still be stored; sent again it is a duplicate, which changes nothing.
            raise IngestBusy("The database did not answer in time. Send it again.", retry_after=2)
        if waiting.error is not None:
            raise waiting.error
        return waiting.outcomes

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
            while batch := self._take():
                if time.monotonic() - used > IDLE_SECONDS:
                    close_old_connections()
                self._flush(batch)
                used = time.monotonic()
        finally:
            connection.close()

    def _take(self) -> list[_Waiting]:
        """Everything that waits, up to what one transaction should hold; nothing means closed and empty."""
        with self._wake:
            while not self._queue:
                if self._closed:
                    return []
                self._wake.wait()
            batch = [self._queue.popleft()]
            readings = len(batch[0].samples)
            while self._queue and readings + len(self._queue[0].samples) <= COMMIT_READINGS:
                batch.append(self._queue.popleft())
                readings += len(batch[-1].samples)
            self._waiting_readings -= readings
            return batch

    def _flush(self, batch: list[_Waiting]) -> None:
        samples = [sample for waiting in batch for sample in waiting.samples]
        try:
            outcomes = self._commit(samples)
        except Exception as error:
            self._fail(batch, error)
            return
        place = 0
        for waiting in batch:
            waiting.outcomes = outcomes[place : place + len(waiting.samples)]
            place += len(waiting.samples)
            waiting.done.release()

    def _commit(self, samples: Sequence[Sample]) -> list[Outcome]:
        return again_after_deadlock(lambda: self._store(samples=samples, received_at=self._clock()))

    def _fail(self, batch: list[_Waiting], error: Exception) -> None:
        """One caller's data must not fail the others': try each alone, unless the database is gone."""
        if len(batch) > 1 and not isinstance(error, OperationalError):
            for waiting in batch:
                self._flush([waiting])
            return
        if isinstance(error, DatabaseError):
            logger.error("ingest.failed", extra={"error": str(error)})
            error = IngestBusy("The database is not available. Send it again.", retry_after=5)
        else:
            logger.error("ingest.failed", exc_info=error)
        connection.close()
        for waiting in batch:
            waiting.error = error
            waiting.done.release()
