"""Asks all the while: an answer holds at least what was acknowledged before, and at most what was sent by then."""

import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence

import httpx

from tests.chaos.measured import Device
from tests.chaos.verdict import DAY, INTERVALS, Asking, Refused

PAUSE_SECONDS = 0.3


class Watcher:
    """Somebody at a dashboard."""

    def __init__(self, urls: Sequence[str], admin: str, devices: Sequence[Device], seed: int) -> None:
        self._devices = devices
        self._rng = random.Random(seed)
        self._asking = [Asking(url, admin) for url in urls]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self.answers: Counter[str] = Counter()
        self.complaints: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        for asking in self._asking:
            asking.close()

    def _run(self) -> None:
        try:
            while not self._stop.wait(PAUSE_SECONDS):
                self._ask()
        except Exception:
            self.complaints.append(f"watcher: {traceback.format_exc()}")

    def _ask(self) -> None:
        now = time.time_ns() // 1_000_000
        interval = self._rng.choice(list(INTERVALS.values()))
        asked = {
            "deviceIds": [device.id for device in self._devices],
            "startTime": now // DAY * DAY - DAY,
            "endTime": now // DAY * DAY + 2 * DAY,
            "intervalMs": interval,
        }
        least = sum(len(device.acknowledged) for device in self._devices)
        try:
            rows = self._rng.choice(self._asking).ask("readings.getAggregated", asked)
        except httpx.HTTPError:
            self.answers["question unanswered"] += 1
            return
        except Refused as refusal:
            self.answers[f"question answered {refusal.status}"] += 1
            if refusal.status != 503:
                self.complaints.append(f"watcher: {refusal}")
            return
        self.answers["question answered"] += 1
        count, most = sum(row["count"] for row in rows), sum(len(device.sent) for device in self._devices)
        if not least <= count <= most and len(self.complaints) < 20:
            self.complaints.append(
                f"watcher: {count} readings in buckets of {interval} ms, when {least} were acknowledged"
                f" and {most} sent"
            )
