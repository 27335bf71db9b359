"""How long the work of a request may take, and what ends it when the time is up.

Nobody can end a thread from outside. But almost all that takes long here is a statement, or a loop of them: each
statement asks first whether there is time left, and may itself take no longer than that. So the thread comes back
by itself, its transaction is rolled back, and nothing goes on in the database.

MariaDB ends a statement itself: after DB_TIMEOUT (its session's setting), or when the request's time is up, said
with the statement. SQLite asks us every now and then, from within a statement.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created
from django.utils.translation import gettext

from factory.errors import TimeIsUp
from factory.mariadb.pulse import pulse

UPLOADS = (
    "/api/trpc/firmware.create",
    "/api/v1/trpc/firmware.create",
    "/firmware/new",
    "/admin/ota/firmware/",
)
TIMED = {"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"}  # MariaDB takes a time limit before these
CLEANING = {"SAVEPOINT", "RELEASE", "ROLLBACK"}  # what ends a transaction in order must always be possible
MARIADB_RAN_OUT = {1969, 3024}
AFTERWARDS = 1 / 15  # of its time a request keeps for what follows a commit: 2 of 30 seconds
ARRIVED = (
    "factory.arrived"  # in the environ of a request that had to wait for a thread: when, of time.monotonic
)
GRACE = 5  # seconds beyond DB_TIMEOUT in which MariaDB says that it ended a statement
STEPS = 20_000  # of SQLite's machine, a millisecond or so, between two looks at the clock


class _Local(threading.local):
    until: float | None = None  # of the request
    commit_by = 0.0  # of its transactions
    statement_until: float | None = None  # of what SQLite is doing


_local = _Local()


def seconds_for(path: str) -> int:
    """How long a request to this path may take."""
    return settings.UPLOAD_TIMEOUT if path.startswith(UPLOADS) else settings.REQUEST_TIMEOUT


@contextmanager
def within(seconds: float, *, since: float | None = None) -> Iterator[None]:
    """What this thread does inside may take so long, from now or from `since` (of time.monotonic)."""
    before = _local.until, _local.commit_by
    _local.until = (time.monotonic() if since is None else since) + seconds
    _local.commit_by = _local.until - seconds * AFTERWARDS
    try:
        yield
    finally:
        (_local.until, _local.commit_by), _local.statement_until = before, None


def check() -> None:
    """For loops without statements: refuse to go on when the time is up."""
    if _local.until is not None:
        _check(_local.until)


def _check(until: float) -> None:
    if time.monotonic() >= until:
        raise TimeIsUp(gettext("This took too long and was ended. Ask for less, or try again."))


def run_in_time(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Every statement of every connection comes through here (`execute_wrappers`)."""
    if _local.until is None:
        return execute(sql, params, many, context)
    word = sql.lstrip("( \n").partition(" ")[0].partition("\n")[0].upper()
    if word in CLEANING:
        return execute(sql, params, many, context)
    connection = context["connection"]
    until = _local.commit_by if connection.in_atomic_block else _local.until
    _check(until)
    left = until - time.monotonic()
    try:
        if connection.vendor == "sqlite":
            return _on_sqlite(execute, sql, params, many, context, left)
        if left < settings.DB_TIMEOUT and word in TIMED and not many:
            sql = f"SET STATEMENT max_statement_time={max(left, 0.001):.3f} FOR {sql}"
        return execute(sql, params, many, context)
    except OperationalError as error:
        if not ran_out(error):
            raise
        _check(until)
        raise TimeIsUp(
            gettext("The database took longer than %(db_timeout)s s. Ask for less, or try again.")
            % {"db_timeout": settings.DB_TIMEOUT}
        ) from error


def _on_sqlite(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any, left: float
) -> Any:
    _local.statement_until = time.monotonic() + min(left, settings.DB_TIMEOUT)
    if left >= settings.DB_TIMEOUT:
        return execute(sql, params, many, context)
    raw = context["connection"].connection
    raw.execute(f"PRAGMA busy_timeout={max(1, round(1000 * left))}")  # nor wait longer for a lock
    try:
        return execute(sql, params, many, context)
    finally:
        raw.execute(f"PRAGMA busy_timeout={1000 * settings.DB_TIMEOUT}")


def ran_out(error: OperationalError) -> bool:
    """Whether the database ended a statement because of its time."""
    return bool(error.args) and (error.args[0] in MARIADB_RAN_OUT or error.args[0] == "interrupted")


def _is_over() -> bool:
    return _local.statement_until is not None and time.monotonic() >= _local.statement_until


def watch(connection: Any, **kwargs: Any) -> None:
    """Have the statements of a connection watched, from its first one."""
    if run_in_time not in connection.execute_wrappers:
        connection.execute_wrappers.append(run_in_time)
    if connection.vendor == "sqlite":
        connection.connection.set_progress_handler(_is_over, STEPS)


def watch_all() -> None:
    connection_created.connect(watch, dispatch_uid="factory.deadline")


def wait_no_longer_than_statements() -> None:
    """In this process, a MariaDB that takes connections but never answers has failed, as one that is gone.

    It ends statements itself after DB_TIMEOUT; what says nothing for longer is stopped, or behind a dead network.
    Mostly this is known sooner, since the process asks all the while (factory.mariadb.pulse).
    Not for commands and workers: migrations, and moving a day's partition, may take longer than any request.
    """
    if connection.vendor == "mysql":
        silent = settings.DB_TIMEOUT + GRACE
        connection.settings_dict["OPTIONS"] |= {
            "connect_timeout": settings.DB_ANSWER_TIMEOUT,
            "read_timeout": silent,
            "write_timeout": silent,
        }  # of every thread's connection: they are made from the same dict
        pulse.want(settings.DB_ANSWER_TIMEOUT)
