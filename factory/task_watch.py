"""Tasks are counted and timed, and carry the ids of the work that handed them over."""

import time
from typing import Any

from celery import Task, signals

from factory import context, counters

IDS = "factory_ids"  # the header of a message that says whose work goes on in it
_ENTERED = "_factory_entered"


def _address(headers: dict[str, Any] | None = None, **kwargs: Any) -> None:
    if headers is not None and context.ids():
        headers[IDS] = dict(context.ids())


def _begin(task: Task, task_id: str, **kwargs: Any) -> None:
    known = task.request.get(IDS) or (task.request.headers or {}).get(IDS) or {}
    work = context.work(**{**known, "task": task.name, "task_id": task_id})
    work.__enter__()
    setattr(task.request, _ENTERED, (work, time.monotonic()))


def _end(task: Task, state: str | None = None, **kwargs: Any) -> None:
    entered = getattr(task.request, _ENTERED, None)
    if entered is None:
        return
    work, began = entered
    counters.tasks.labels(task.name, (state or "unknown").lower()).observe(time.monotonic() - began)
    work.__exit__(None, None, None)


def watch_all() -> None:
    signals.before_task_publish.connect(_address, weak=False, dispatch_uid="factory.task_watch")
    signals.task_prerun.connect(_begin, weak=False, dispatch_uid="factory.task_watch")
    signals.task_postrun.connect(_end, weak=False, dispatch_uid="factory.task_watch")
