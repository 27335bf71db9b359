"""The few statements on the hot path, in both dialects.

The ORM's own upsert replaces a JSON document field by field of the model and builds an object per
row; these write plain tuples. Names of metrics are checked at the door and numbers are rendered by
orjson, so the literal text for MariaDB is safe; it is escaped all the same.
"""

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import orjson
from django.db import DatabaseError, connection

from telemetry.fold import Row

READING_COLUMNS = "device_id, timestamp, data, received_at"
CHUNK_ROWS = 20_000
LOOKUP_DEVICES = 200  # OR-ed per statement; SQLite limits the depth of an expression
LOOKUP_TIMES = 1000

T = TypeVar("T")
_inside = threading.local()  # this thread's connection is in a snapshot
Window = tuple[int, int, int]  # device, from, to (exclusive)
States = dict[int, tuple[int | None, dict[str, Any], bool]]  # device: newest time, latest values, closed


@contextmanager
def snapshot() -> Iterator[None]:
    """All statements inside see the database as it was at one moment.

    Inside a transaction that is already open that transaction's own view has to do, and inside another snapshot
    that one's.
    """
    if connection.in_atomic_block or getattr(_inside, "snapshot", False):
        yield
        return
    with connection.cursor() as cursor:
        if is_mysql():
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        else:
            cursor.execute("BEGIN DEFERRED")
    _inside.snapshot = True
    try:
        yield
    finally:
        _inside.snapshot = False
        try:
            connection.rollback()
        except DatabaseError:
            connection.close()


def is_mysql() -> bool:
    return connection.vendor == "mysql"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def upsert_readings(rows: Sequence[tuple[int, int, dict[str, float]]], *, received_at: int) -> None:
    """Write readings, each with its whole merged document; a row with the same key is replaced."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if is_mysql():
            values = ",".join(
                f"({device},{timestamp},{_quoted(orjson.dumps(data).decode())},{received_at})"
                for device, timestamp, data in rows
            )
            cursor.execute(
                f"INSERT INTO telemetry_reading ({READING_COLUMNS}) VALUES {values}"
                " ON DUPLICATE KEY UPDATE data=VALUES(data), received_at=VALUES(received_at)"
            )
        else:
            cursor.executemany(
                f"INSERT INTO telemetry_reading ({READING_COLUMNS}) VALUES (%s,%s,%s,%s)"
                " ON CONFLICT (device_id, timestamp)"
                " DO UPDATE SET data=excluded.data, received_at=excluded.received_at",
                [(d, t, orjson.dumps(data).decode(), received_at) for d, t, data in rows],
            )


def update_states(rows: Sequence[tuple[int, int, dict[str, Any]]]) -> None:
    """Write (device, newest, latest) of state rows that exist and are locked."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if is_mysql():
            values = ",".join(
                f"({device},{newest},{_quoted(orjson.dumps(latest).decode())})"
                for device, newest, latest in rows
            )
            cursor.execute(
                f"INSERT INTO telemetry_state (device_id, newest, latest) VALUES {values}"
                " ON DUPLICATE KEY UPDATE newest=VALUES(newest), latest=VALUES(latest)"
            )
        else:
            cursor.executemany(
                "UPDATE telemetry_state SET newest=%s, latest=%s WHERE device_id=%s",
                [(newest, orjson.dumps(latest).decode(), device) for device, newest, latest in rows],
            )


def lock_states(device_ids: Collection[int]) -> States:
    """Lock the devices' state rows in key order: {device: (newest, latest, is closed)}.

    A device heard for the first time gets its row; one that does not exist is left out.
    """
    ids = sorted(set(device_ids))
    if not ids:
        return {}
    found = _select_states(ids)
    missing = [device for device in ids if device not in found]
    if missing:
        _create_states(missing)
        found = _select_states(ids)
    return found


def _create_states(ids: Sequence[int]) -> None:
    """Rows for devices that have none; when another process is just creating one, wait for it.

    On MariaDB the update of nothing takes the row's exclusive lock; ignoring the duplicate would take a shared
    one, and two processes that both go on to write would deadlock.
    """
    insert = "INSERT INTO" if is_mysql() else "INSERT OR IGNORE INTO"
    otherwise = " ON DUPLICATE KEY UPDATE device_id=telemetry_state.device_id" if is_mysql() else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{insert} telemetry_state (device_id, newest, latest)"
            f" SELECT id, NULL, '{{}}' FROM devices_device WHERE id IN ({numbers(ids)}) ORDER BY id{otherwise}"
        )


def read_states(device_ids: Sequence[int]) -> States:
    """As `lock_states`, without a lock and without rows for those that have none."""
    ids = sorted(set(device_ids))
    return _select_states(ids, lock=False) if ids else {}


def _select_states(ids: Sequence[int], *, lock: bool = True) -> States:
    # SQLite has taken its one write lock at BEGIN.
    suffix = " FOR UPDATE" if lock and is_mysql() else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id, newest, latest, is_closed FROM telemetry_state"
            f" WHERE device_id IN ({numbers(ids)}) ORDER BY device_id{suffix}"
        )
        return {
            device: (newest, orjson.loads(latest), bool(is_closed))
            for device, newest, latest, is_closed in cursor.fetchall()
        }


