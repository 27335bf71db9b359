"""Tell every listening process what happened, after the commit and without making anybody wait.

A thread of its own sends; when Redis is away the news is dropped and counted, because a dashboard
catches up from the API and ingestion must go on.
"""

import asyncio
import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Any

import orjson
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 10_000  # messages waiting; past it the oldest are dropped and counted
SEND_TIMEOUT = 5.0  # seconds


class Broadcaster:
    """One per process; started by the first message."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._sending = False
        self.sent = 0
        self.dropped = 0
        self.failing = False

    def send(self, group: str, message: dict[str, Any]) -> None:
        with self._news:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)
                self._thread.start()
                atexit.register(self.flush, timeout=1.0)
            if len(self._waiting) >= QUEUE_LIMIT:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append((group, message))
            self._news.notify_all()

    def flush(self, *, timeout: float) -> bool:
        """Wait until everything handed over so far is out; False when it took longer."""
        deadline = time.monotonic() + timeout
        with self._news:
            while self._waiting or self._sending:
                if not self._news.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    return False
        return True

    def _run(self) -> None:
        asyncio.run(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        layer = get_channel_layer()
        while True:
            group, message = await asyncio.to_thread(self._next)
            try:
                await asyncio.wait_for(layer.group_send(group, message), SEND_TIMEOUT)
            except Exception:
                self.dropped += 1
                if not self.failing:
                    logger.warning("broadcast.failing", exc_info=True)
                self.failing = True
            else:
                self.sent += 1
                if self.failing:
                    logger.warning("broadcast.recovered", extra={"dropped": self.dropped})
                self.failing = False

    def _next(self) -> tuple[str, dict[str, Any]]:
        with self._news:
            self._sending = False
            self._news.notify_all()
            while not self._waiting:
                self._news.wait()
            self._sending = True
            return self._waiting.popleft()


broadcaster = Broadcaster()


def group_of(kind: str, shard: int = 0) -> str:
    return f"live.{kind}.{shard}"


def broadcast(kind: str, items: Iterable[tuple[int, dict[str, Any]]], *, shards: int = 1) -> None:
    """Send news now: `items` are (key, data) pairs, the key being the id people subscribe by.

    One message per shard of keys, however many items there are.
    """
    by_shard: dict[int, list[list[Any]]] = {}
    for key, data in items:
        by_shard.setdefault(key % shards, []).append([key, data.get("seq", 0), orjson.dumps(data).decode()])
    for shard, packed in by_shard.items():
        broadcaster.send(group_of(kind, shard), {"type": "live.news", "kind": kind, "items": packed})


def broadcast_on_commit(kind: str, items: Iterable[tuple[int, dict[str, Any]]], *, shards: int = 1) -> None:
    """Send news when the transaction at hand has committed, and never if it does not."""
    transaction.on_commit(partial(broadcast, kind, list(items), shards=shards))


def end_connections_on_commit(credential: str) -> None:
    """Close the sockets that were opened with a credential which has just ended."""
    transaction.on_commit(partial(broadcaster.send, credential_group(credential), {"type": "live.end"}))


def credential_group(credential: str) -> str:
    """The broadcast group of all sockets that one credential opened, for example `session-12`."""
    return f"live.credential.{credential}"
