"""`python -m tests.galera`: readings go on while a database node is killed; says what became of those acknowledged.

Three MariaDB nodes with Galera, haproxy, Redis and granian, on temporary folders; needs about 2 GB and three minutes.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from factory import processes
from tests import services
from tests.deploy.scaled import line_of
from tests.galera.cluster import Cluster, provider
from tests.plant import MANAGE, ROOT, UNLIMITED, plain_environment

SENDERS = 8
PAUSE = 0.02


class Sender(threading.Thread):
    """A device that keeps a reading until it is acknowledged."""

    def __init__(self, url: str, device: dict, end: threading.Event) -> None:
        super().__init__(daemon=True)
        self.url, self.device, self.end = url, device, end
        self.acknowledged: list[int] = []
        self.answered: list[float] = []
        self.errors: dict[str, int] = {}

    def run(self) -> None:
        headers = {"authorization": f"Bearer {self.device['token']}"}
        at = time.time_ns() // 1_000_000
        with httpx.Client(base_url=self.url, headers=headers, timeout=15, trust_env=False) as client:
            while not self.end.is_set():
                at = max(at + 1, time.time_ns() // 1_000_000)
                while not self._sent(client, at) and not self.end.is_set():
                    time.sleep(0.1)
                time.sleep(PAUSE)

    def _sent(self, client: httpx.Client, at: int) -> bool:
        try:
            reading = {"data": {"temperature": 20.5}, "timestamp": at}
            status = str(client.post("/api/trpc/readings.create", json=reading).status_code)
        except httpx.HTTPError as error:
            status = type(error).__name__
        if status != "200":
            self.errors[status] = self.errors.get(status, 0) + 1
            return False
        self.acknowledged.append(at)
        self.answered.append(time.monotonic())
        return True


def gap(senders: list[Sender], since: float) -> float:
    """The longest time after `since` in which a device was not answered, whichever had to wait longest."""
    longest = 0.0
    for sender in senders:
        last = since
        for moment in sender.answered:
            if moment > since:
                longest, last = max(longest, moment - last), moment
    return longest


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.galera", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="of readings between two events")
    seconds = parser.parse_args().seconds
    try:
        provider()
        for names in (("mariadbd", "mysqld"), ("haproxy",), ("rsync",), ("redis-server", "valkey-server")):
            services.program(*names)
    except services.NotInstalled as missing:
        parser.exit(2, f"{missing} is not installed; docs/galera.md says what is needed.\n")
    with tempfile.TemporaryDirectory(prefix="factory-galera-") as name, services.redis_server() as redis:
        folder = Path(name)
        (folder / "nodes").mkdir()
        cluster = Cluster(folder / "nodes")
        try:
            cluster.start()
            return 0 if run(cluster, folder, redis, seconds) else 1
        finally:
            cluster.close()


def run(cluster: Cluster, folder: Path, redis: str, seconds: float) -> bool:
    import subprocess

    port = services.free_port()
    env = plain_environment(
        DJANGO_SETTINGS_MODULE="factory.settings",
        DATABASE_URL=cluster.url,
        REDIS_URL=redis,
        MQTT_BROKER="none",
        FACTORY_DATA=str(folder / "data"),
        FACTORY_DEMO="0",
        PORT=str(port),
        WEB_WORKERS="2",
        **UNLIMITED,
    )

    def command(*argv: str) -> str:
        done = subprocess.run(
            argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{argv}:\n{done.stdout}{done.stderr}"[-3000:])
        return done.stdout

    command(*MANAGE, "migrate", "-v0")
    told = json.loads(command(sys.executable, "-m", "tests.chaos.populate", str(SENDERS)))
    with (folder / "web.log").open("wb") as output:
        web = processes.start(
            ["/bin/sh", "-c", f"exec env {line_of('web')}"], env=env, cwd=ROOT, output=output
        )
    try:
        services.wait_until(lambda: services.listens(port), what="granian", seconds=60)
        return measure(cluster, told["devices"], f"http://127.0.0.1:{port}", seconds, folder)
    finally:
        processes.stop(web, patience=12)


def measure(cluster: Cluster, devices: list[dict], url: str, seconds: float, folder: Path) -> bool:
    end = threading.Event()
    senders = [Sender(url, device, end) for device in devices]
    for sender in senders:
        sender.start()
    time.sleep(seconds)
    good = True
    for what in ("the node that serves", "a node that stands by"):
        serving = cluster.serving()
        node = (
            serving if what == "the node that serves" else next(n for n in cluster.nodes if n is not serving)
        )
        errors = sum(sum(sender.errors.values()) for sender in senders)
        killed = time.monotonic()
        node.kill()
        time.sleep(seconds)
        errors = sum(sum(sender.errors.values()) for sender in senders) - errors
        say(f"kill -9 of {what} ({node.name}): a device waited {gap(senders, killed):.1f} s at the longest,")
        say(f"  {errors} requests failed and were sent again; {cluster.serving().name} serves")
        back = time.monotonic()
        node.start(cluster.nodes)
        took = node.wait_synced(3)
        waited = gap(senders, back)
        say(
            f"  {node.name} was back in step after {took:.1f} s by {node.came_back_by()}; meanwhile {waited:.1f} s"
        )
        time.sleep(3)
    end.set()
    for sender in senders:
        sender.join(20)
    good &= compare(cluster, senders)
    retried = (folder / "web.log").read_text(errors="replace").count("database.retry")
    say(f"transactions tried again after 1213 or 1205: {retried}; told to devices: {errors_of(senders)}")
    return good


def errors_of(senders: list[Sender]) -> dict[str, int]:
    found: dict[str, int] = {}
    for sender in senders:
        for status, number in sender.errors.items():
            found[status] = found.get(status, 0) + number
    return found


def compare(cluster: Cluster, senders: list[Sender]) -> bool:
    """Every acknowledged reading, on every node."""
    acknowledged = {(s.device["id"], at) for s in senders for at in s.acknowledged}
    good = True
    for node in cluster.nodes:
        rows = node.ask("SELECT device_id, timestamp FROM factory.telemetry_reading").splitlines()
        there = [tuple(map(int, row.split())) for row in rows]
        lost, twice = acknowledged - set(there), len(there) - len(set(there))
        say(f"{node.name}: {len(acknowledged)} acknowledged, {len(lost)} of them lost, {twice} there twice")
        good &= not lost and not twice
    return good


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
