"""A restart of 10,000 devices as one batch: until the commands are out at the broker, and until all have answered.

Everything real and on the same machine: database, Valkey, Mosquitto, `ingest_mqtt`, two workers, beat, and one MQTT
client that hears every command and answers it. Then the same with 7 % failing, one worker killed half way, and
the failed ones done again.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.figures import machine
from bench.ingest import _teller, environment_for
from bench.places import ROOT
from factory import processes
from tests.services import folder, mariadb, mosquitto, valkey, wait_until

DEVICES, QUICK_DEVICES = 10_000, 2_000
ROUNDS, QUICK_ROUNDS = 3, 1
BROKER = ("allow_anonymous true", "max_inflight_messages 1000", "max_queued_messages 1000000")
POOL = ("--pool=threads", "--concurrency=4", "--without-gossip", "--without-mingle", "--without-heartbeat")
CELERY = (sys.executable, "-W", "ignore", "-m", "celery", "--app=factory.celery", "--quiet")
LONGEST = 180.0  # seconds


def main(options: argparse.Namespace) -> int:
    devices, rounds = (QUICK_DEVICES, QUICK_ROUNDS) if options.quick else (DEVICES, ROUNDS)
    tell = _teller()
    print(f"{machine()}\na batch that restarts {devices:,} devices; seconds after it was asked for\n")
    print(f"{'':<10}{'created':>9}{'queued':>9}{'out':>9}{'answered':>10}")
    failed = 0
    for name in ("MariaDB", "SQLite"):
        with contextlib.ExitStack() as stack:
            data = stack.enter_context(folder("bench-data"))
            url = (
                stack.enter_context(mariadb()) if name == "MariaDB" else f"sqlite:///{data / 'bench.sqlite3'}"
            )
            redis = stack.enter_context(valkey())
            broker = stack.enter_context(mosquitto(lines=BROKER))
            environment = {**environment_for(url, redis, data), "MQTT_URL": broker, "LOG_LEVEL": "INFO"}
            tell(f"{name}: {rounds} rounds, and one with a worker killed")
            run = [sys.executable, "-m", "bench.batch", str(devices), str(rounds), str(data)]
            done = subprocess.run(run, env=environment, stdout=subprocess.PIPE, check=True, cwd=ROOT)
            told = json.loads(done.stdout)
            tell("")
            for row in told["rounds"]:
                print(f"{name:<10}" + "".join(f"{row[key]:>9.2f}" for key in ("created", "queued", "out"))
                      + f"{row['over']:>10.2f}")  # fmt: skip
            print(f"{name:<10}{told['killed']}")
            failed += not told["right"]
    return 1 if failed else 0


# In a process of its own, set up for one database


def run(devices: int, rounds: int, data: Path) -> dict[str, Any]:
    import django  # noqa: PLC0415 -- the environment comes first

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- as above

    from factory.accounts.models import User  # noqa: PLC0415 -- as above
    from tests.builders import make_user  # noqa: PLC0415 -- as above
    from tests.grouping.fleet import Fleet, make_fleet  # noqa: PLC0415 -- as above

    call_command("migrate", verbosity=0)
    ids, by = make_fleet(devices), make_user(role=User.Role.OPERATOR)
    log = data / "ingest.log"
    with contextlib.ExitStack() as stack:
        stack.enter_context(_process([sys.executable, str(ROOT / "manage.py"), "ingest_mqtt"], log))
        workers = [stack.enter_context(_worker(name, data)) for name in ("one", "two")]
        beat = [*CELERY, "beat", f"--schedule={data / 'schedule'}", "--pidfile="]
        stack.enter_context(_process(beat, data / "beat.log"))
        started = "the start of ingest_mqtt"
        try:
            wait_until(lambda: b"mqtt.connected" in log.read_bytes(), what=started)
        except TimeoutError as late:
            raise TimeoutError(f"{late}:\n{log.read_text()[-2000:]}") from None
        time.sleep(4)  # the workers say nothing when they are ready
        found = []
        for _ in range(rounds):
            with Fleet(os.environ["MQTT_URL"]) as fleet:
                found.append(_round(ids, by, fleet))
        with Fleet(os.environ["MQTT_URL"], lambda name: int(name.rpartition("-")[2]) % 100 < 7) as fleet:
            words, right = _with_a_kill(ids, by, fleet, workers[0])
    return {"rounds": found, "killed": words, "right": right}


def _round(ids: list[int], by: Any, fleet: Any) -> dict[str, float]:
    began = time.monotonic()
    batch = _begin(ids, by)
    created = time.monotonic() - began
    from grouping.models import BatchItem  # noqa: PLC0415 -- as above

    begun = BatchItem.objects.filter(batch=batch, command=None)
    queued = _until(lambda: not begun.exists(), began)
    out = _until(lambda: len(fleet.pushes) >= len(ids), began)
    over = _until(lambda: _is_over(batch), began)
    assert set(fleet.pushes.values()) == {1}, "a device was told twice"
    return {"created": created, "queued": queued, "out": out, "over": over}


def _with_a_kill(ids: list[int], by: Any, fleet: Any, doomed: Any) -> tuple[str, bool]:
    from django.db import connection  # noqa: PLC0415 -- as above
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from grouping.models import BatchItem  # noqa: PLC0415 -- as above
    from grouping.queries import counts_of, get_batch  # noqa: PLC0415 -- as above
    from grouping.services import retry_failed  # noqa: PLC0415 -- as above

    batch = _begin(ids, by)
    looks: set[int] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            looks.add(counts_of([batch.pk])[batch.pk].total)
        connection.close()

    looking = threading.Thread(target=look)
    looking.start()
    half = BatchItem.objects.filter(batch=batch, command__isnull=False)
    _until(lambda: half.count() >= len(ids) // 2, time.monotonic(), pause=0.002)
    processes.send(doomed, signal.SIGKILL)
    killed = time.monotonic()
    took = _until(lambda: _is_over(batch), killed)
    done.set()
    looking.join()
    counts = counts_of([batch.pk])[batch.pk]
    failing = sum(number % 100 < 7 for number in range(len(ids)))
    right = (counts.succeeded, counts.failed) == (len(ids) - failing, failing) and looks == {len(ids)}
    right &= len(fleet.told) == len(ids) and set(fleet.pushes.values()) == {1}
    fleet.fails = lambda name: False
    retry_failed(batch=get_batch(batch.pk), at=timezone.now())
    again = _until(lambda: _is_over(batch), time.monotonic())
    right &= counts_of([batch.pk])[batch.pk].succeeded == len(ids)
    right &= set(fleet.pushes.values()) == {1} and len(fleet.pushes) == len(ids) + failing
    words = (
        f"one of two workers killed half way: all have one outcome {took:.1f} s later,"
        f" {counts.failed} failed; those again in {again:.1f} s. {'Right' if right else 'WRONG'}:"
        f" {len(fleet.pushes):,} commands, at most {max(fleet.pushes.values())} push each"
    )
    return words, right


def _begin(ids: list[int], by: Any) -> Any:
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from grouping.services import create_batch  # noqa: PLC0415 -- as above

    return create_batch(operation="restart", parameters={}, device_ids=ids, by=by, at=timezone.now())


def _is_over(batch: Any) -> bool:
    from grouping.queries import get_batch  # noqa: PLC0415 -- as above

    return get_batch(batch.pk).completed_at is not None


def _until(is_so: Callable[[], bool], began: float, *, pause: float = 0.02) -> float:
    """Seconds from `began` until it is so."""
    end = time.monotonic() + LONGEST
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {LONGEST:.0f} s")
        time.sleep(pause)
    return time.monotonic() - began


@contextlib.contextmanager
def _process(argv: list[str], log: Path) -> Iterator[Any]:
    with log.open("wb") as output:
        child = processes.start(argv, env=dict(os.environ), cwd=ROOT, output=output)
    try:
        yield child
    finally:
        processes.stop(child, patience=12)


def _worker(name: str, data: Path) -> contextlib.AbstractContextManager[Any]:
    return _process([*CELERY, "worker", f"--hostname={name}@%h", *POOL], data / f"{name}.log")


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
