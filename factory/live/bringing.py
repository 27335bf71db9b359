"""What is brought to one connection without its asking: when it is looked for, and that nothing overtakes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from channels.db import database_sync_to_async

from factory.live.channels import Errand, Visit

logger = logging.getLogger(__name__)

Say = Callable[[str, dict[str, Any]], Awaitable[None]]


class Bringing:
    """The visits of one connection; a look that fails is made up for at the next heartbeat."""

    def __init__(self, errands: Iterable[Errand], listener: Any, say: Say) -> None:
        self._say = say
        self._visits: dict[str, tuple[Errand, Visit]] = {}
        for errand in errands:
            visit = errand.visit(listener)
            if visit is not None:
                self._visits[errand.kind] = errand, visit
        self._order = asyncio.Lock()

    def groups(self) -> list[str]:
        """The broadcast groups whose news wakes this connection."""
        return [errand.group_for(visit.key) for errand, visit in self._visits.values()]

    async def begin(self) -> None:
        for _, visit in self._visits.values():
            await self._try(visit.begin)
        await self.look()

    async def look(self) -> None:
        for _, visit in self._visits.values():
            async with self._order:
                for kind, data in await self._try(visit.look) or ():
                    await self._say(kind, data)

    async def hear(self, kind: str, keys: Iterable[int]) -> None:
        """News of one kind, about these keys."""
        if kind in self._visits and self._visits[kind][1].key in keys:
            await self.look()

    async def end(self) -> None:
        for _, visit in self._visits.values():
            await self._try(visit.end)

    async def _try(self, work: Callable[[], Any]) -> Any:
        try:
            return await database_sync_to_async(work)()
        except Exception:
            logger.exception("live.errand_failed")
            return None
