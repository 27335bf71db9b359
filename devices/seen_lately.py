"""Presence moves by seconds, not by messages: this remembers what this process has written lately."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction

MOVE_SECONDS = 5.0


class SeenLately:
    """Per process. Forgetting costs one needless update, never a wrong one."""

    def __init__(self) -> None:
        self._written: dict[int, float] = {}
        self._lock = threading.Lock()

    def note(self, device_ids: Iterable[int], *, at: datetime, write: Callable[..., None]) -> None:
        """Call `write(device_ids=..., at=...)` for those whose presence is due to move."""
        now = time.monotonic()
        due = [
            device for device in device_ids if now - self._written.get(device, float("-inf")) > MOVE_SECONDS
        ]
        if not due:
            return
        write(device_ids=due, at=at)
        transaction.on_commit(lambda: self._remember(due, now), robust=True)

    def _remember(self, device_ids: Iterable[int], now: float) -> None:
        with self._lock:
            if len(self._written) > 100_000:
                self._written.clear()
            self._written.update(dict.fromkeys(device_ids, now))

    def clear(self) -> None:
        with self._lock:
            self._written.clear()


seen_lately = SeenLately()
