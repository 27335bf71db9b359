"""One channel told as a story that can be taken up again: first what was missed, then the news, each with its id.

For subscriptions (docs/subscriptions.md). Who may listen, and which keys there are, the channels say as they
do for `/ws`. Delivery is at least once: what was stored between joining and looking may come twice, and is told
once where that can be known.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import monotonic
from typing import Any, Self

import orjson
from channels.db import database_sync_to_async
from django.conf import settings

from factory.errors import Forbidden, InvalidInput, NotFound
from factory.live.channels import Channel
from factory.live.inbox import Inbox
from factory.tracked import Tracked

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Keys = set[int] | None  # None: everything on the stream


@dataclass(frozen=True)
class Memory:
    """What is stored of a stream.

    `after(id, keys)` -> what came after the event with that id, oldest first, perhaps only the first page of it;
    ValueError for an id that is none. `mark(number, data)` -> the id of news, '' for what is no event.
    `newest()` -> an id after which nothing is stored yet. `heals`: looking is cheap enough for every heartbeat,
    to make up for what the channel layer lost. `dense`: ids are whole numbers, and a gap means that one was lost.
    """

    after: Callable[[str, Keys], Sequence[Tracked]]
    mark: Callable[[int, dict[str, Any]], str]
    newest: Callable[[], str] | None = None
    heals: bool = True
    dense: bool = False


async def tell(
    channel: Channel,
    memory: Memory,
    listener: Any,
    *,
    names: Iterable[str] = (),
    after: str | None = None,
    greet: Callable[[], Sequence[Tracked]] | None = None,
    is_last: Callable[[dict[str, Any]], bool] | None = None,
) -> "Story":
    """The events of `channel` for those keys that `names` stand for (none: all), from the event after `after` on.

    Once this returns, nothing that happens is missed. `greet()` is told first, in place of what was missed. The
    story ends with an event that `is_last`.
    """
    keys = await _find_keys(channel, listener, names)
    inbox = Inbox()
    try:
        await inbox.open()
        for key in keys or [None]:
            for group in channel.stream.groups_for(key):
                await inbox.join(group)
        teller = _Teller(memory, keys, after)
        await teller.begin()
    except BaseException:
        await inbox.close()
        raise
    return Story(inbox, _tell(teller, inbox, greet, is_last))


class Story:
    """An async iterator. Whoever has it closes it, begun or not."""

    def __init__(self, inbox: Inbox, events: AsyncGenerator[Tracked, None]) -> None:
        self._inbox = inbox
        self._events = events

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Tracked:
        return await anext(self._events)

    async def aclose(self) -> None:
        try:
            await self._events.aclose()
        finally:
            await self._inbox.close()


async def _tell(
    teller: "_Teller",
    inbox: Inbox,
    greet: Callable[[], Sequence[Tracked]] | None,
    is_last: Callable[[dict[str, Any]], bool] | None,
) -> AsyncGenerator[Tracked, None]:
    async with aclosing(_tell_on(teller, inbox, greet)) as events:
        async for event in events:
            yield event
            if is_last and is_last(event.data):
                return


async def _tell_on(
    teller: "_Teller", inbox: Inbox, greet: Callable[[], Sequence[Tracked]] | None
) -> AsyncGenerator[Tracked, None]:
    if greet:
        for event in await database_sync_to_async(greet)():
            yield event
    else:
        async for event in teller.look():
            yield event
    beat = settings.WS_TIMEOUT / 2
    due = monotonic() + beat
    while True:
        message = await inbox.next(timeout=max(0.0, due - monotonic()))
        is_due = monotonic() >= due  # also where there is always something to hear
        if is_due:
            due = monotonic() + beat
        if inbox.lost or (is_due and teller.heals) or (message and teller.misses(message)):
            inbox.lost = False
            async for event in teller.look():
                yield event
        for event in teller.news(message) if message else ():
            yield event


async def _find_keys(channel: Channel, listener: Any, names: Iterable[str]) -> Keys:
    if not channel.allows(listener):
        raise Forbidden(f"{channel.name} is not for you.")
    if channel.find is None:
        return None
    keys: set[int] = set()
    for name in names:
        key = await database_sync_to_async(channel.find)(name)
        if key is None:
            raise NotFound(f"There is no {name} to listen to.")
        keys.add(key)
    return keys


class _Teller:
    """How far the story was told. `base` is the id from which the store is looked at; `told` came since."""

    def __init__(self, memory: Memory, keys: Keys, after: str | None) -> None:
        self._memory = memory
        self.heals = memory.heals
        self._keys = keys
        self._base = after
        self._told: set[str] = set()
        self._seen = 0  # the highest number there was, of a dense stream

    async def begin(self) -> None:
        if self._base is None and self._memory.newest:
            self._base = await database_sync_to_async(self._memory.newest)()
        if self._memory.dense and self._base is not None:
            self._seen = _valid(whole_number, self._base)

    def misses(self, message: dict[str, Any]) -> bool:
        """Whether the numbers say that something was lost before this."""
        return self._memory.dense and any(
            number > seen + 1
            for seen, number in pairwise(
                [self._seen, *(number or self._seen for _, number, _ in message["items"])]
            )
        )

    async def look(self) -> AsyncIterator[Tracked]:
        """What is stored and was not told yet, page by page."""
        found_ids: set[str] = set()
        while self._base is not None:
            found = await database_sync_to_async(_valid)(self._memory.after, self._base, self._keys)
            if all(event.id in found_ids for event in found):
                break
            for event in found:
                found_ids.add(event.id)
                if event.id not in self._told:
                    yield event
            self._base = found[-1].id
        self._told = found_ids
        if self._memory.dense and self._base is not None:
            self._seen = max(self._seen, int(self._base))
            self._base = str(self._seen)

    def news(self, message: dict[str, Any]) -> list[Tracked]:
        events = []
        for key, number, text in message["items"]:
            self._seen = max(self._seen, number)
            if self._keys is not None and key not in self._keys:
                continue
            data = orjson.loads(text)
            id = self._memory.mark(number, data)
            if id and id not in self._told:
                events.append(Tracked(id, data))
                self._note(id)
        return events

    def _note(self, id: str) -> None:
        if self._memory.heals:
            self._told.add(id)
        else:
            self._base = id  # nobody looks before something was lost, and then from here


def _valid(read: Callable[..., Any], id: str, *more: Any) -> Any:
    try:
        return read(id, *more)
    except ValueError:
        raise InvalidInput.at("lastEventId", "is not the id of an event of this subscription") from None


def whole_number(text: str) -> int:
    """The number an id consists of; ValueError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(text)
    return int(text)


def microseconds(at: datetime) -> int:
    """A moment as a whole number, exact: by it what is stored with a time can be put in order."""
    return (at - EPOCH) // timedelta(microseconds=1)


def moment(number: int) -> datetime:
    """The opposite of `microseconds`; ValueError where there is no such moment."""
    try:
        return EPOCH + timedelta(microseconds=number)
    except OverflowError:
        raise ValueError(number) from None
