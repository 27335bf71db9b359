"""Whether this process is on its way out. Readiness says 503 then, and new work is refused."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)
_begun = threading.Event()
_lock = threading.Lock()
_callbacks: list[Callable[[], object]] = []


def is_draining() -> bool:
    return _begun.is_set()


def on_drain(callback: Callable[[], object]) -> None:
    """Have `callback` called once when the process begins to drain; at once if it has. It must end by itself
    within a few seconds: the process does not wait for it much longer than that."""
    with _lock:
        if not _begun.is_set():
            _callbacks.append(callback)
            return
    _run(callback)


def begin() -> None:
    """Mark this process as draining and run what was registered, in order. Returns when all of it is done."""
    with _lock:
        if _begun.is_set():
            return
        _begun.set()
    for callback in _callbacks:
        _run(callback)


def _run(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("drain.callback_failed", extra={"callback": repr(callback)})
