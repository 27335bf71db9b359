"""Statements over the watermarks and the dirty quarters, in both dialects."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import orjson
from django.db import connection, transaction

from telemetry.fold import ALWAYS, Last
from telemetry.sql import CHUNK_ROWS, LOOKUP_DEVICES, chunks, is_mysql, lock_states, numbers

MARK_COLUMNS = "rolled_to, last, turn, days_zone"
NEVER = -ALWAYS  # the watermark of a device of which nothing is rolled up
WRITE_ROWS = 1_000
DirtyQuarters = dict[int, dict[int, int]]  # device: {bucket: version}


class Mark(NamedTuple):
    """Up to where a device's readings are rolled up, and the last sample of each metric as of then."""

    rolled_to: int
    last: Last
    turn: int
    days_zone: str


def watermarks(device_ids: Sequence[int]) -> dict[int, Mark]:
    found = {}
    for part in chunks(device_ids, CHUNK_ROWS):
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
    for part in chunks(device_ids, CHUNK_ROWS):
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
    for part in chunks(ordered, WRITE_ROWS):
        values = ",".join(f"({int(device)},{int(bucket)},1)" for device, bucket in part)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO telemetry_dirty (device_id, bucket, version) VALUES {values} {again}"
            )


def delete_marks(pairs: Iterable[tuple[int, int]]) -> None:
    """Remove marks that are locked. Device by device: of a mixture MariaDB may read, and wait for, all marks."""
    for device, group in groupby(sorted(pairs), key=itemgetter(0)):
        for part in chunks([bucket for _, bucket in group], LOOKUP_DEVICES):
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
    for part in chunks(missing, WRITE_ROWS):
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


def devices_in_another_zone(zone: str) -> list[int]:
    """The devices whose days are those of a time zone the plant is not in any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id FROM telemetry_watermark WHERE days_zone<>%s ORDER BY device_id", [zone]
        )
        return [device for (device,) in cursor.fetchall()]
