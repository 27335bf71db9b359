"""Daily partitions of the readings on MariaDB; on SQLite there are none, and nothing here does anything.

    p_past | p20260601 | p20260602 | ... | p_future

What is older than the first day or newer than the last one falls into the partitions at the ends, so an insert
never fails. Every change waits two seconds at most for the statements that are under way, since new ones queue
up behind it, and moves no rows: what would have to move many is left for another time.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import OperationalError, connection

from factory.retrying import MYSQL_LOCK_TIMEOUT
from telemetry.days import MERGED_ON_MARIADB, Census, day_of, end_of, start_of

logger = logging.getLogger(__name__)

TABLE = "telemetry_reading"
ASIDE = "telemetry_aside_"  # and the day: a table with a day that has left the readings and is not gone yet
PAST, FUTURE = "p_past", "p_future"
DAYS_AHEAD = 7
LOCK_SECONDS = 2
ATTEMPTS = 5
PAUSE_SECONDS = 3.0


class StillBusy(Exception):
    """The readings were in use whenever we asked for a moment alone with them."""


@dataclass(frozen=True)
class Partition:
    """One partition. It holds [low, high); None is open."""

    name: str
    low: int | None
    high: int | None

    def holds(self, day: date) -> bool:
        starts = self.low is None or self.low <= start_of(day)
        return starts and (self.high is None or self.high >= end_of(day))

    def is_exactly(self, day: date) -> bool:
        return (self.low, self.high) == (start_of(day), end_of(day))


def are_there() -> bool:
    """Whether the readings are partitioned at all."""
    return connection.vendor == "mysql"


def layout() -> list[Partition]:
    """The partitions in order."""
    if not are_there():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT PARTITION_NAME, PARTITION_DESCRIPTION FROM information_schema.PARTITIONS"
            " WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME=%s AND PARTITION_NAME IS NOT NULL"
            " ORDER BY PARTITION_ORDINAL_POSITION",
            [TABLE],
        )
        rows = cursor.fetchall()
    found: list[Partition] = []
    for name, bound in rows:
        high = None if bound == "MAXVALUE" else int(bound)
        found.append(Partition(name, found[-1].high if found else None, high))
    return found


def ensure_ahead(at: datetime) -> list[date]:
    """Give each day up to a week ahead its own partition; returns the days that got one."""
    parts = layout()
    if not parts:
        return []
    last = parts[-1]
    today = at.date()
    first = today if last.low is None else max(today, day_of(last.low))
    wanted = [first + timedelta(days=n) for n in range((today - first).days + DAYS_AHEAD + 1)]
    if not wanted:
        return []
    if not is_empty(last):
        # Nobody made partitions for a week. To split this one would hold up the plant while its rows are copied.
        logger.error("partitions.behind", extra={"partition": last.name, "first_day": str(first)})
        return []
    _reorganise([last], _cut(last, wanted))
    return wanted


def give_own(day: date) -> bool:
    """Let the day have a partition of its own, where that moves no rows; whether it has one."""
    holder = _holder(day)
    if holder is None or holder.is_exactly(day):
        return holder is not None
    if not is_empty(holder):
        return False
    _reorganise([holder], _cut(holder, [day]))
    return True


def has_own(day: date) -> bool:
    holder = _holder(day)
    return holder is not None and holder.is_exactly(day)


def tidy(before: int) -> int:
    """Let the past begin later: partitions of days before `before` that are empty become part of it."""
    leading = []
    for part in layout():
        if part.high is None or part.high > before or not is_empty(part):
            break
        leading.append(part)
    if len(leading) > 1:
        _reorganise(leading, [(PAST, leading[-1].high)])
    return max(0, len(leading) - 1)


def is_empty(part: Partition) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {TABLE} PARTITION ({part.name}) LIMIT 1")
        return cursor.fetchone() is None


# A day leaves by being exchanged for an empty table, which takes no time however large it is. What has left is
# counted and dropped while the plant goes on.


def set_aside(day: date) -> None:
    """Take the day out of the readings; it has a partition of its own."""
    holder = _holder(day)
    if holder is None or not holder.is_exactly(day):
        raise ValueError(f"{day} has no partition of its own.")
    aside = _aside(day)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {aside} LIKE {TABLE}")
        cursor.execute(f"ALTER TABLE {aside} REMOVE PARTITIONING")
    _alter(f"ALTER TABLE {TABLE} EXCHANGE PARTITION {holder.name} WITH TABLE {aside}")


def days_aside() -> list[date]:
    """Days that somebody has set aside and, being ended in the middle, not dropped."""
    if not are_there():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA=DATABASE() AND LEFT(TABLE_NAME, %s)=%s",
            [len(ASIDE), ASIDE],
        )
        names = [name for (name,) in cursor.fetchall()]
    return sorted(datetime.strptime(name.removeprefix(ASIDE), "%Y%m%d").date() for name in names)


def census_aside(day: date) -> Census:
    """As `days.census_of`, of a day that was set aside."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET STATEMENT max_statement_time=0 FOR SELECT COUNT(*), MAX(received_at)"
            f" FROM {_aside(day)} WHERE device_id IN (SELECT id FROM devices_device)"
        )
        return Census(*cursor.fetchone())


