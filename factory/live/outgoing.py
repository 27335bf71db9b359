"""What one socket has yet to read: so much and no more, and whoever falls behind holds up nobody else."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

CLOSE_BEHIND = 4408  # comes back, and asks the API for what it was not told
WAITING_LIMIT = 256 * 1024  # characters; past it whoever has more to say waits

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outgoing:
    """Messages in their order, sent by a task that there is only while something waits.

    A reader who has not caught up for `WS_BEHIND` seconds, not even for a moment, has fallen behind.
    """

    def __init__(self, send: Send, *, fell_behind: Callable[[], None]) -> None:
        self._send = send  # returns when the reader takes more
        self._fell_behind = fell_behind
        self._waiting: deque[dict[str, Any]] = deque()
        self._size = 0
        self._room = asyncio.Event()
        self._room.set()
        self._pump: asyncio.Task[None] | None = None
        self._is_over = False

    async def put(self, text: str) -> None:
        if self._is_over:
            return
        self._append({"type": "websocket.send", "text": text})
        if not self._room.is_set():
            await self._room.wait()

    async def caught_up(self) -> None:
        """Wait until nothing waits: for what may be made shorter meanwhile."""
        if self._pump is not None:
            await asyncio.wait([self._pump])

    def close(self, code: int, *last_words: str) -> None:
        """The last thing that is sent. What waited is not."""
        if self._is_over:
            return
        self.stop()
        for text in last_words:
            self._append({"type": "websocket.send", "text": text})
        self._append({"type": "websocket.close", "code": code})

    def stop(self) -> None:
        """Nobody reads any more."""
        self._is_over = True
        if self._pump is not None and self._pump is not asyncio.current_task():
            self._pump.cancel()
        self._pump = None
        self._waiting.clear()
        self._size = 0
        self._room.set()

    def _append(self, message: dict[str, Any]) -> None:
        self._waiting.append(message)
        self._size += len(message.get("text", ""))
        if self._size > WAITING_LIMIT and not self._is_over:
            self._room.clear()
        if self._pump is None:
            self._pump = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            async with asyncio.timeout(settings.WS_BEHIND):
                while self._waiting:
                    message = self._waiting.popleft()
                    self._size -= len(message.get("text", ""))
                    if self._size <= WAITING_LIMIT // 2:
                        self._room.set()
                    await self._send(message)
        except TimeoutError:
            self._fell_behind()
        finally:
            if self._pump is asyncio.current_task():
                self._pump = None
