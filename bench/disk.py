"""What a reading takes on the disk: in MariaDB, in SQLite and in an archived day's Parquet."""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.figures import machine
from bench.places import ROOT
from tests.services import folder, mariadb

DEVICES = 300
EVERY_MS = 20_000
DAY = 20_605  # days since the epoch: 2026-06-01
METRICS = {
    3: ("temperature", "vibration", "power"),
    6: ("temperature", "vibration", "power", "humidity", "pressure", "rpm"),
}


def main(options: argparse.Namespace) -> int:
    rows = 180_000 if options.quick else 1_200_000
    print(f"{machine()}\n{rows:,} readings of {DEVICES} devices, as they come in\n")
    print(f"{'':<12}{'MariaDB':>14}{'SQLite':>14}{'Parquet':>14}{'to archive':>14}{'to restore':>14}")
    for metrics in METRICS:
        found: dict[str, dict[str, float]] = {}
        with mariadb(durable=False) as url:
            found["MariaDB"] = _run(url, rows, metrics)
        with folder("bench-disk") as place:
            found["SQLite"] = _run(f"sqlite:///{place / 'disk.sqlite3'}", rows, metrics)
        sizes = [f"{found[name]['stored']:>8.1f} bytes" for name in ("MariaDB", "SQLite")]
        speeds = [f"{found['MariaDB'][name]:>12,.0f}/s" for name in ("archive", "restore")]
        print(
            f"{metrics} metrics   {''.join(sizes)}{found['MariaDB']['parquet']:>8.1f} bytes{''.join(speeds)}"
        )
    return 0


def _run(url: str, rows: int, metrics: int) -> dict[str, float]:
    """In a process of its own, since Django has one database for life."""
    with folder("bench-disk-data") as data:
        environment = {**os.environ, "DATABASE_URL": url, "FACTORY_DATA": str(data), "LOG_LEVEL": "ERROR"}
        done = subprocess.run(
            [sys.executable, "-c", f"from bench.disk import fill; fill({rows}, {metrics})"],
            env={**environment, "DJANGO_SETTINGS_MODULE": "factory.settings", "STORAGE_URL": ""},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return {name: float(value) for name, _, value in (line.partition("=") for line in done.stdout.split())}


def fill(rows: int, metrics: int) -> None:
    """Store the readings through the service, roll them up, archive their day, and bring it back."""
    import django  # noqa: PLC0415 -- the environment comes first

    django.setup()
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from django.core.management import call_command  # noqa: PLC0415
    from django.db import transaction  # noqa: PLC0415

    from devices.services import register_device  # noqa: PLC0415
    from telemetry import days, partitions  # noqa: PLC0415
    from telemetry.models import ArchivedDay  # noqa: PLC0415
    from telemetry.services import archive, store_readings  # noqa: PLC0415
    from telemetry.services.rollups import roll_up_due  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    start = datetime.fromtimestamp(DAY * 86_400, UTC)
    partitions.give_own(start.date())
    with transaction.atomic():
        ids = [
            register_device(external_id=f"press-{n}", name=f"Press {n}", type="sensor", at=start)[0].pk
            for n in range(DEVICES)
        ]
    empty = _stored_bytes()
    for batch in _readings(ids, rows, metrics):
        store_readings(samples=batch, received_at=batch[-1].timestamp + 40)
    print(f"stored={(_stored_bytes() - empty) / rows}")
    while roll_up_due():
        pass
    at = start + timedelta(days=200)
    print(f"archive={rows / _seconds(lambda: archive.expire_days(at=at))}")
    record = ArchivedDay.objects.get()
    assert (record.rows, days.oldest_reading(since=0, before=2**62)) == (rows, None)
    print(f"parquet={(record.bytes or 0) / rows}")
    month = timedelta(days=30)
    restored = _seconds(lambda: archive.restore_day(day=record.day, keep=month, at=at))
    print(f"restore={rows / restored}")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _readings(ids: list[int], rows: int, metrics: int) -> Iterator[list[Any]]:
    """Each device's values wander; a device in ten sends late, as devices do."""
    from telemetry.batch import Sample  # noqa: PLC0415 -- the environment comes first

    chance = random.Random(7)
    steps = rows // len(ids)
    every = min(EVERY_MS, 86_400_000 // steps)
    level = {device: [60 + chance.gauss(0, 9), 2.3, 9000.0, 40.0, 6.0, 1500.0] for device in ids}
    wander, digits = (0.1, 0.05, 40, 0.2, 0.02, 3), (2, 2, 0, 1, 2, 0)
    batch: list[Any] = []
    for step in range(steps):
        for device in ids:
            values = level[device]
            for place in range(metrics):
                values[place] += chance.gauss(0, wander[place])
            at = DAY * 86_400_000 + step * every + device * 37 % 900 + chance.randrange(25)
            document = {
                name: round(value, place) if place else round(value)
                for name, value, place in zip(METRICS[metrics], values, digits, strict=False)
            }
            batch.append(Sample(device, at, document))
        if len(batch) >= 4_800:
            yield batch
            batch = []
    if batch:
        yield batch


def _stored_bytes() -> int:
    """What the table of readings has on the disk, space that it keeps for itself included."""
    from django.db import connection  # noqa: PLC0415 -- the environment comes first

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.fetchall()
            cursor.execute("SELECT SUM(pgsize) FROM dbstat WHERE name LIKE '%telemetry_reading%'")
            return int(cursor.fetchone()[0])
        cursor.execute("SELECT @@datadir, DATABASE()")
        folder, name = cursor.fetchone()
    return sum(file.stat().st_size for file in (Path(folder) / name).glob("telemetry_reading*.ibd"))
