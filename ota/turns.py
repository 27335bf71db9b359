"""Doing something a few times a second at most, over all processes, however often it is asked for."""

import logging
from datetime import datetime
from time import monotonic
from typing import Any

from celery import Task
from django.core.cache import cache

from factory.queueing import messenger

logger = logging.getLogger(__name__)

KEPT_SECONDS = 10
AWAY_SECONDS = 5.0  # for which a cache that did not answer is not asked again


class Turns:
    """Slots of time, each of which has one turn for a name, and one more when it is over."""

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        self._away_until = 0.0

    def is_first(self, name: str, *, at: datetime) -> bool:
        """Whether nobody has had this slot's turn."""
        return self._take(self._slot(name, at))

    def later(self, task: Task, name: str, *, at: datetime, **kwargs: Any) -> None:
        """Have the task run after this slot, once for all who asked in it."""
        if self._take(f"{self._slot(name, at)}:later"):
            messenger.hand_over(task.signature(countdown=self.seconds), kwargs)  # type: ignore[arg-type]

    def _slot(self, name: str, at: datetime) -> str:
        return f"turn:{name}:{int(at.timestamp() / self.seconds)}"

    def _take(self, key: str) -> bool:
        # A cache that is away must not hold up whoever hears the devices: beat does it a little later.
        if monotonic() < self._away_until:
            return False
        try:
            return bool(cache.add(key, 1, timeout=KEPT_SECONDS + self.seconds))
        except Exception as error:
            logger.warning("turns.cache_away", extra={"error": str(error)})
            self._away_until = monotonic() + AWAY_SECONDS
            return False
