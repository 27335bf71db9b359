"""The `/ws` protocol: subscribe to channels, receive news. What the news is, the rooms say."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from factory.errors import DomainError
from factory.live.broadcast import credential_group
from factory.live.channels import ChannelRegistry, Stream
from factory.live.handshake import Handshake, Listener, read_handshake

logger = logging.getLogger(__name__)

CLOSE_STRANGER = 4401
CLOSE_TOO_MANY = 4429
MESSAGES_PER_MINUTE = 1000
BATCH_SECONDS = 0.1
PENDING_LIMIT = 5_000  # readings waiting for the next batch of one connection


@dataclass
class Following:
    """What one connection follows on one stream."""

    everything: bool = False
    keys: set[int] = field(default_factory=set)

    def wants(self, key: int) -> bool:
        return self.everything or key in self.keys

    def __bool__(self) -> bool:
        return self.everything or bool(self.keys)


def envelope(kind: str, data: bytes) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return b'{"type":"%b","data":%b,"timestamp":"%b"}' % (kind.encode(), data, at.encode())


class LiveConsumer(AsyncWebsocketConsumer):
    """One connection of a dashboard or a device.

    The front desk mounts it: `LiveConsumer.as_asgi(registry=..., identify=...)`.
    """

    def __init__(
        self, *, registry: ChannelRegistry, identify: Callable[[Handshake], Listener | None]
    ) -> None:
        """`identify` says who is behind a handshake; None for a stranger."""
        super().__init__()
        self.registry = registry
        self.identify = identify

    async def connect(self) -> None:
        handshake = read_handshake(self.scope)
        self.listener = await database_sync_to_async(self.identify)(handshake)
        await self.accept(subprotocol=handshake.subprotocol)
        if self.listener is None:
            await self.close(code=CLOSE_STRANGER)
            return
        self.following: dict[str, Following] = {}
        self.joined: set[str] = set()
        self.seen: dict[str, int] = {}
        self.batch = False
        self.pending: dict[str, deque[tuple[int, str]]] = {}
        self.skipped = 0
        self.received: deque[float] = deque()
        self.order = asyncio.Lock()  # numbered news goes out in order, also while a gap is being refilled
        await self._join(credential_group(self.listener.credential))
        self.beating = asyncio.create_task(self._heartbeat())
        self.batching: asyncio.Task[None] | None = None

    async def disconnect(self, code: int) -> None:
        for task in (getattr(self, "beating", None), getattr(self, "batching", None)):
            if task is not None:
                task.cancel()
        for group in getattr(self, "joined", ()):
            await self.channel_layer.group_discard(group, self.channel_name)

    # From the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if getattr(self, "listener", None) is None:
            return
        if self._too_many():
            await self._error("Too many messages: at most 1000 a minute.")
            await self.close(code=CLOSE_TOO_MANY)
            return
        try:
            message = orjson.loads(text_data if text_data is not None else bytes_data or b"")
            kind = message["type"]
        except (orjson.JSONDecodeError, TypeError, KeyError):
            await self._error('Send JSON objects with a "type".')
            return
        if kind == "ping":
            await self._say("pong", {})
        elif kind in {"subscribe", "unsubscribe"}:
            names = message.get("channels")
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                await self._error("channels: must be a list of names")
            elif kind == "subscribe":
                await self._subscribe(names, batch=message.get("batch") is True)
            else:
                await self._unsubscribe(names)
        elif isinstance(kind, str) and kind in self.registry.handlers:
            await self._handle(kind, message)
        else:
            await self._error(f"Unknown message type {str(kind)[:40]!r}.")

    def _too_many(self) -> bool:
        now = time.monotonic()
        self.received.append(now)
        while self.received[0] < now - 60:
            self.received.popleft()
        return len(self.received) > MESSAGES_PER_MINUTE

    async def _subscribe(self, names: list[str], *, batch: bool) -> None:
        confirmed, refused = [], []
        for name in names[:200]:
            found = await self._find(name)
            if found is None:
                refused.append(name)
                continue
            stream, key = found
            following = self.following.setdefault(stream.kind, Following())
            if key is None:
                following.everything = True
            else:
                following.keys.add(key)
            if stream.newest and stream.kind not in self.seen:
                self.seen[stream.kind] = await database_sync_to_async(stream.newest)()
            for group in stream.groups_for(key):
                await self._join(group)
            confirmed.append(name)
        self.batch = batch
        if batch and self.batching is None:
            self.batching = asyncio.create_task(self._send_batches())
        if refused:
            await self._error("Unknown or forbidden: " + ", ".join(name[:80] for name in refused))
        if confirmed or not names:
            await self._say("subscription_confirm", {"channels": confirmed})

    async def _unsubscribe(self, names: list[str]) -> None:
        for name in names[:200]:
            found = await self._find(name)
            if found is None or found[0].kind not in self.following:
                continue
            stream, key = found
            following = self.following[stream.kind]
            if key is None:
                following.everything = False
            else:
                following.keys.discard(key)
            if not following:
                for group in stream.groups_for(None):
                    await self._leave(group)
        await self._say("subscription_confirm", {"channels": []})

    async def _find(self, name: str) -> tuple[Stream, int | None] | None:
        match = self.registry.match(name)
        if match is None or not match[0].allows(self.listener):
            return None
        channel, text = match
        if channel.find is None:
            return channel.stream, None
        key = await database_sync_to_async(channel.find)(text or "")
        return None if key is None else (channel.stream, key)

    async def _handle(self, kind: str, message: dict[str, Any]) -> None:
        handler = self.registry.handlers[kind]
        if not handler.allows(self.listener):
            await self._error(f"{kind}: not allowed here")
            return
        try:
            answer, data = await database_sync_to_async(handler.run)(self.listener, message)
        except DomainError as refusal:
            await self._error(refusal.message)
        else:
            await self._say(answer, data)

    # From the rooms

    async def live_news(self, event: dict[str, Any]) -> None:
        """News of one stream: [[key, seq, json], ...]."""
        stream = self.registry.streams[event["kind"]]
        if stream.refill is not None:
            await self._pass_on_numbered(stream, event["items"])
            return
        following = self.following.get(stream.kind)
        if not following:
            return
        wanted = [(key, text) for key, _, text in event["items"] if following.wants(key)]
        if self.batch and stream.batched:
            self._keep_for_batch(stream, wanted)
        else:
            for _, text in wanted:
                await self._send(stream.message, text.encode())

    async def live_end(self, event: dict[str, Any]) -> None:
        """The credential this connection came with has ended."""
        await self.close(code=CLOSE_STRANGER)

    async def _pass_on_numbered(self, stream: Stream, items: list[list[Any]]) -> None:
        async with self.order:
            following = self.following.get(stream.kind, Following())
            for key, seq, text in items:
                seen = self.seen.get(stream.kind, seq - 1)
                if seq > seen + 1:
                    await self._refill(stream, before=seq)
                self.seen[stream.kind] = max(seen, seq)
                if following.wants(key):
                    await self._send(stream.message, text.encode())

    async def _refill(self, stream: Stream, *, before: int | None) -> None:
        """Send what the numbers say was missed; the caller holds the order."""
        assert stream.refill is not None
        following = self.following[stream.kind]
        missed = await database_sync_to_async(stream.refill)(self.seen[stream.kind], before)
        for key, seq, data in missed:
            self.seen[stream.kind] = max(self.seen[stream.kind], seq)
            if following.wants(key):
                await self._send(stream.message, orjson.dumps(data))

    def _keep_for_batch(self, stream: Stream, wanted: list[tuple[int, str]]) -> None:
        """A reader too slow for its batches keeps the newest value of each device."""
        waiting = self.pending.setdefault(stream.kind, deque())
        waiting.extend(wanted)
        if len(waiting) > PENDING_LIMIT:
            newest = dict(waiting)
            self.skipped += len(waiting) - len(newest)
            self.pending[stream.kind] = deque(newest.items())

    async def _send_batches(self) -> None:
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            if self.skipped:
                skipped, self.skipped = self.skipped, 0
                await self._say("lagging", {"skipped": skipped})
            ready, self.pending = self.pending, {}
            for name, waiting in ready.items():
                batched = self.registry.streams[name].batched
                if batched and waiting:
                    kind, member = batched
                    texts = ",".join(text for _, text in waiting)
                    await self._send(kind, f'{{"{member}":[{texts}]}}'.encode())

    # Housekeeping

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(settings.WS_TIMEOUT / 2)
            await self._say("heartbeat", {})
            for name, following in self.following.items():
                stream = self.registry.streams[name]
                if stream.refill and following:  # the last news may have been the one that got lost
                    async with self.order:
                        await self._refill(stream, before=None)

    async def _join(self, group: str) -> None:
        if group not in self.joined:
            self.joined.add(group)
            await self.channel_layer.group_add(group, self.channel_name)

    async def _leave(self, group: str) -> None:
        if group in self.joined:
            self.joined.discard(group)
            await self.channel_layer.group_discard(group, self.channel_name)

    async def _say(self, kind: str, data: dict[str, Any]) -> None:
        await self._send(kind, orjson.dumps(data))

    async def _error(self, reason: str) -> None:
        await self._say("error", {"error": reason})

    async def _send(self, kind: str, data: bytes) -> None:
        await self.send(text_data=envelope(kind, data).decode())
