"""Counting within one connection, where nobody else has to be asked."""

import time
from collections import deque

from factory.limits.rates import Rate


class Window:
    """What was taken within the last seconds of a rate; without a rate everything is."""

    def __init__(self, rate: Rate | None) -> None:
        self.rate = rate
        self._taken: deque[float] = deque()

    def takes(self, amount: int = 1) -> bool:
        """Count so many more; whether all of them are within the rate."""
        if self.rate is None:
            return True
        now = time.monotonic()
        self._taken.extend([now] * amount)
        while self._taken[0] < now - self.rate.seconds:
            self._taken.popleft()
        return len(self._taken) <= self.rate.count

    def __str__(self) -> str:
        return "" if self.rate is None else f"at most {self.rate.count} in {self.rate.seconds} s"
