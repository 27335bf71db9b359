"""UTC days of readings, and the statements that go through one: in both dialects, each short.

Days are what is archived and dropped; nothing here asks whether a day should be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext

from factory.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000
EARLIEST, LATEST = -62_104_060_800_000, 253_370_764_800_000  # the years 2 to 9998: room for any zone
PAGE_ROWS = 20_000
DELETED_AT_ONCE = 10_000  # rows in one transaction: others wait for no longer than that takes


class Row(NamedTuple):
    """A reading as it is stored; `data` is its JSON text, unchanged."""

    device_id: int
    timestamp: int
    data: str
    received_at: int


@dataclass(frozen=True)
class Census:
    """How many readings of known devices there are, and when the last of them came in."""

    rows: int
    last_received: int | None

    def is_within(self, rows: int | None, last_received: int | None) -> bool:
        """Nothing was written since somebody counted `rows`: a write moves `received_at`."""
        if not self.rows:
            return True
        if rows is None or last_received is None or self.last_received is None:
            return False
        return self.rows <= rows and self.last_received <= last_received


def check_range(start: int, end: int) -> None:
    """Refuse a range [start, end) that is none, or that no calendar has room for."""
    if end <= start:
        raise InvalidInput.at("endTime", gettext("must be after startTime"))
    for name, at in (("startTime", start), ("endTime", end)):
        if not EARLIEST <= at <= LATEST:
            raise InvalidInput.at(name, gettext("is not in the years 2 to 9998"))


def day_of(timestamp: int) -> date:
    return (EPOCH + timedelta(milliseconds=timestamp)).date()


def start_of(day: date) -> int:
    return (day - EPOCH.date()).days * DAY_MS


def end_of(day: date) -> int:
    return start_of(day) + DAY_MS


def known_devices() -> dict[int, str]:
    """{id: device id} in the order of ids. Readings of deleted devices wait for their sweep only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, external_id FROM devices_device ORDER BY id")
        return dict(cursor.fetchall())


def oldest_reading(*, since: int, before: int) -> int | None:
    """The time of the oldest reading of any known device in [since, before)."""
    # Device by device, since the key begins with it: nothing but the first row of each is read.
    query = (
        "SELECT MIN(first) FROM (SELECT (SELECT r.timestamp FROM telemetry_reading r WHERE r.device_id=d.id"
        " AND r.timestamp>=%s AND r.timestamp<%s ORDER BY r.timestamp LIMIT 1) AS first"
        " FROM devices_device d) AS firsts"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [since, before])
        return cursor.fetchone()[0]


def rows_of(day: date, device_ids: Sequence[int]) -> Iterator[list[Row]]:
    """The day's readings in pages, device by device, ascending."""
    for device_id in device_ids:
        after = start_of(day) - 1
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT device_id, timestamp, data, received_at FROM telemetry_reading"
                    " WHERE device_id=%s AND timestamp>%s AND timestamp<%s ORDER BY timestamp LIMIT %s",
                    [device_id, after, end_of(day), PAGE_ROWS],
                )
                page = [Row(*row) for row in cursor.fetchall()]
            if page:
                yield page
            if len(page) < PAGE_ROWS:
                break
            after = page[-1].timestamp


def census_of(day: date, device_ids: Sequence[int]) -> Census:
    """The day's readings, counted device by device."""
    rows, last_received = 0, None
    with connection.cursor() as cursor:
        for device_id in device_ids:
            cursor.execute(
                "SELECT COUNT(*), MAX(received_at) FROM telemetry_reading"
                " WHERE device_id=%s AND timestamp>=%s AND timestamp<%s",
                [device_id, start_of(day), end_of(day)],
            )
            count, received = cursor.fetchone()
            rows += count
            if received is not None and (last_received is None or received > last_received):
                last_received = received
    return Census(rows, last_received)


def delete_day(day: date, device_ids: Sequence[int], *, received_by: int) -> int:
    """Remove the day's readings in steps; what came in after `received_by` stays. Returns how many went."""
    waiting, total = list(reversed(device_ids)), 0
    while waiting:
        with transaction.atomic():
            deleted = 0
            while waiting and deleted < DELETED_AT_ONCE:
                deleted += _delete_some(day, waiting, received_by=received_by, limit=DELETED_AT_ONCE)
        total += deleted
    return total


def _delete_some(day: date, waiting: list[int], *, received_by: int, limit: int) -> int:
    """Up to `limit` readings of the last device that waits; it waits no more when these were all."""
    device_id, start, end = waiting[-1], start_of(day), end_of(day)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT timestamp FROM telemetry_reading WHERE device_id=%s AND timestamp>=%s AND timestamp<%s"
            " AND received_at<=%s ORDER BY timestamp LIMIT %s",
            [device_id, start, end, received_by, limit],
        )
        times = [timestamp for (timestamp,) in cursor.fetchall()]
        if times:
            cursor.execute(
                "DELETE FROM telemetry_reading WHERE device_id=%s AND timestamp>=%s AND timestamp<=%s"
                " AND received_at<=%s",
                [device_id, times[0], times[-1], received_by],
            )
    if len(times) < limit:
        waiting.pop()
    return len(times)


# Of a reading that is there again meanwhile every metric that it has counts; what it lacks is added from before.
MERGED_ON_MARIADB = (
    "ON DUPLICATE KEY UPDATE data=IF(telemetry_reading.data=VALUES(data), telemetry_reading.data,"
    " JSON_MERGE_PATCH(VALUES(data), telemetry_reading.data))"
)
MERGED_ON_SQLITE = (
    "ON CONFLICT (device_id, timestamp) DO UPDATE SET data=json_patch(excluded.data, data)"
    " WHERE data<>excluded.data"
)


def bring_back(rows: Sequence[Row]) -> None:
    """Insert readings; one that is there keeps its metrics and gets those that it lacks."""
    merged = MERGED_ON_MARIADB if connection.vendor == "mysql" else MERGED_ON_SQLITE
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO telemetry_reading (device_id, timestamp, data, received_at) VALUES (%s,%s,%s,%s) {merged}",
            rows,
        )
