"""Readings over MQTT, QoS 1, acknowledged after the commit on MariaDB, beside a paho subscriber that only parses."""

import argparse
import contextlib
import json
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench.figures import Figure, machine, run_interleaved, table
from bench.ingest import DEVICES, Bare, _teller, document, environment_for, prepare
from bench.places import ROOT, Place
from factory import processes
from tests.services import folder, mariadb, mosquitto, valkey, wait_until

MESSAGES = 40_000
PUBLISHERS = 8
BROKER = ("allow_anonymous true", "max_inflight_messages 1000", "max_queued_messages 1000000")
OURS, THEIRS = "factory", "bare"  # what the topics begin with
LAST = "bench-last"  # the device whose message comes after all the others


def main(options: argparse.Namespace) -> int:
    tell = _teller()
    count = MESSAGES // 8 if options.quick else MESSAGES
    with mariadb() as url, valkey() as redis, mosquitto(lines=BROKER) as broker, folder("bench-data") as data:
        environment = {**environment_for(url, redis, data), "MQTT_URL": broker, "LOG_LEVEL": "INFO"}
        tell("preparing the plant")
        bare = Bare(prepare(environment))
        _register_last()
        line = machine()
        port = urlsplit(broker).port or 0
        with _ingest(environment, data / "ingest.log", port) as ours, _subscriber(port) as theirs:
            bench = Bench(port, database=bare.place())
            tell("warming up")
            bench.figure("warming up", OURS, ours, 2_000).measure()
            bench.figure("warming up", THEIRS, theirs, 2_000).measure()
            alone = bench.figure("bare paho subscriber that parses", THEIRS, theirs, count)
            figures = [
                alone,
                bench.figure("ingest_mqtt", OURS, ours, count, bare=alone),
                bench.figure(
                    "ingest_mqtt, an answer to each message", OURS, ours, count, bare=alone, refs=True
                ),
            ]
            run_interleaved(figures, rounds=3 if options.quick else 5, tell=tell)
        tell("")
        print(f"{line}\nMariaDB {bare.version()}, innodb_flush_log_at_trx_commit=1; all on the same cores")
        print(f"{count:,} messages of one reading, {DEVICES} devices over {PUBLISHERS} connections, QoS 1\n")
        print(table(figures))
        stored = bare.count("telemetry_reading")
        print(f"\n{bench.readings:,} readings sent to ingest_mqtt, {stored:,} stored.")
        return 0 if stored == bench.readings else 1


class Bench:
    """Makes figures, and messages whose readings nobody has sent before."""

    def __init__(self, port: int, *, database: Place) -> None:
        self.readings = 0  # that were sent to us
        self._port = port
        self._database = database
        self._clock = 0

    def figure(
        self,
        name: str,
        root: str,
        place: Place,
        count: int,
        *,
        bare: Figure | None = None,
        refs: bool = False,
    ) -> Figure:
        def measure() -> float:
            return self._send(figure, root, place, self._messages(count, refs=refs))

        figure = Figure(name, measure, bare=bare)
        return figure

    def _messages(self, count: int, *, refs: bool) -> list[tuple[str, bytes]]:
        """One reading each, going round the devices; never two of a device in the same millisecond."""
        found = []
        self._clock = max(self._clock, int(time.time() * 1000) - 5_000)  # fresh, or it would be a backlog
        for number in range(count):
            self._clock += number % DEVICES == 0
            ref = f'"ref":{number},' if refs else ""
            body = f'{{{ref}"timestamp":{self._clock},"data":{document(number)}}}'
            found.append((f"bench-{number % DEVICES}", body.encode()))
        return found

    def _send(self, figure: Figure, root: str, place: Place, messages: list[tuple[str, bytes]]) -> float:
        """Messages per second. The notes say what one cost, in processor time."""
        self._clock += 1
        last = (LAST, b'{"ref":"last","timestamp":%d,"data":{"power":1}}' % self._clock)
        job = pickle.dumps((self._port, PUBLISHERS, root, messages, last))
        before = place.cpu(), self._database.cpu()
        done = subprocess.run(
            [sys.executable, "-m", "bench.mqttload"], input=job, stdout=subprocess.PIPE, check=True, cwd=ROOT
        )
        ours, databases = place.cpu() - before[0], self._database.cpu() - before[1]
        told = json.loads(done.stdout)
        figure.note(*(1e6 * cpu / len(messages) for cpu in (ours, databases, told["cpu"])))
        if root == OURS:
            self.readings += len(messages) + 1
        return float(len(messages) / told["seconds"])


def _register_last() -> None:
    from django.db import connection  # noqa: PLC0415 -- the environment comes first
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from devices.services import register_device  # noqa: PLC0415 -- as above

    register_device(external_id=LAST, name="Last", type="sensor", at=timezone.now())
    connection.close()


@contextlib.contextmanager
def _ingest(environment: Mapping[str, str], log: Path, port: int) -> Iterator[Place]:
    with log.open("wb") as output:
        child = processes.start(
            [sys.executable, ROOT / "manage.py", "ingest_mqtt"], env=environment, cwd=ROOT, output=output
        )
    try:
        wait_until(lambda: b"mqtt.connected" in log.read_bytes(), what="the start of ingest_mqtt")
        yield Place(port, child.pid)
    finally:
        processes.stop(child, patience=12)


@contextlib.contextmanager
def _subscriber(port: int) -> Iterator[Place]:
    child = processes.start([sys.executable, "-m", "bench.mqttbare", str(port), THEIRS], cwd=ROOT)
    try:
        time.sleep(1.0)  # it says nothing
        yield Place(port, child.pid)
    finally:
        processes.stop(child)
