"""Keeps a broker in step with the database: who may connect is asked once a second, in one query."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from devices.queries import mark_of_alive_credentials

logger = logging.getLogger(__name__)
EVERY_SECONDS = 1.0


class Upkeep:
    """Calls `refresh(at)` when credentials have come or gone. Outlives a database that is away."""

    def __init__(self, refresh: Callable[[datetime], object]) -> None:
        self._refresh = refresh
        self._mark: tuple[int, int] | None = None
        self._failing = False

    def forget(self) -> None:
        """Refresh at the next look, whatever the database says."""
        self._mark = None

    def look(self) -> bool:
        """Whether all is in step now."""
        at = timezone.now()
        close_old_connections()
        try:
            mark = mark_of_alive_credentials(at=at)
            if mark != self._mark:
                # Before, so that a `forget` that comes meanwhile is not overlooked.
                self._mark = mark
                self._refresh(at)
        except (DatabaseError, OSError) as reason:
            self._mark = None
            if not self._failing:
                logger.warning("mqtt.upkeep_failed", extra={"reason": str(reason)})
            self._failing = True
            connection.close()
            return False
        if self._failing:
            logger.info("mqtt.upkeep_works_again")
        self._failing = False
        return True
