"""Statements over the rollups, in both dialects, on plain tuples as in `telemetry.sql`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeVar

import orjson
from django.db import DatabaseError, connection, transaction

from telemetry.fold import ALWAYS, Last, Row
from telemetry.sql import CHUNK_ROWS, LOOKUP_DEVICES, is_mysql, lock_states, numbers
from telemetry.tally import FIELDS, Tally

COLUMNS = ", ".join(FIELDS)
MARK_COLUMNS = "rolled_to, last, turn, days_zone"
QUARTERS, DAYS = "telemetry_quarter", "telemetry_day"
WRITE_ROWS = 1_000
T = TypeVar("T")
Key = tuple[int, str, int]  # device, metric, bucket
Window = tuple[int, int, int]  # device, from, to (exclusive)
DirtyQuarters = dict[int, dict[int, int]]  # device: {bucket: version}


NEVER = -ALWAYS  # the watermark of a device of which nothing is rolled up


class Mark(NamedTuple):
    """Up to where a device's readings are rolled up, and the last sample of each metric as of then."""

    rolled_to: int
    last: Last
    turn: int
    days_zone: str


@contextmanager
def snapshot() -> Iterator[None]:
    """All statements inside see the database as it was at one moment.

    Inside a transaction that is already open that transaction's own view has to do.
    """
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        if is_mysql():
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        else:
            cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        try:
            connection.rollback()
        except DatabaseError:
            connection.close()


def watermarks(device_ids: Sequence[int]) -> dict[int, Mark]:
    found = {}
    for part in _chunks(device_ids, CHUNK_ROWS):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT device_id, {MARK_COLUMNS} FROM telemetry_watermark"
                f" WHERE device_id IN ({numbers(part)})"
            )
            for device, rolled_to, last, *others in cursor.fetchall():
                samples = {metric: (value, at) for metric, (value, at) in orjson.loads(last).items()}
                found[device] = Mark(rolled_to, samples, *others)
    return found


def dirty_quarters(device_ids: Sequence[int], *, lock: bool = False) -> DirtyQuarters:
    """Everything that waits to be computed anew."""
    found: DirtyQuarters = {}
    suffix = " FOR UPDATE" if lock and is_mysql() else ""
    for part in _chunks(device_ids, CHUNK_ROWS):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT device_id, bucket, version FROM telemetry_dirty"
                f" WHERE device_id IN ({numbers(part)}){suffix}"
            )
            for device, bucket, version in cursor.fetchall():
                found.setdefault(device, {})[bucket] = version
    return found


def mark_dirty(pairs: Iterable[tuple[int, int]]) -> None:
    """Note (device, bucket) pairs as no longer told truly by their rollups; in key order, to lock in order."""
    ordered = sorted(pairs)
    again = (
        "ON DUPLICATE KEY UPDATE version=version+1"
        if is_mysql()
        else "ON CONFLICT (device_id, bucket) DO UPDATE SET version=version+1"
    )
    for part in _chunks(ordered, WRITE_ROWS):
        values = ",".join(f"({int(device)},{int(bucket)},1)" for device, bucket in part)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO telemetry_dirty (device_id, bucket, version) VALUES {values} {again}"
            )


def delete_marks(pairs: Iterable[tuple[int, int]]) -> None:
    """Remove marks that are locked. Device by device: of a mixture MariaDB may read, and wait for, all marks."""
    for device, group in groupby(sorted(pairs), key=itemgetter(0)):
        for part in _chunks([bucket for _, bucket in group], LOOKUP_DEVICES):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"DELETE FROM telemetry_dirty WHERE device_id={int(device)} AND bucket IN ({numbers(part)})"
                )


def write_watermarks(rows: Sequence[tuple[int, Mark]]) -> None:
    """Write the watermarks of devices that have one; their rows are locked by the caller."""
    sets = ", ".join(f"{column}=%s" for column in MARK_COLUMNS.split(", "))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE telemetry_watermark SET {sets} WHERE device_id=%s",
            [(mark.rolled_to, orjson.dumps(mark.last).decode(), *mark[2:], device) for device, mark in rows],
        )


