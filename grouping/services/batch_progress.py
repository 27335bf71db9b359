"""How a batch stands, told to those who watch it: a few times a second, however many devices answer."""

import logging
from collections.abc import Iterable
from datetime import datetime
from time import monotonic
from typing import Any

from django.core.cache import cache
from django.db import transaction

from factory.live.broadcast import broadcast
from factory.live.story import microseconds
from factory.queueing import messenger
from grouping import tasks
from grouping.models import BatchOperation
from grouping.queries.batches import counts_of, progress_of

logger = logging.getLogger(__name__)

BATCH_STREAM = "batch"
# A second touches four of these slots at most, and each is told once over all processes.
SLOT_SECONDS = 1 / 3
KEPT_SECONDS = 10
AWAY_SECONDS = 5.0  # for which a cache that did not answer is not asked again


class _Cache:
    """Whether the cache can be asked: one that is away must not hold up whoever hears the devices."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def is_first(self, key: str) -> bool:
        if monotonic() < self._away_until:
            return False
        try:
            return bool(cache.add(key, 1, timeout=KEPT_SECONDS))
        except Exception as error:
            logger.warning("batch.progress_not_told", extra={"error": str(error)})
            self._away_until = monotonic() + AWAY_SECONDS
            return False


_cache = _Cache()


def tell_progress_on_commit(*, batch_ids: Iterable[int], at: datetime) -> None:
    """Tell soon how these batches stand; what comes in between is told together."""
    ids = sorted(set(batch_ids))

    def tell() -> None:
        for batch_id in ids:
            tell_in_turn(batch_id=batch_id, at=at)

    transaction.on_commit(tell, robust=True)


def tell_in_turn(*, batch_id: int, at: datetime) -> None:
    """Tell now, or, where this moment's turn is taken, once more a moment later."""
    slot = f"batch:{batch_id}:{int(at.timestamp() / SLOT_SECONDS)}"
    if _cache.is_first(slot):
        tell_progress(batch_id=batch_id, at=at)
    elif _cache.is_first(f"{slot}:later"):
        later: Any = tasks.tell_batch_progress.signature(countdown=SLOT_SECONDS)
        messenger.hand_over(later, {"batch_id": batch_id})


def tell_progress(*, batch_id: int, at: datetime) -> None:
    """Tell now."""
    batch = BatchOperation.objects.filter(pk=batch_id).first()
    if batch is not None:
        counts = counts_of([batch_id])[batch_id]
        broadcast(BATCH_STREAM, [(batch_id, progress_of(batch, counts, at=at), microseconds(at))])
