"""Losing a deadlock is nobody's fault: the transaction was rolled back whole, and may simply be tried again."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

logger = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 4
PAUSE_SECONDS = 0.05
# SQLite has one writer at a time, and who waits for it looks again every 100 ms at the least often.
SQLITE_REST_SECONDS, SQLITE_REST_SHARE = 0.12, 0.5
MYSQL_DEADLOCK, MYSQL_LOCK_TIMEOUT = 1213, 1205


def was_rolled_back_for_others(error: OperationalError) -> bool:
    """Whether the database gave this transaction up in favour of another one's."""
    code = error.args[0] if error.args else None
    return code in {MYSQL_DEADLOCK, MYSQL_LOCK_TIMEOUT} or "locked" in str(error)


def again_after_deadlock(work: Callable[[], T]) -> T:
    """Do `work`, whose writes are atomic, and do it again when the database gave it up.

    Inside a transaction only whoever began that one can: what it did before is gone as well.
    """
    if connection.in_atomic_block:
        return work()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except OperationalError as error:
            if attempt == ATTEMPTS or not was_rolled_back_for_others(error):
                raise
            logger.warning("database.retry", extra={"attempt": attempt, "error": str(error)})
            time.sleep(PAUSE_SECONDS * attempt)
    raise AssertionError("unreachable")


def let_others_write(took: float) -> None:
    """Between two of many steps, each of which took so many seconds: without a rest others wait for the last one."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(max(SQLITE_REST_SECONDS, took * SQLITE_REST_SHARE))
