"""Hand work to Celery after the commit, without making the committing thread wait for the broker.

A thread of its own enqueues. What could not be enqueued is only logged: each task that is handed over
here must have a sweeper that finds its work in the database.
"""

import logging
import queue
import threading
from typing import Any

from celery import Task
from django.db import transaction

from factory.context import ids, work

logger = logging.getLogger(__name__)

LIMIT = 10_000  # hand-overs waiting for a slow broker; past it they are left to the sweepers


class Messenger:
    """One per process; its thread is started by the first hand-over."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[Task, dict[str, Any], dict[str, Any]]] = queue.Queue(LIMIT)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hand_over(self, task: Task, kwargs: dict[str, Any]) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                # A daemon: a broker that is away must not keep a process from ending.
                self._thread = threading.Thread(target=self._run, name="enqueue", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait((task, kwargs, dict(ids())))
        except queue.Full:
            logger.warning("task.not_enqueued", extra={"task_name": task.name, "error": "too many wait"})

    def _run(self) -> None:
        while True:
            task, kwargs, known = self._waiting.get()
            try:
                with work(**known):
                    task.apply_async(kwargs=kwargs, retry=False)
            except Exception as error:
                logger.warning("task.not_enqueued", extra={"task_name": task.name, "error": str(error)})


messenger = Messenger()


def enqueue_on_commit(task: Task, **kwargs: Any) -> None:
    """Enqueue when the transaction at hand has committed, and never if it does not."""

    def hand_over() -> None:
        messenger.hand_over(task, kwargs)

    transaction.on_commit(hand_over, robust=True)
