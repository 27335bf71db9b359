"""Readings over HTTP on MariaDB, beside the bare driver writing the same rows into the same table."""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.figures import Figure, machine, run_interleaved, table
from bench.places import ROOT, Place, embedded, granian
from tests.services import folder, mariadb, valkey

DEVICES = 300
COMMIT_ROWS = 5_000  # of the bare driver's executemany and of LOAD DATA
LINE = "%s\t%s\t%s\t%s\n"
PATH = "/api/trpc/readings.create"
LOAD = "bare LOAD DATA, a commit per 5,000"
INSERT = "INSERT INTO bench_reading (device_id, timestamp, data, received_at) VALUES (%s, %s, %s, %s)"


def main(options: argparse.Namespace) -> int:
    tell = _teller()
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        environment = environment_for(url, redis, data)
        tell("preparing the plant")
        plant = prepare(environment)
        bare = Bare(plant)
        database = bare.place()
        line = machine()
        with (
            granian(environment, workers=options.workers, threads=options.threads) as many,
            embedded(environment) as one,
        ):
            figures = _figures(plant, bare, database, many, one, options)
            tell("warming up")  # every thread's connection, every token
            for server in (many, one):
                send(Figure("warming up", lambda: 0.0), server, database, plant.requests(2_000, 1), 128, 1)
            run_interleaved(figures, rounds=3 if options.quick else 4, tell=tell)
        tell("")
        loaded = next((figure for figure in figures if figure.name == LOAD), None)
        print(
            f"{line}\nMariaDB {bare.version()}, innodb_flush_log_at_trx_commit=1; generator on the same cores"
        )
        print(f"granian: {options.workers} x {options.threads} threads; {options.connections} connections\n")
        print(table(figures))
        if loaded:
            print()
            for figure in figures:
                if figure.costs and "a request" in figure.name:
                    print(f"{figure.name}: {figure.middle / loaded.middle:.2f} x {LOAD}")
        stored = bare.count("telemetry_reading")
        print(f"\n{plant.handed_out:,} readings sent over HTTP, {stored:,} stored.")
        return 0 if stored == plant.handed_out else 1


def _figures(
    plant: "Plant", bare: "Bare", database: Place, many: Place, one: Place, options: argparse.Namespace
) -> list[Figure]:
    part = 0.15 if options.quick else 1.0

    def rows(count: int) -> int:
        return max(1, round(count * part))

    batch = Figure("bare executemany, a commit per 5,000", lambda: bare.many(rows(60_000)))
    alone = Figure("bare single inserts, 1 connection", lambda: bare.single(rows(3_000), 1))
    crowd = Figure(
        f"bare single inserts, {options.connections} connections",
        lambda: bare.single(rows(8_000), options.connections),
    )

    def http(name: str, server: Place, count: int, size: int, connections: int, against: Figure) -> Figure:
        def measure() -> float:
            return send(figure, server, database, plant.requests(rows(count), size), connections, size)

        figure = Figure(name, measure, bare=against)
        return figure

    loaded = [Figure(LOAD, lambda: bare.load(rows(60_000)))] if bare.may_load() else []
    return [
        batch,
        *loaded,
        alone,
        crowd,
        http("granian, single readings", many, 8_000, 1, options.connections, alone),
        http("granian, 100 a request", many, 60_000, 100, 16, batch),
        http("granian, 1,000 a request", many, 80_000, 1_000, 16, batch),
        http("manage.py serve, single readings", one, 4_000, 1, 64, alone),
        http("manage.py serve, 1,000 a request", one, 60_000, 1_000, 16, batch),
    ]


def send(
    figure: Figure, server: Place, database: Place, requests: list[bytes], connections: int, size: int
) -> float:
    """Readings per second. The notes say how long a request waited, and what the readings cost."""
    job = pickle.dumps((server.port, connections, requests, None))
    before = server.cpu(), database.cpu()
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=job, stdout=subprocess.PIPE, check=True, cwd=ROOT
    )
    readings = len(requests) * size
    ours, theirs = (
        1e6 * (place.cpu() - cpu) / readings for place, cpu in zip((server, database), before, strict=True)
    )
    told = json.loads(done.stdout)
    if told["bad"]:
        raise SystemExit(f"{figure.name}: {told['bad']} of {len(requests)} requests were not taken.")
    figure.note(ours, theirs, 1e6 * told["cpu"] / readings, 1000 * told["p50"], 1000 * told["p99"])
    return float(readings / told["seconds"])


