"""What a device measures, what it has sent, and what it was told is stored."""

import math
import random
import threading
from typing import NamedTuple

Data = dict[str, float]


class Reading(NamedTuple):
    """A moment in ms since the epoch, and what was measured then."""

    at: int
    data: Data


class Device:
    """A device and its memory. Every reading has a number and a time of its own, so none can stand for another.

    The values have few binary digits: sums of them are exact in whatever order they are added.
    """

    def __init__(self, id: int, name: str, token: str, *, rate: float, seed: int, now: int) -> None:
        self.id, self.name, self.token = id, name, token
        self.rng = random.Random(seed)
        self._rate = rate
        self._began = self._measured_to = now
        self._count = 0
        self._supplements: list[Reading] = []
        self.sent: dict[int, Data] = {}  # all that was ever handed to a sender, whole
        self.acknowledged: dict[int, Data] = {}
        self._lock = threading.Lock()

    def measure(self, now: int) -> list[Reading]:
        """What has been measured since the last call: on time, late, and pieces of earlier readings."""
        step = 1000 / self._rate
        readings = self.supplements()
        while self._measured_to + step <= now and len(readings) < 500:
            self._measured_to += step
            late = self.rng.random() < 0.1
            readings.append(self._reading(int(self._measured_to) - late * self.rng.randint(5_000, 900_000)))
        if readings and self.rng.random() < 0.01:
            readings += self.outage(now)
        if self.rng.random() < 0.2:
            self.rng.shuffle(readings)
        return readings

    def supplements(self) -> list[Reading]:
        """The second pieces of readings whose first ones have been handed out."""
        pieces, self._supplements = self._supplements, []
        return pieces

    def outage(self, now: int) -> list[Reading]:
        """What a device brings that could not speak for a while: all of it is late."""
        count = self.rng.randint(20, 100)
        return [self._reading(now - self.rng.randint(61_000, 1_200_000)) for _ in range(count)]

    def _reading(self, at: int) -> Reading:
        at = int(at)
        while at in self.sent:
            at += 1
        n = self._count = self._count + 1
        data: Data = {"seq": n, "power": (n * 7919 % 100_003) / 8}
        if n % 2:
            data["meter"] = (at - self._began + 2_000_000) / 8  # grows with time, not with the number
        if n % 3 == 0:
            # For a while all is well, then it is too hot for a while.
            data["temperature"] = (95 if n // 150 % 4 == 3 else 60) + n % 16 / 8
        self.sent[at] = data
        if self.rng.random() < 0.05:  # the same moment, told in two pieces that are put together again
            first = {"seq": data["seq"]}
            self._supplements.append(Reading(at, {key: data[key] for key in data.keys() - first.keys()}))
            return Reading(at, first)
        return Reading(at, data)

    def acknowledge(self, readings: list[Reading]) -> None:
        with self._lock:
            for reading in readings:
                self.acknowledged[reading.at] = {**self.acknowledged.get(reading.at, {}), **reading.data}

    def some_acknowledged(self, count: int) -> list[Reading]:
        """Of those that are stored, to be sent once more."""
        with self._lock:
            times = list(self.acknowledged)[-2000:]
            chosen = self.rng.sample(times, min(count, len(times)))
            return [Reading(at, dict(self.acknowledged[at])) for at in chosen]

    def is_hot(self, limit: float) -> bool:
        """By the newest temperature."""
        newest = max((at for at, data in self.sent.items() if "temperature" in data), default=None)
        return newest is not None and self.sent[newest]["temperature"] > limit

    def latest(self) -> dict[str, tuple[float, int]]:
        """The newest value of each metric, and when."""
        found: dict[str, tuple[float, int]] = {}
        for at, data in self.sent.items():
            for metric, value in data.items():
                if at > found.get(metric, (0.0, -math.inf))[1]:
                    found[metric] = (value, at)
        return found
