"""Who does a job that only one process may do at a time: a row in the database, renewed every second.

All times in the row are the database's own, and the holder counts from before it asked. So two machines
whose clocks differ agree all the same, and a holder knows that its lease has run out before anybody else
may take it, even when it cannot reach the database any more.
"""

import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import Error, close_old_connections, connection
from django.db.models import DateTimeField, ExpressionWrapper, Func, Q, Value

from factory.live.models import Lease

logger = logging.getLogger(__name__)

LEASE_SECONDS = 4.0
RENEW_SECONDS = 1.0
TRY_SECONDS = 0.5  # between two looks of a standby
MARGIN_SECONDS = 0.5  # for clocks that do not run equally fast, and for stopping what is under way
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class DatabaseTime(Func):
    """The database's clock, UTC whatever its session believes."""

    output_field = DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", ()

    def as_mysql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:
        return "UTC_TIMESTAMP(6)", ()


class LeaseKeeper:
    """One contender for one lease. `run` takes it when it is free and renews it until `stop`.

    `on_change` is told `active`, `standby` (somebody else has it) and `lost` (we had it a moment ago).
    """

    def __init__(
        self,
        name: str,
        *,
        seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str], object] = lambda state: None,
    ) -> None:
        self.name = name
        self.holder = f"{socket.gethostname()[:24]}-{uuid.uuid4().hex}"
        self._seconds = seconds
        self._clock = clock
        self._on_change = on_change
        self._until = float("-inf")  # on our own clock
        self._told = ""
        self._stop = threading.Event()

    def is_held(self) -> bool:
        return self._clock() < self._until

    def take(self) -> bool:
        """Take the lease if nobody has it, or renew it if it is ours still; whether it is ours now."""
        asked = self._clock()
        rows = Lease.objects.filter(name=self.name)
        if not self.is_held():
            free = Q(until__lte=DatabaseTime()) | Q(holder=self.holder)
            if not rows.exists():
                nobody = Lease(name=self.name, holder="", until=LONG_AGO)
                Lease.objects.bulk_create([nobody], ignore_conflicts=True)
            elif not rows.filter(free).exists():  # looking costs no write lock
                return False
            rows = rows.filter(free)
        else:
            rows = rows.filter(holder=self.holder)
        until = ExpressionWrapper(
            DatabaseTime() + Value(timedelta(seconds=self._seconds)), output_field=DateTimeField()
        )
        if rows.update(holder=self.holder, until=until):
            self._until = asked + self._seconds - MARGIN_SECONDS
            return True
        self._until = float("-inf")
        return False

    def release(self) -> None:
        """Let the next one begin at once."""
        self._until = float("-inf")
        Lease.objects.filter(name=self.name, holder=self.holder).update(until=LONG_AGO)

    def run(self) -> None:
        """Contend until `stop`; in a thread of its own, since a database that hangs may hold it up."""
        try:
            while not self._stop.is_set():
                self._try()
                self._tell()
                self._stop.wait(RENEW_SECONDS if self.is_held() else TRY_SECONDS)
        finally:
            connection.close()

    def stop(self) -> None:
        self._stop.set()

    def _try(self) -> None:
        try:
            close_old_connections()
            self.take()
        except Error as error:
            logger.warning("lease.not_renewed", extra={"lease": self.name, "error": str(error)})
            connection.close()
        except Exception:
            logger.exception("lease.failed", extra={"lease": self.name})

    def _tell(self) -> None:
        """Say where we stand when that has changed."""
        state = "active" if self.is_held() else ("lost" if self._told == "active" else "standby")
        if state == "standby" and self._told == "lost":
            return
        if state != self._told:
            self._told = state
            self._on_change(state)
