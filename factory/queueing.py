"""Hand work to Celery after the commit, without failing the request when the broker is away."""

import logging
from functools import partial
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue_on_commit(task: Task, **kwargs: Any) -> None:
    """Enqueue when the transaction at hand has committed.

    A task that could not be enqueued is only logged: each one must have a sweeper that finds its work.
    """
    transaction.on_commit(partial(_enqueue, task, kwargs))


def _enqueue(task: Task, kwargs: dict[str, Any]) -> None:
    try:
        task.apply_async(kwargs=kwargs, retry=False)
    except (OperationalError, OSError):
        logger.warning("task.not_enqueued", extra={"task_name": task.name})
