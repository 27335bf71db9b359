"""Statements over the rollups, in both dialects, on plain tuples as in `telemetry.sql`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from telemetry.fold import Row
from telemetry.sql import LOOKUP_DEVICES, chunks, is_mysql, numbers
from telemetry.tally import FIELDS, Tally

COLUMNS = ", ".join(FIELDS)
QUARTERS, DAYS = "telemetry_quarter", "telemetry_day"
WRITE_ROWS = 1_000
Key = tuple[int, str, int]  # device, metric, bucket


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
        for part in chunks(sorted(rows, key=lambda row: row[0]), WRITE_ROWS):
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
    last_device: int  # which of them reported last; of sums by device, the device
    integral: float
    covered_ms: int
    increase: float | None
    resets: int
    rollovers: int


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
    by_device: bool = False,
) -> Iterator[Sum]:
    """The rollups with buckets in [start, end), summed over the devices in buckets of `step` ms, or of each device.

    With `skip=DIRTY` those that were marked dirty are left out.
    """
    for part in chunks(sorted(device_ids), LOOKUP_DEVICES):
        ranks = {device % RANKS: device for device in part}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT metric, bucket - bucket %% %s AS start, SUM(count), SUM(sum), MIN(min), MAX(max),"
                f" MAX((last_at - {COUNTED_FROM}) * {RANKS} + device_id %% {RANKS}),"
                " SUM(integral), SUM(covered_ms), SUM(increase), SUM(resets), SUM(rollovers)"
                f"{', device_id' if by_device else ''}"
                f" FROM {table} AS q WHERE device_id IN ({numbers(part)})"
                f" AND metric IN ({_places(metrics)}) AND bucket>=%s AND bucket<%s {skip}"
                f" GROUP BY {'device_id, ' if by_device else ''}metric, start",
                [step, *metrics, start, end],
            )
            for metric, bucket, count, total, low, high, newest, *others in cursor.fetchall():
                integral, covered, grown, resets, rollovers, *device = others
                since, rank = divmod(int(newest), RANKS) if newest is not None else (None, 0)
                yield Sum(
                    metric=metric,
                    bucket=int(bucket),
                    count=int(count),
                    sum=total,
                    min=low,
                    max=high,
                    last_at=None if since is None else since + COUNTED_FROM,
                    last_device=device[0] if by_device else ranks.get(rank, 0),
                    integral=integral,
                    covered_ms=int(covered),
                    increase=grown,
                    resets=int(resets),
                    rollovers=int(rollovers),
                )


def last_values(keys: Iterable[Key]) -> dict[Key, float | None]:
    """The last value of single quarters, by (device, metric, bucket)."""
    found = {}
    for part in chunks(sorted(set(keys)), LOOKUP_DEVICES):
        where = " OR ".join("(device_id=%s AND metric=%s AND bucket=%s)" for _ in part)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT device_id, metric, bucket, last FROM {QUARTERS} WHERE {where}",
                [value for key in part for value in key],
            )
            for device, metric, bucket, last in cursor.fetchall():
                found[device, metric, bucket] = last
    return found


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


def _places(values: Sequence[object]) -> str:
    return ",".join(["%s"] * len(values))