def create_watermarks(zone: str) -> None:
    """A watermark, before everything, for each device that has readings and none."""
    insert = "INSERT IGNORE INTO" if is_mysql() else "INSERT OR IGNORE INTO"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.device_id FROM telemetry_state AS s LEFT JOIN telemetry_watermark AS w"
            " ON w.device_id=s.device_id WHERE w.device_id IS NULL AND s.newest IS NOT NULL ORDER BY s.device_id"
        )
        missing = [device for (device,) in cursor.fetchall()]
    for part in _chunks(missing, WRITE_ROWS):
        with transaction.atomic(), connection.cursor() as cursor:
            # Who deletes a device holds its state: a watermark that came in between would stand in the way.
            there = sorted(lock_states(part))
            if not there:
                continue
            values = ",".join(f"({device},{NEVER},'{{}}',0,%s)" for device in there)
            cursor.execute(
                f"{insert} telemetry_watermark (device_id, {MARK_COLUMNS}) VALUES {values}",
                [zone] * len(there),
            )


def devices_due() -> list[int]:
    """The devices with readings past their watermark, or with dirty quarters; the furthest behind first.

    So every device has its turn even where all of them always have something new.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.device_id FROM telemetry_watermark AS w JOIN telemetry_state AS s"
            " ON s.device_id=w.device_id WHERE s.newest>w.rolled_to"
            " OR EXISTS (SELECT 1 FROM telemetry_dirty d WHERE d.device_id=w.device_id)"
            " ORDER BY w.rolled_to, w.device_id"
        )
        return [device for (device,) in cursor.fetchall()]


def owes_before(moment: int) -> bool:
    """Whether anything before a moment still waits to be rolled up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM telemetry_dirty WHERE bucket<%s) OR EXISTS ("
            " SELECT 1 FROM telemetry_state AS s LEFT JOIN telemetry_watermark AS w ON w.device_id=s.device_id"
            " WHERE s.newest IS NOT NULL"
            " AND (w.device_id IS NULL OR (w.rolled_to<s.newest AND w.rolled_to<%s)))",
            [moment, moment],
        )
        return bool(cursor.fetchone()[0])


def lock_turns(device_ids: Sequence[int]) -> dict[int, int]:
    """Lock the devices' watermarks in key order: {device: turn}."""
    lock = " FOR UPDATE" if is_mysql() else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id, turn FROM telemetry_watermark"
            f" WHERE device_id IN ({numbers(sorted(device_ids))}) ORDER BY device_id{lock}"
        )
        return dict(cursor.fetchall())


def stored_tallies(
    device_ids: Sequence[int], metrics: Iterable[str], start: int, end: int, *, table: str = QUARTERS
) -> Iterator[tuple[Key, Tally]]:
    """The stored rollups of devices with buckets in [start, end), in order of device, metric and bucket."""
    names = sorted(metrics)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT device_id, metric, bucket, {COLUMNS} FROM {table}"
            f" WHERE device_id IN ({numbers(device_ids)}) AND metric IN ({_places(names)})"
            " AND bucket>=%s AND bucket<%s ORDER BY device_id, metric, bucket",
            [*names, start, end],
        )
        for device, metric, bucket, *values in cursor.fetchall():
            yield (device, metric, bucket), Tally.of(values)


def range_of_quarters(device_id: int) -> tuple[int, int] | None:
    """The first and the last bucket that is stored of a device."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT MIN(bucket), MAX(bucket) FROM {QUARTERS} WHERE device_id=%s AND metric=''", [device_id]
        )
        first, last = cursor.fetchone()
        return None if first is None else (first, last)


def delete_days(device_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {DAYS} WHERE device_id=%s", [device_id])


def devices_in_another_zone(zone: str) -> list[int]:
    """The devices whose days are those of a time zone the plant is not in any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id FROM telemetry_watermark WHERE days_zone<>%s ORDER BY device_id", [zone]
        )
        return [device for (device,) in cursor.fetchall()]


