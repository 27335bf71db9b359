"""Tell every listening process what happened, after the commit and without making anybody wait.

A thread of its own sends; when Redis is away the news is dropped and counted, because a dashboard
catches up from the API and ingestion must go on.
"""

import asyncio
import atexit
import logging
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any

import orjson
from channels.layers import get_channel_layer
from django.db import transaction

from factory import counters

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 10_000  # messages waiting; past it the oldest are dropped and counted
SEND_TIMEOUT = 5.0  # seconds
Item = tuple[int, dict[str, Any]] | tuple[int, dict[str, Any], int]


class Broadcaster:
    """One per process; its thread, with an event loop of its own, is started by the first message."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self.sent = 0
        self.dropped = 0
        self.failing = False

    def send(self, group: str, message: dict[str, Any]) -> None:
        with self._lock:
            if self._loop is None:
                self._start()
            if len(self._waiting) >= QUEUE_LIMIT:
                self._waiting.popleft()
                self._count_dropped()
            self._waiting.append((group, message))
            self._idle.clear()
            assert self._loop is not None
            assert self._wake is not None
            self._loop.call_soon_threadsafe(self._wake.set)

    def flush(self, *, timeout: float) -> bool:
        """Wait until everything handed over so far is out; False when it took longer."""
        return self._loop is None or self._idle.wait(timeout)

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        # A daemon: news that nobody can be told any more does not keep a process alive.
        threading.Thread(target=self._run, args=(self._loop,), name="broadcast", daemon=True).start()
        atexit.register(self.flush, timeout=1.0)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        assert self._wake is not None
        layer = get_channel_layer()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send_one(layer, *self._waiting.popleft())
            with self._lock:
                if not self._waiting:
                    self._idle.set()

    async def _send_one(self, layer: Any, group: str, message: dict[str, Any]) -> None:
        try:
            await asyncio.wait_for(layer.group_send(group, message), SEND_TIMEOUT)
        except Exception as error:
            self._count_dropped()
            if not self.failing:
                logger.warning("broadcast.failing", extra={"error": str(error)})
            self.failing = True
        else:
            self.sent += 1
            counters.news.labels("sent").inc()
            if self.failing:
                logger.warning("broadcast.recovered", extra={"dropped": self.dropped})
            self.failing = False

    def _count_dropped(self) -> None:
        self.dropped += 1
        counters.news.labels("dropped").inc()


broadcaster = Broadcaster()


def group_of(kind: str, shard: int = 0) -> str:
    return f"live.{kind}.{shard}"


def broadcast(kind: str, items: Iterable[Item], *, shards: int = 1) -> None:
    """Send news now: `items` are (key, data) pairs, the key being the id people subscribe by. A third member is
    the number by which a subscription is taken up again; else it is the `seq` of the data, if that has one.

    One message per shard of keys, however many items there are.
    """
    by_shard: dict[int, list[list[Any]]] = {}
    for key, data, *number in items:
        numbered = number[0] if number else data.get("seq", 0)
        by_shard.setdefault(key % shards, []).append([key, numbered, orjson.dumps(data).decode()])
    for shard, packed in by_shard.items():
        broadcaster.send(group_of(kind, shard), {"type": "live.news", "kind": kind, "items": packed})


def broadcast_on_commit(kind: str, items: Iterable[Item], *, shards: int = 1) -> None:
    """Send news when the transaction at hand has committed, and never if it does not."""
    ready = list(items)

    def tell() -> None:
        broadcast(kind, ready, shards=shards)

    # Robust: what is committed stays committed, whatever becomes of the news about it.
    transaction.on_commit(tell, robust=True)


def end_connections_on_commit(credential: str) -> None:
    """Close the sockets that were opened with a credential which has just ended."""

    def end() -> None:
        broadcaster.send(credential_group(credential), {"type": "live.end"})

    transaction.on_commit(end, robust=True)


def credential_group(credential: str) -> str:
    """The broadcast group of all sockets that one credential opened, for example `session-12`."""
    return f"live.credential.{credential}"