def select_readings(wanted: dict[int, set[int]]) -> dict[tuple[int, int], dict[str, float]]:
    """The stored documents among the wanted {device: timestamps}, by (device, timestamp)."""
    clauses = []
    for device, timestamps in wanted.items():
        ordered = sorted(timestamps)
        for start in range(0, len(ordered), LOOKUP_TIMES):
            times = numbers(ordered[start : start + LOOKUP_TIMES])
            clauses.append(f"(device_id={int(device)} AND timestamp IN ({times}))")
    found = {}
    with connection.cursor() as cursor:
        for start in range(0, len(clauses), LOOKUP_DEVICES):
            where = " OR ".join(clauses[start : start + LOOKUP_DEVICES])
            cursor.execute(f"SELECT device_id, timestamp, data FROM telemetry_reading WHERE {where}")
            for device, timestamp, data in cursor.fetchall():
                found[device, timestamp] = orjson.loads(data)
    return found


def newest_readings(device_id: int, start: int, end: int, limit: int) -> list[tuple[int, dict[str, float]]]:
    """The newest `limit` readings of a device in [start, end), ascending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT timestamp, data FROM telemetry_reading"
            " WHERE device_id=%s AND timestamp>=%s AND timestamp<%s ORDER BY timestamp DESC LIMIT %s",
            [device_id, start, end, limit],
        )
        return [(timestamp, orjson.loads(data)) for timestamp, data in reversed(cursor.fetchall())]


def newest_of_each(
    device_ids: Sequence[int], start: int, limit: int
) -> list[tuple[int, int, dict[str, float]]]:
    """(device, timestamp, data) of the newest `limit` readings of each device since `start`, ascending."""
    if not device_ids:
        return []
    one = (
        "SELECT * FROM (SELECT device_id, timestamp, data FROM telemetry_reading"
        " WHERE device_id={} AND timestamp>=%s ORDER BY timestamp DESC LIMIT %s) AS d{}"
    )
    query = " UNION ALL ".join(one.format(int(d), int(d)) for d in device_ids)
    with connection.cursor() as cursor:
        cursor.execute(query, [start, limit] * len(device_ids))
        rows = [(device, timestamp, orjson.loads(data)) for device, timestamp, data in cursor.fetchall()]
    return sorted(rows, key=lambda row: row[:2])


def stream_readings(
    device_ids: Iterable[int], start: int, end: int
) -> Iterator[tuple[int, int, dict[str, float]]]:
    """(device, timestamp, data) in [start, end), device by device, ascending, in bounded memory."""
    for device_id in device_ids:
        after = start - 1
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT timestamp, data FROM telemetry_reading"
                    " WHERE device_id=%s AND timestamp>%s AND timestamp<%s ORDER BY timestamp LIMIT %s",
                    [device_id, after, end, CHUNK_ROWS],
                )
                rows = cursor.fetchall()
            for timestamp, data in rows:
                yield device_id, timestamp, orjson.loads(data)
            if len(rows) < CHUNK_ROWS:
                break
            after = rows[-1][0]


def stream_windows(windows: Iterable[Window]) -> Iterator[tuple[int, Row]]:
    """(device, reading) of one window of each of several devices, by device and time, in bounded memory."""
    waiting = sorted(windows)
    while waiting:
        part = waiting[:LOOKUP_DEVICES]
        where = " OR ".join(
            f"(device_id={int(d)} AND timestamp>={int(lo)} AND timestamp<{int(hi)})" for d, lo, hi in part
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT device_id, timestamp, data FROM telemetry_reading WHERE {where}"
                f" ORDER BY device_id, timestamp LIMIT {CHUNK_ROWS}"
            )
            rows = cursor.fetchall()
        for device, timestamp, data in rows:
            yield device, (timestamp, orjson.loads(data))
        if len(rows) < CHUNK_ROWS:
            waiting = waiting[len(part) :]
        else:
            device, after = rows[-1][:2]
            rest = [(d, max(lo, after + 1), hi) for d, lo, hi in waiting if d == device]
            waiting = rest + [window for window in waiting if window[0] > device]


def neighbour(device_id: int, metric: str, at: int, *, before: bool) -> Row | None:
    """The nearest reading of a metric before `at` (exclusive), or from `at` on."""
    compare, order = ("<", "DESC") if before else (">=", "ASC")
    holds = "JSON_EXISTS(data, %s)" if is_mysql() else "json_type(data, %s) IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT timestamp, data FROM telemetry_reading WHERE device_id=%s AND timestamp{compare}%s"
            f" AND {holds} ORDER BY timestamp {order} LIMIT 1",
            [device_id, at, f"$.{metric}"],
        )
        row = cursor.fetchone()
    return (row[0], {metric: orjson.loads(row[1])[metric]}) if row else None


def numbers(values: Iterable[int]) -> str:
    return ",".join(str(int(value)) for value in values)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