def delete_tallies(
    device_id: int, metrics: Sequence[str], start: int, end: int, *, table: str = QUARTERS
) -> None:
    """Remove a device's rollups with buckets in [start, end)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE device_id=%s AND metric IN ({_places(metrics)})"
            " AND bucket>=%s AND bucket<%s",
            [device_id, *metrics, start, end],
        )


def write_tallies(rows: Sequence[tuple[Key, Tally]], *, into: str = QUARTERS) -> None:
    """Write tallies; a row with the same key is replaced."""
    marks = ",".join(["%s"] * (3 + len(FIELDS)))
    if is_mysql():
        again = "ON DUPLICATE KEY UPDATE " + ", ".join(f"`{name}`=VALUES(`{name}`)" for name in FIELDS)
    else:
        again = "ON CONFLICT (device_id, metric, bucket) DO UPDATE SET " + ", ".join(
            f"{name}=excluded.{name}" for name in FIELDS
        )
    with connection.cursor() as cursor:
        for part in _chunks(sorted(rows, key=lambda row: row[0]), WRITE_ROWS):
            cursor.executemany(
                f"INSERT INTO {into} (device_id, metric, bucket, {COLUMNS}) VALUES ({marks}) {again}",
                [(*key, *tally.as_tuple()) for key, tally in part],
            )


def quarter_extremes(
    device_id: int, metrics: Sequence[str], start: int, end: int
) -> Iterator[tuple[int, str, float, int, float, int]]:
    """(bucket, metric, min, min_at, max, max_at) of the stored quarters with samples, [start, end)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bucket, metric, min, min_at, max, max_at FROM telemetry_quarter"
            f" WHERE device_id=%s AND metric IN ({_places(metrics)}) AND bucket>=%s AND bucket<%s AND count>0",
            [device_id, *metrics, start, end],
        )
        yield from cursor.fetchall()


@dataclass(frozen=True, slots=True)
class Sum:
    """What the quarters of several devices come to in one bucket of one metric."""

    metric: str
    bucket: int
    count: int
    sum: float
    min: float | None
    max: float | None
    last_at: int | None
    last_device: int
    integral: float
    covered_ms: int
    increase: float | None


DIRTY = "AND NOT EXISTS (SELECT 1 FROM telemetry_dirty d WHERE d.device_id=q.device_id AND d.bucket=q.bucket)"
# Where times and ids share one integer, devices are told apart by this many numbers, and times are counted from
# 2026: then 69 years to both sides have room.
RANKS = 1 << 22
COUNTED_FROM = 1_767_225_600_000


def sum_rollups(
    device_ids: Sequence[int],
    metrics: Sequence[str],
    start: int,
    end: int,
    *,
    step: int,
    table: str = QUARTERS,
    skip: str = "",
) -> Iterator[Sum]:
    """The rollups with buckets in [start, end), summed over the devices in buckets of `step` ms.

    With `skip=DIRTY` those that were marked dirty are left out.
    """
    for part in _chunks(sorted(device_ids), LOOKUP_DEVICES):
        ranks = {device % RANKS: device for device in part}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT metric, bucket - bucket %% %s AS start, SUM(count), SUM(sum), MIN(min), MAX(max),"
                f" MAX((last_at - {COUNTED_FROM}) * {RANKS} + device_id %% {RANKS}),"
                " SUM(integral), SUM(covered_ms), SUM(increase)"
                f" FROM {table} AS q WHERE device_id IN ({numbers(part)})"
                f" AND metric IN ({_places(metrics)}) AND bucket>=%s AND bucket<%s {skip} GROUP BY metric, start",
                [step, *metrics, start, end],
            )
            for (
                metric,
                bucket,
                count,
                total,
                low,
                high,
                newest,
                integral,
                covered,
                grown,
            ) in cursor.fetchall():
                since, rank = divmod(int(newest), RANKS) if newest is not None else (None, 0)
                yield Sum(
                    metric=metric,
                    bucket=int(bucket),
                    count=int(count),
                    sum=total,
                    min=low,
                    max=high,
                    last_at=None if since is None else since + COUNTED_FROM,
                    last_device=ranks.get(rank, 0),
                    integral=integral,
                    covered_ms=int(covered),
                    increase=grown,
                )


def last_values(keys: Iterable[Key]) -> dict[Key, float | None]:
    """The last value of single quarters, by (device, metric, bucket)."""
    found = {}
    for part in _chunks(sorted(set(keys)), LOOKUP_DEVICES):
        where = " OR ".join("(device_id=%s AND metric=%s AND bucket=%s)" for _ in part)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT device_id, metric, bucket, last FROM {QUARTERS} WHERE {where}",
                [value for key in part for value in key],
            )
            for device, metric, bucket, last in cursor.fetchall():
                found[device, metric, bucket] = last
    return found


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


def last_sample(device_id: int, metric: str, *, before: int) -> Row | None:
    """As `neighbour`, by the stored quarters before a quarter's beginning: for times of which raw is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT last_at, last FROM {QUARTERS} WHERE device_id=%s AND metric=%s AND bucket<%s AND count>0"
            " ORDER BY bucket DESC LIMIT 1",
            [device_id, metric, before],
        )
        row = cursor.fetchone()
    return (row[0], {metric: row[1]}) if row else None


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _places(values: Sequence[object]) -> str:
    return ",".join(["%s"] * len(values))
