"""Threshold judging when nothing changes: microseconds of processor time per reading, in the real transaction."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from bench.figures import machine
from bench.ingest import environment_for, prepare
from tests.services import folder, mariadb, valkey

ROUNDS, QUICK_ROUNDS = 60, 15
BATCHES = {1: 32, 100: 4, 1_000: 4}  # readings a request: requests in one transaction
PURE = 20_000


def main(options: argparse.Namespace) -> int:
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        plant = prepare(environment_for(url, redis, data))
        print(f"{machine()}\nprocessor time of the committing thread per reading; two thresholds a device\n")
        print(f"{'':<36}{'median us':>11}{'least-most':>16}")
        _print("the pure rules, two a reading", [_pure() for _ in range(rounds)])
        store = Store([device_id for device_id, _ in plant.devices])
        store.warm()
        for size, requests in BATCHES.items():
            judged: list[float] = []
            plain: list[float] = []
            store.run(size, requests)
            for _ in range(rounds):
                judged.append(store.run(size, requests))
                with _unjudged():
                    plain.append(store.run(size, requests))
            name = f"{requests} x {size:,} a transaction"
            _print(f"{name}: stored and judged", judged)
            _print(f"{name}: stored only", plain)
            _print(f"{name}: judging", [one - other for one, other in zip(judged, plain, strict=True)])
    return 0


def _print(name: str, runs: list[float]) -> None:
    print(f"{name:<36}{median(runs):>11.2f}{min(runs):>8.2f}-{max(runs):.2f}")


def _pure() -> float:
    from alerts.rules import NORMAL, Rule, judge  # noqa: PLC0415 -- Django is set up first

    rules = [
        (Rule(id=1, warning_max=70.0, max_value=80.0, hysteresis=2.0), 42.0),
        (Rule(id=2, warning_max=4.5, max_value=7.1, hysteresis=0.4), 2.3),
    ]
    began = time.thread_time()
    for number in range(PURE):
        for rule, value in rules:
            judge(rule, NORMAL, value, number)
    return (time.thread_time() - began) * 1e6 / PURE


@contextmanager
def _unjudged() -> Iterator[None]:
    from alerts.receivers import judge_readings  # noqa: PLC0415 -- Django is set up first
    from telemetry.signals import readings_stored  # noqa: PLC0415 -- as above

    uid = "alerts.judge_readings"
    assert readings_stored.disconnect(dispatch_uid=uid)
    try:
        yield
    finally:
        readings_stored.connect(judge_readings, dispatch_uid=uid)


class Store:
    """The transaction that the group commit runs, on readings nobody has stored before, one device after the other."""

    def __init__(self, devices: list[int]) -> None:
        from telemetry.services import store_readings  # noqa: PLC0415 -- Django is set up first

        self._store: Callable[..., object] = store_readings
        self._devices = devices
        self._turn = 0
        self._clock = time.time_ns() // 1_000_000 - 10_000_000

    def warm(self) -> None:
        """Let the process meet every device, so that it has read their rules."""
        for _ in self._devices:
            self.run(1, 1)

    def run(self, size: int, requests: int) -> float:
        """Microseconds per reading of one transaction."""
        from telemetry.batch import Sample  # noqa: PLC0415 -- as above

        samples = []
        for _ in range(requests):
            device_id = self._devices[self._turn % len(self._devices)]
            self._turn += 1
            for number in range(size):
                value = number + self._turn
                data = {"temperature": 40 + value % 97 / 10, "vibration": 2 + value % 89 / 100, "power": 9e3}
                samples.append(Sample(device_id, self._clock + number, data))
            self._clock += size
        began = time.thread_time()
        self._store(samples=samples, received_at=self._clock)
        return (time.thread_time() - began) * 1e6 / len(samples)