def put_back(day: date) -> None:
    """Bring a day that was set aside among the readings again; what came in meanwhile counts."""
    aside, holder = _aside(day), _holder(day)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {aside} LIMIT 1")
        has_left = cursor.fetchone() is not None
    if has_left and holder is not None and holder.is_exactly(day) and is_empty(holder):
        _alter(f"ALTER TABLE {TABLE} EXCHANGE PARTITION {holder.name} WITH TABLE {aside}")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET STATEMENT max_statement_time=0 FOR INSERT INTO {TABLE} SELECT * FROM {aside}"
            f" {MERGED_ON_MARIADB}"
        )
        cursor.execute(f"DROP TABLE {aside}")


def drop_aside(day: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET STATEMENT max_statement_time=0 FOR DROP TABLE IF EXISTS {_aside(day)}")


def _aside(day: date) -> str:
    return f"{ASIDE}{day:%Y%m%d}"


def _holder(day: date) -> Partition | None:
    return next((part for part in layout() if part.holds(day)), None)


def _cut(part: Partition, days: Sequence[date]) -> list[tuple[str, int | None]]:
    """A partition as a row of (name, bound): what is before these days, each of them, what is after."""
    pieces: list[tuple[str, int | None]] = []
    start, end = start_of(days[0]), end_of(days[-1])
    if part.low is None:
        pieces.append((PAST, start))
    elif part.low < start:
        pieces.append((_gap(start), start))
    pieces += [(f"p{day:%Y%m%d}", end_of(day)) for day in days]
    if part.high is None:
        pieces.append((FUTURE, None))
    elif part.high > end:
        pieces.append((_gap(part.high), part.high))
    return pieces


def _gap(bound: int) -> str:
    return f"p_until_{day_of(bound):%Y%m%d}"


def _reorganise(parts: Sequence[Partition], pieces: Sequence[tuple[str, int | None]]) -> None:
    old = ", ".join(part.name for part in parts)
    new = ", ".join(
        f"PARTITION {name} VALUES LESS THAN " + ("MAXVALUE" if bound is None else f"({bound})")
        for name, bound in pieces
    )
    _alter(f"ALTER TABLE {TABLE} REORGANIZE PARTITION {old} INTO ({new})")


def _alter(statement: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Change the table in a moment when nobody holds it, and let nobody wait long for that."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SET STATEMENT max_statement_time=0, lock_wait_timeout={LOCK_SECONDS} FOR {statement}"
                )
            return
        except OperationalError as error:
            if error.args[0] != MYSQL_LOCK_TIMEOUT:
                raise
            logger.warning("partitions.busy", extra={"attempt": attempt})
            if attempt < ATTEMPTS:
                pause(PAUSE_SECONDS)
    raise StillBusy(statement)
