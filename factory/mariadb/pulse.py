"""Whether the database answers at all, asked every second by a thread of each process that serves.

A database that is stopped, or behind a network that swallows everything, takes statements and says nothing. Where a
statement waits this looks like one that takes long, which it may (DB_TIMEOUT). So somebody else asks what never takes
long. Without an answer the database hangs: all connections of the process are cut, which gives whoever waits on one
an error at once, and no others are made until it answers again, which only this thread tries.

What was sent on a connection that was cut may be carried out all the same, a COMMIT as well, once the database goes
on: nobody knows. So it is an error to who asked, never an acknowledgement.
"""

import contextlib
import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
NEARLY = 0.9  # a time-out may be a little early


class Pulse:
    """`want` it in a process that serves; it begins with the first connection."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.is_silent = False
        self.patience: dict[str, int] = {}
        self._seconds = 0
        self._connect: Callable[[], Any] | None = None
        self._raw: Any = None  # the connection by which it asks
        self._roads: set[socket.socket] = set()  # second handles of the connections' sockets
        self._lock = threading.RLock()  # a connection may be collected wherever we are

    def want(self, seconds: int) -> None:
        """Have the database hang in this process once it has not answered for so long."""
        self._seconds, self.is_wanted = seconds, True
        self.patience = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), seconds)

    def begin(self, connect: Callable[[], Any]) -> None:
        """Ask by a connection that is made so, from now on; a no-op but for the first time."""
        with self._lock:
            if self._connect is None:
                self._connect = connect
                threading.Thread(target=self._run, name="database-pulse", daemon=True).start()

    def watch_over(self, raw: Any) -> None:
        # Now, since the driver does not say the number while somebody waits on the connection.
        road = socket.socket(fileno=os.dup(raw.fileno()))
        with self._lock:
            self._roads.add(road)
        weakref.finalize(raw, self._forget, road)

    def _forget(self, road: socket.socket) -> None:
        with self._lock:
            self._roads.discard(road)
        road.close()

    def _run(self) -> None:
        while True:
            self._look()
            time.sleep(EVERY_SECONDS)

    def _look(self) -> None:
        began = time.monotonic()
        try:
            self._ask()
        except Exception as error:
            self._raw = None
            # One that refuses says so at once, to everybody.
            self._note(silent=time.monotonic() - began >= NEARLY * self._seconds, error=str(error))
        else:
            self._note(silent=False)

    def _ask(self) -> None:
        if self._raw is None:
            assert self._connect is not None
            self._raw = self._connect()
        with self._raw.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()

    def _note(self, *, silent: bool, error: str = "") -> None:
        if silent != self.is_silent:
            self.is_silent = silent
            logger.warning("database.hangs" if silent else "database.hangs_no_more", extra={"error": error})
        if silent:
            with self._lock:
                for road in list(self._roads):
                    with contextlib.suppress(OSError):  # it has ended already
                        road.shutdown(socket.SHUT_RDWR)


pulse = Pulse()
