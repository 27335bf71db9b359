"""Answers over a month of many devices, at 1 x and 10 x the raw readings; and what a bare statement costs."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.figures import machine
from tests.services import folder, mariadb, valkey

DAYS = 30
DAY_MS = 86_400_000
STEPS = {"1 x": 30 * 60_000, "10 x": 3 * 60_000}  # between two readings of a device
RUNS = 15
TAIL = 1  # readings of each device that the worker has not come by yet


def main(options: argparse.Namespace) -> int:
    devices, runs = (100, 5) if options.quick else (1_000, RUNS)
    lines = []
    line = machine()
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        set_up(url, redis, str(data))
        ids = register(devices)
        end = int(time.time() * 1000) // DAY_MS * DAY_MS + DAY_MS // 2
        before: dict[str, float] = {}
        for name, step in STEPS.items():
            rows = fill(ids, end - DAYS * DAY_MS, end, step)
            lines.append(
                f"\n{name}: {rows:,} raw readings of {devices:,} devices, {TAIL} each not rolled up yet"
            )
            for what, work in _questions(ids, end).items():
                times = sorted(timed(work) for _ in range(runs))
                middle = median(times)
                grown = f"{middle / before[what]:6.2f} x" if what in before else ""
                before.setdefault(what, middle)
                lines.append(
                    f"  {what:<58} {middle:8.1f} ms   {times[0]:.1f}-{times[-1]:.1f} {grown}".rstrip()
                )
    print(line)
    print("\n".join(lines))
    return 0


def _questions(ids: list[int], end: int) -> dict[str, Callable[[], Any]]:
    from django.db import connection  # noqa: PLC0415 -- the environment comes first

    from telemetry.queries import aggregated, latest_values, readings_of  # noqa: PLC0415 -- as above

    first = end // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS
    last = end // DAY_MS * DAY_MS + DAY_MS

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT bucket, SUM(integral), SUM(covered_ms) FROM telemetry_day"
                f" WHERE device_id IN ({','.join(map(str, ids))}) AND metric='power'"
                " AND bucket>=%s AND bucket<%s GROUP BY bucket",
                [first, last],
            )
            cursor.fetchall()

    def ask(devices: list[int], start: int, interval: int) -> Callable[[], Any]:
        def work() -> None:
            rows = aggregated(
                device_ids=devices, start=start, end=last, interval_ms=interval, metrics=["power"]
            )
            assert rows

        return work

    one = ids[:1]
    return {
        "bare SELECT of the day sums": bare,
        "30 days by day, all devices": ask(ids, first, DAY_MS),
        "7 days by hour, all devices": ask(ids, last - 7 * DAY_MS, 3_600_000),
        "24 hours by quarter-hour, all devices": ask(ids, last - DAY_MS, 900_000),
        "30 days by hour, one device": ask(one, first, 3_600_000),
        "1 day by minute, one device (from raw)": ask(one, last - DAY_MS, 60_000),
        "30 days of one device as a chart of 1,000 points": lambda: readings_of(
            device_id=one[0], start=first, end=last, limit=1, max_points=1_000
        ),
        "newest values of all devices": lambda: latest_values(device_ids=ids),
    }


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def set_up(url: str, redis: str, data: str) -> None:
    os.environ.update(
        DJANGO_SETTINGS_MODULE="factory.settings",
        DATABASE_URL=url,
        REDIS_URL=redis,
        FACTORY_DATA=data,
        LOG_LEVEL="WARNING",
        READINGS_RETENTION_DAYS="90",
    )
    import django  # noqa: PLC0415 -- the environment comes first

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- as above

    call_command("migrate", verbosity=0)


def register(count: int) -> list[int]:
    from django.db import transaction  # noqa: PLC0415 -- the environment comes first
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from devices.services import register_device  # noqa: PLC0415 -- as above

    with transaction.atomic():
        return [
            register_device(
                external_id=f"bench-{number}", name=f"Bench {number}", type="sensor", at=timezone.now()
            )[0].pk
            for number in range(count)
        ]


def fill(ids: list[int], start: int, end: int, step: int) -> int:
    """Readings every `step` ms, rolled up by the worker but for the last few. Returns how many rows there are."""
    from django.db import connection  # noqa: PLC0415 -- the environment comes first

    from telemetry.services.rollups import roll_up_due  # noqa: PLC0415 -- as above

    times = range(start, end, step)
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION max_statement_time=0, unique_checks=0")
        for table in ("reading", "state", "quarter", "day", "watermark", "dirty"):
            cursor.execute(
                f"DELETE FROM telemetry_{table}" if table == "dirty" else f"TRUNCATE telemetry_{table}"
            )
        for part in range(2):
            taken = times[:-TAIL] if part == 0 else times[-TAIL:]
            for number, device in enumerate(ids):
                for place in range(0, len(taken), 10_000):
                    values = ",".join(
                        f"({device},{at},'{{\"power\":{9000 + at // step % 997 + number}}}',{at})"
                        for at in taken[place : place + 10_000]
                    )
                    cursor.execute(
                        f"INSERT INTO telemetry_reading (device_id, timestamp, data, received_at) VALUES {values}"
                    )
            newest = taken[-1]
            cursor.execute(
                "INSERT INTO telemetry_state (device_id, newest, latest)"
                f" SELECT id, {newest}, '{{\"power\":[9000,{newest}]}}' FROM devices_device"
                " ON DUPLICATE KEY UPDATE newest=VALUES(newest), latest=VALUES(latest)"
            )
            if part == 0:
                while roll_up_due(seconds=600):
                    tell("rolling up")
        cursor.execute("ANALYZE TABLE telemetry_reading, telemetry_quarter, telemetry_day")
        cursor.fetchall()
    return len(times) * len(ids)


def tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
