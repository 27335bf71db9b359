"""Counting for those who come often: a process asks Redis about every few requests, and not about each.

A round trip costs a busy server of 64 threads about a quarter of what a whole reading costs. So after asking, a
process may count a few more by itself, fewer the nearer the limit is and none when it is reached. With one process
the count is exact; each further one may let `AT_MOST - 1` more through in a window.
"""

import threading
import time

from factory.limits.shared import Counter

AT_MOST = 5  # requests that a process counts before it asks again, the one it asks for included
PART = 4  # of what is left, this part may be in a process's hands
KEYS_KEPT = 20_000


class Leases:
    """Adds up like the counter behind it, mostly without asking it."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._lock = threading.Lock()
        self._known: dict[
            str, list[int]
        ] = {}  # what all together had used, what we counted since, until when

    def add(self, key: str, amount: int, *, limit: int, keep_seconds: int, resets_at: int) -> int | None:
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                known[1] += amount
                if known[1] < min(AT_MOST, (limit - known[0]) // PART):
                    return known[0] + known[1]
                amount, known[1] = known[1], 0
        used = self._counter.add(key, amount, keep_seconds=keep_seconds)
        if used is None:
            return None
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                known[0] = max(used, known[0])
                return used + known[1]
            if len(self._known) >= KEYS_KEPT:
                self._forget()
            self._known[key] = [used, 0, resets_at]
        return used

    def clear(self) -> None:
        with self._lock:
            self._known.clear()

    def _forget(self) -> None:
        now = time.time()
        self._known = {key: known for key, known in self._known.items() if known[2] > now}
        if len(self._known) >= KEYS_KEPT:
            self._known.clear()
