"""The whole database as a file, as it was at one moment while everybody went on working, and back into an empty one."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import connection, connections

ATTEMPTS, PAUSE_SECONDS = 5, 3.0
CHANGED_MEANWHILE = (
    "1412"  # a table was altered (partitions are made and dropped hourly): take the next moment
)


class DatabaseTroubled(Exception):
    """The database could not be copied, or not be filled."""


def kind() -> str:
    """`sqlite` or `mysql`: a backup of the one does not go into the other."""
    return connection.vendor


def is_empty() -> bool:
    with connection.cursor() as cursor:
        return not connection.introspection.table_names(cursor)


def copy_to(target: Path) -> None:
    """Write the database as of one moment; nobody waits for it."""
    if kind() == "sqlite":
        _copy_sqlite(target)
    else:
        _dump_mariadb(target)


def fill_from(source: Path) -> None:
    """Fill the empty database."""
    if kind() == "sqlite":
        _fill_sqlite(source)
    else:
        _fill_mariadb(source)


def _copy_sqlite(target: Path) -> None:
    # One read transaction, which in WAL mode holds up no writer.
    session = sqlite3.connect(connection.settings_dict["NAME"], timeout=60, isolation_level=None)
    try:
        session.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as reason:
        raise DatabaseTroubled(f"The database could not be copied: {reason}.") from None
    finally:
        session.close()


def _fill_sqlite(source: Path) -> None:
    connections.close_all()
    place = Path(connection.settings_dict["NAME"])
    for leftover in (place, *(place.with_name(place.name + end) for end in ("-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
    draft = place.with_name(place.name + ".restored")
    shutil.copyfile(source, draft)
    draft.chmod(0o600)
    with sqlite3.connect(draft) as session:
        found = [row[0] for row in session.execute("PRAGMA integrity_check")]
    session.close()
    if found != ["ok"]:
        draft.unlink()
        raise DatabaseTroubled(f"The database in the backup is broken: {found[0]}.")
    draft.replace(place)


def _dump_mariadb(target: Path) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        with target.open("wb") as output:
            done = _run(
                ("mariadb-dump", "mysqldump"),
                ["--single-transaction", "--quick", "--skip-lock-tables", "--no-tablespaces", "--hex-blob"],
                stdout=output,
            )
        words = done.stderr.decode(errors="replace").strip()
        if done.returncode == 0:
            return
        if CHANGED_MEANWHILE not in words or attempt == ATTEMPTS:
            raise DatabaseTroubled(f"The database could not be copied: {words}")
        time.sleep(PAUSE_SECONDS)


def _fill_mariadb(source: Path) -> None:
    connections.close_all()
    with source.open("rb") as content:
        done = _run(("mariadb", "mysql"), [], stdin=content, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise DatabaseTroubled(f"The database could not be filled: {words}")


def _run(names: Sequence[str], options: list[str], **streams: Any) -> subprocess.CompletedProcess[bytes]:
    """One of MariaDB's own programs, reaching the database as Django does; no password on the command line."""
    from django.db.backends.mysql.client import DatabaseClient  # noqa: PLC0415 -- only where it is installed

    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        raise DatabaseTroubled(
            f"{names[0]} is needed and was not found. Install MariaDB's client programs"
            " (on Debian: apt install mariadb-client)."
        )
    (_, *ways, name), environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    return subprocess.run(
        [program, *ways, *options, name],
        env={**os.environ, **(environment or {})},
        stderr=subprocess.PIPE,
        check=False,
        **streams,
    )