class Plant:
    """Devices with tokens; hands out requests whose readings nobody has sent before."""

    def __init__(self, devices: list[tuple[int, str]]) -> None:
        self.devices = devices
        self.handed_out = 0
        self._turn = 0
        now = int(time.time() * 1000)
        self._clocks = [now for _ in devices]  # each reading of a device is a millisecond after the last

    def requests(self, readings: int, size: int) -> list[bytes]:
        """`readings` in requests of `size`, going round the devices."""
        found = []
        for _ in range(max(1, readings // size)):
            place = self._turn % len(self.devices)
            self._turn += 1
            items = [
                f'{{"timestamp":{self._clocks[place] + number},"data":{document(number + self._turn)}}}'
                for number in range(size)
            ]
            self._clocks[place] += size
            self.handed_out += size
            body = items[0] if size == 1 else f'{{"readings":[{",".join(items)}]}}'
            head = (
                f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.devices[place][1]}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            found.append((head + body).encode())
        return found


def document(number: int) -> str:
    """What a device measured; always within its limits, so that it is judged and nothing comes of it."""
    temperature, vibration = 40 + number % 97 / 10, 2 + number % 89 / 100
    return f'{{"temperature":{temperature},"vibration":{vibration},"power":{9000 + number % 997}}}'


class Bare:
    """mysqlclient alone, writing into a table like ours."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._written = 0
        connection = self._connect()
        connection.cursor().execute("CREATE TABLE bench_reading LIKE telemetry_reading")
        connection.close()

    def _connect(self) -> Any:
        import MySQLdb  # noqa: PLC0415 -- compiled on the spot, so it may be missing
        from django.db import connection  # noqa: PLC0415 -- the environment comes first

        there = connection.settings_dict
        return MySQLdb.connect(
            host=there["HOST"],
            port=int(there["PORT"]),
            user=there["USER"],
            database=there["NAME"],
            charset="utf8mb4",
            local_infile=1,
        )

    def place(self) -> Place:
        """The database server's own process."""
        return Place(0, int(Path(str(self._value("SELECT @@pid_file"))).read_text()))

    def version(self) -> str:
        return str(self._value("SELECT VERSION()"))

    def count(self, name: str) -> int:
        return int(self._value(f"SELECT COUNT(*) FROM {name}"))

    def _value(self, query: str) -> Any:
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone()[0]
        finally:
            connection.close()

    def _rows(self, count: int) -> list[tuple[int, int, str, int]]:
        """As many rows as `count` requests or batches would write: device by device, a hundred at a time."""
        devices, received = self._plant.devices, int(time.time() * 1000)
        first = self._written
        self._written += count
        return [
            (devices[number // 100 % len(devices)][0], 1_700_000_000_000 + number, document(number), received)
            for number in range(first, first + count)
        ]

    def many(self, count: int) -> float:
        rows = self._rows(count)
        connection = self._connect()
        began = time.perf_counter()
        with connection.cursor() as cursor:
            for start in range(0, count, COMMIT_ROWS):
                cursor.executemany(INSERT, rows[start : start + COMMIT_ROWS])
                connection.commit()
        seconds = time.perf_counter() - began
        connection.close()
        return count / seconds

    def may_load(self) -> bool:
        """Whether the server takes a file from its client."""
        return bool(self._value("SELECT @@local_infile"))

    def load(self, count: int) -> float:
        """The rows as text through LOAD DATA; writing the file counts, for a program would have to write it too."""
        rows = self._rows(count)
        connection = self._connect()
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file, connection.cursor() as cursor:
            began = time.perf_counter()
            for start in range(0, count, COMMIT_ROWS):
                file.seek(0)
                file.truncate()
                file.write("".join(LINE % row for row in rows[start : start + COMMIT_ROWS]))
                file.flush()
                cursor.execute(f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE bench_reading")
                connection.commit()
            seconds = time.perf_counter() - began
        connection.close()
        return count / seconds

    def single(self, count: int, connections: int) -> float:
        rows = self._rows(count)
        opened = [self._connect() for _ in range(connections)]

        def write(connection: Any, mine: list[tuple[int, int, str, int]]) -> None:
            with connection.cursor() as cursor:
                for row in mine:
                    cursor.execute(INSERT, row)
                    connection.commit()

        threads = [
            threading.Thread(target=write, args=(connection, rows[place::connections]))
            for place, connection in enumerate(opened)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        for connection in opened:
            connection.close()
        return count / seconds


def environment_for(url: str, redis: str, data: Path) -> dict[str, str]:
    """The product's own settings, on the private services, without limits on how often a device may send."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "factory.settings",
        "DATABASE_URL": url,
        "REDIS_URL": redis,
        "FACTORY_DATA": str(data),
        "RATE_DEVICE": "off",
        "LOG_LEVEL": "WARNING",
    }


def prepare(environment: dict[str, str], *, devices: int = DEVICES) -> Plant:
    """Migrate, and register devices that are watched by two thresholds each."""
    os.environ.update(environment)
    import django  # noqa: PLC0415 -- the environment comes first

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- as above
    from django.db import connection, transaction  # noqa: PLC0415 -- as above
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from alerts.services.thresholds import replace_thresholds  # noqa: PLC0415 -- as above
    from devices.services import register_device  # noqa: PLC0415 -- as above

    call_command("migrate", verbosity=0)
    wanted = [
        {"metric": "temperature", "warning_max": 70.0, "max_value": 80.0, "hysteresis": 2.0},
        {"metric": "vibration", "warning_max": 4.5, "max_value": 7.1, "hysteresis": 0.4},
    ]
    registered = []
    with transaction.atomic():
        for number in range(devices):
            now = timezone.now()
            device, token = register_device(
                external_id=f"bench-{number}", name=f"Bench {number}", type="sensor", at=now
            )
            replace_thresholds(device=device, wanted=wanted, at=now)
            registered.append((device.pk, token))
    connection.close()
    return Plant(registered)


def _teller() -> Callable[[str], None]:
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
