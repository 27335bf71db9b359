"""Hand work to Celery after the commit, without failing the request when the broker is away."""

import logging
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue_on_commit(task: Task, **kwargs: Any) -> None:
    """Enqueue when the transaction at hand has committed.

    A task that could not be enqueued is only logged: each one must have a sweeper that finds its work.
    """

    def enqueue() -> None:
        try:
            task.apply_async(kwargs=kwargs, retry=False)
        except (OperationalError, OSError):
            logger.warning("task.not_enqueued", extra={"task_name": task.name})

    # Robust: what is committed stays committed, whatever becomes of the message about it.
    transaction.on_commit(enqueue, robust=True)
