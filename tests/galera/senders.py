"""Devices that send over HTTP, and whether the nodes hold what these were told is stored."""

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import httpx

from tests.galera.cluster import Cluster

PAUSE = 0.02


class Turn(NamedTuple):
    """Which of so many senders of one device this is: no two of them send a reading of the same millisecond."""

    number: int = 0
    of: int = 1


class Sender(threading.Thread):
    """A device that keeps a reading until it is acknowledged."""

    def __init__(self, url: str, device: dict, end: threading.Event, turn: Turn | None = None) -> None:
        super().__init__(daemon=True)
        self.url, self.device, self.end, self.turn = url, device, end, turn or Turn()
        self.acknowledged: list[int] = []
        self.answered: list[float] = []
        self.errors: Counter[str] = Counter()

    def run(self) -> None:
        headers = {"authorization": f"Bearer {self.device['token']}"}
        at = 0
        with httpx.Client(base_url=self.url, headers=headers, timeout=15, trust_env=False) as client:
            while not self.end.is_set():
                now = time.time_ns() // 1_000_000
                at = max(at + self.turn.of, now - now % self.turn.of + self.turn.number)
                while not self._sent(
                    client, at
                ):  # also at the end: what was sent may be there, and is to be known
                    time.sleep(0.1)
                time.sleep(PAUSE)

    def _sent(self, client: httpx.Client, at: int) -> bool:
        try:
            reading = {"data": {"temperature": temperature(at)}, "timestamp": at}
            status = str(client.post("/api/trpc/readings.create", json=reading).status_code)
        except httpx.HTTPError as error:
            status = type(error).__name__
        if status != "200":
            self.errors[status] += 1
            return False
        self.acknowledged.append(at)
        self.answered.append(time.monotonic())
        return True


def temperature(at: int) -> float:
    """Of each moment another one, exact in binary, and never so high that it alarms."""
    return at % 640 / 8


def gap(senders: Sequence[Sender], since: float) -> float:
    """The longest time after `since` in which a device was not answered, whichever had to wait longest."""
    longest = 0.0
    for sender in senders:
        last = since
        for moment in sender.answered:
            if moment > since:
                longest, last = max(longest, moment - last), moment
    return longest


def errors_of(senders: Sequence[Sender]) -> dict[str, int]:
    return dict(sum((sender.errors for sender in senders), Counter()))


def problems_on(cluster: Cluster, senders: Sequence[Sender]) -> list[str]:
    """Where a node does not hold just what was acknowledged, once, and the newest of it as the newest."""
    sent: dict[int, set[int]] = {}
    for sender in senders:
        sent.setdefault(sender.device["id"], set()).update(sender.acknowledged)
    ids = ",".join(map(str, sent))
    found = []
    for node in cluster.nodes:
        rows = node.ask(
            f"SELECT device_id, timestamp FROM factory.telemetry_reading WHERE device_id IN ({ids})"
        )
        there = Counter(tuple(map(int, row.split())) for row in rows.splitlines())
        expected = Counter((device, at) for device, times in sent.items() for at in times)
        if there != expected:
            lost, more = expected - there, there - expected
            found.append(f"{node.name}: {lost.total()} readings are lost, {more.total()} are too many")
        states = node.ask(
            f"SELECT device_id, newest, latest FROM factory.telemetry_state WHERE device_id IN ({ids})"
        )
        newest = {
            int(device): (int(at), json.loads(latest))
            for device, at, latest in (row.split("\t") for row in states.splitlines())
        }
        wanted = {
            device: (max(times), {"temperature": [temperature(max(times)), max(times)]})
            for device, times in sent.items()
        }
        if newest != wanted:
            found.append(f"{node.name}: the newest are {newest}, and should be {wanted}")
    return found
