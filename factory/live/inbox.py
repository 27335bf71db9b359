"""News of some broadcast groups for one listener, kept until it asks, and never too many of them."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from factory.errors import Unavailable

AWAY = (RedisError, OSError)  # what the channel layer raises when Redis cannot be reached
WAITING_LIMIT = 1_000  # messages; past it the oldest go, and `lost` says so


class Inbox:
    """Between `open` and `close`: what comes from `join(group)` on is here until taken."""

    def __init__(self) -> None:
        self.lost = False  # something had to go, since this was last set to False
        self._waiting: deque[dict[str, Any]] = deque()
        self._came = asyncio.Event()
        self._groups: list[str] = []
        self._pump: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._layer = get_channel_layer()
        with _reaching_redis():
            self._name = await self._layer.new_channel()
        # Of its own: to the layer, whoever gives up waiting for a message has gone for good.
        self._pump = asyncio.create_task(self._take_in())

    async def close(self) -> None:
        if self._pump is None:
            return
        pump, self._pump = self._pump, None
        try:
            with suppress(*AWAY):
                for group in self._groups:
                    await self._layer.group_discard(group, self._name)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def join(self, group: str) -> None:
        if group not in self._groups:
            self._groups.append(group)
            with _reaching_redis():
                await self._layer.group_add(group, self._name)

    async def next(self, *, timeout: float) -> dict[str, Any] | None:
        """The oldest message, or None when none came in time."""
        if not self._waiting:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), timeout)
            except TimeoutError:
                return None
        return self._waiting.popleft()

    async def _take_in(self) -> None:
        while True:
            message = await self._layer.receive(self._name)
            if len(self._waiting) >= WAITING_LIMIT:
                self._waiting.popleft()
                self.lost = True
            self._waiting.append(message)
            self._came.set()


@contextmanager
def _reaching_redis() -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        raise Unavailable("There is no live news at the moment. Try again.", retry_after=2) from error
