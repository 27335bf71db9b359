"""The `/ws` protocol: subscribe to channels, receive news. What the news is, the rooms say."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from factory.errors import DomainError
from factory.limits.window import Window
from factory.live.bringing import Bringing
from factory.live.broadcast import credential_group
from factory.live.channels import ChannelRegistry, Stream
from factory.live.following import Following
from factory.live.handshake import Handshake, Listener, read_handshake
from factory.live.outgoing import CLOSE_BEHIND, Outgoing

logger = logging.getLogger(__name__)

CLOSE_STRANGER = 4401
CLOSE_TOO_MANY = 4429
BATCH_SECONDS = 0.1
NAMES_AT_ONCE = 200


def envelope(kind: str, data: str) -> str:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'{{"type":"{kind}","data":{data},"timestamp":"{at}"}}'


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
        self.listener: Listener | None = None  # nobody yet, or nobody any more
        self.following: dict[str, Following] = {}
        self.joined: set[str] = set()
        self.received = Window(settings.RATE_SOCKET)
        self.order = asyncio.Lock()  # numbered news goes out in order, also while a gap is being refilled
        self.bringing: Bringing | None = None
        self.outgoing = Outgoing(self._hand_over, fell_behind=self._fall_behind)
        self.beating: asyncio.Task[None] | None = None
        self.batching: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self.handshake = read_handshake(self.scope)
        self.listener = await self._identify()
        await self.accept(subprotocol=self.handshake.subprotocol)
        if self.listener is None:
            await self.close(code=CLOSE_STRANGER)
            return
        await self._join(credential_group(self.listener.credential))
        # The credential may have ended before anybody could tell us so.
        if await self._is_still_the_same():
            self.beating = asyncio.create_task(self._heartbeat())
            await self._begin_bringing()

    async def _begin_bringing(self) -> None:
        bringing = Bringing(self.registry.errands, self.listener, self._say)
        for group in bringing.groups():
            await self._join(group)
        self.bringing = bringing  # from now on news counts
        await bringing.begin()

    async def disconnect(self, code: int) -> None:
        self.outgoing.stop()
        for task in (self.beating, self.batching):
            if task is not None:
                task.cancel()
        if self.bringing is not None:
            await self.bringing.end()
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As the consumer's, which goes to a thread for each message of each connection, to close old database
        connections; `database_sync_to_async` does that wherever there is something to ask."""
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        await handler(message)

    # From the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.listener is None:
            return
        if not self.received.takes():
            self._turn_away(CLOSE_TOO_MANY, {"error": f"Too many messages: {self.received}."})
            return
        try:
            message = orjson.loads(text_data if text_data is not None else bytes_data or b"")
        except orjson.JSONDecodeError:
            message = None
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str):
            await self._error('Send JSON objects with a "type".')
        elif kind == "ping":
            await self._say("pong", {})
        elif kind in {"subscribe", "unsubscribe"}:
            names = message.get("channels")
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                await self._error("channels: must be a list of names")
            elif len(names) > NAMES_AT_ONCE:
                await self._error(f"channels: at most {NAMES_AT_ONCE} at a time")
            elif kind == "subscribe":
                await self._subscribe(names, batch=message.get("batch") is True)
            else:
                await self._unsubscribe(names)
        elif kind in self.registry.handlers:
            await self._handle(kind, message)
        else:
            await self._error(f"Unknown message type {kind[:40]!r}.")

    async def _subscribe(self, names: list[str], *, batch: bool) -> None:
        found: dict[str, dict[str, int | None]] = {}
        confirmed, refused = [], []
        for name in names:
            match = await self._find(name)
            if match is None:
                refused.append(name)
                continue
            stream, key = match
            found.setdefault(stream.kind, {})[name] = key
            confirmed.append(name)
        for kind, channels in found.items():
            await self._follow(self.registry.streams[kind], channels, batch=batch)
        if refused:
            await self._error("Unknown or forbidden: " + ", ".join(name[:80] for name in refused))
        if confirmed or not names:
            await self._say("subscription_confirm", {"channels": confirmed})

    async def _follow(self, stream: Stream, channels: dict[str, int | None], *, batch: bool) -> None:
        following = self.following.get(stream.kind)
        if following is None:
            seen = await database_sync_to_async(stream.newest)() if stream.newest else 0
            following = self.following[stream.kind] = Following(stream, seen=seen)
        following.add(channels)
        following.batch = batch and stream.batched is not None
        await self._tune_in(stream, following.groups())
        if following.batch and self.batching is None:
            self.batching = asyncio.create_task(self._send_batches())

    async def _unsubscribe(self, names: list[str]) -> None:
        async with self.order:  # not in the middle of a refill
            for kind, following in list(self.following.items()):
                following.drop(names)
                if not following.names:
                    del self.following[kind]
                await self._tune_in(following.stream, following.groups())
        followed = [name for following in self.following.values() for name in following.names]
        await self._say("subscription_confirm", {"channels": followed})

    async def _find(self, name: str) -> tuple[Stream, int | None] | None:
        match = self.registry.match(name)
        if match is None or self.listener is None or not match[0].allows(self.listener):
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
        """News of one stream or errand: [[key, seq, json], ...]."""
        if self.listener is None:
            return
        if event["kind"] not in self.registry.streams:
            if self.bringing is not None:
                await self.bringing.hear(event["kind"], {key for key, _, _ in event["items"]})
            return
        stream = self.registry.streams[event["kind"]]
        if stream.refill is not None:
            await self._pass_on_numbered(stream, event["items"])
            return
        following = self.following.get(stream.kind)
        if following is None:
            return
        wanted = [(key, text) for key, _, text in event["items"] if following.wants(key)]
        if following.batch:
            following.keep(wanted)
        else:
            for _, text in wanted:
                await self._send(stream.message, text)

    async def live_end(self, event: dict[str, Any]) -> None:
        """The credential this connection came with has ended."""
        self._turn_away(CLOSE_STRANGER)

    async def _pass_on_numbered(self, stream: Stream, items: list[list[Any]]) -> None:
        async with self.order:
            following = self.following.get(stream.kind)
            if following is None:
                return  # on its way while the stream was left
            for key, seq, text in items:
                if seq > following.seen + 1:
                    await self._refill(following, before=seq)
                following.seen = max(following.seen, seq)
                if following.wants(key) and following.is_new(seq):
                    await self._send(stream.message, text)

    async def _refill(self, following: Following, *, before: int | None) -> None:
        """Send what the numbers say was missed, page by page; the caller holds the order."""
        stream = following.stream
        assert stream.refill is not None
        while missed := await database_sync_to_async(stream.refill)(following.seen, before):
            for key, seq, data in missed:
                following.seen = max(following.seen, seq)
                if following.wants(key) and following.is_new(seq):
                    await self._say(stream.message, data)
            if following.seen + 1 == before:
                break

    async def _send_batches(self) -> None:
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            await self.outgoing.caught_up()  # the newest of each device is enough for a slow reader
            if skipped := sum(following.take_skipped() for following in self.following.values()):
                await self._say("lagging", {"skipped": skipped})
            for following in list(self.following.values()):
                texts = following.take_batch()
                if following.stream.batched and texts:
                    kind, member = following.stream.batched
                    await self._send(kind, f'{{"{member}":[{",".join(texts)}]}}')

    # Housekeeping

    async def _heartbeat(self) -> None:
        while self.listener is not None:
            await asyncio.sleep(settings.WS_TIMEOUT / 2)
            try:
                await self._beat()
            except Exception:
                logger.exception("live.heartbeat_failed")

    async def _beat(self) -> None:
        """Give a sign of life, and look for what the channel layer may have lost."""
        await self._say("heartbeat", {})
        if not await self._is_still_the_same():
            return
        if self.bringing is not None:
            await self.bringing.look()
        for kind in list(self.following):
            async with self.order:
                following = self.following.get(kind)
                if following and following.stream.refill:
                    await self._refill(following, before=None)

    async def _identify(self) -> Listener | None:
        return await database_sync_to_async(self.identify)(self.handshake)

    async def _is_still_the_same(self) -> bool:
        """Ask again who is behind the handshake; an end that nobody told us of closes the connection."""
        found = await self._identify()
        if self.listener is None or found != self.listener:
            self._turn_away(CLOSE_STRANGER)
            return False
        self.listener = found  # the same person, perhaps in another role
        return True

    def _turn_away(self, code: int, error: dict[str, Any] | None = None) -> None:
        """Close from our side; nothing is said or heard after that."""
        if self.listener is not None:
            self.listener = None
            last_words = [] if error is None else [envelope("error", orjson.dumps(error).decode())]
            self.outgoing.close(code, *last_words)

    def _fall_behind(self) -> None:
        logger.info("live.fell_behind")
        self._turn_away(CLOSE_BEHIND)

    async def _tune_in(self, stream: Stream, wanted: set[str]) -> None:
        """Be in just those of the stream's broadcast groups."""
        for group in stream.groups_for(None):
            if group in wanted:
                await self._join(group)
            else:
                await self._leave(group)

    async def _join(self, group: str) -> None:
        if group not in self.joined:
            self.joined.add(group)
            await self.channel_layer.group_add(group, self.channel_name)

    async def _leave(self, group: str) -> None:
        if group in self.joined:
            self.joined.discard(group)
            await self.channel_layer.group_discard(group, self.channel_name)

    async def _hand_over(self, message: dict[str, Any]) -> None:
        await self.base_send(message)  # to the server; known only once the connection is

    async def _say(self, kind: str, data: dict[str, Any]) -> None:
        try:
            rendered = orjson.dumps(data)
        except TypeError:  # what cannot be said keeps nothing else from being said
            logger.exception("live.unsayable", extra={"kind": kind})
            return
        await self._send(kind, rendered.decode())

    async def _error(self, reason: str) -> None:
        await self._say("error", {"error": reason})

    async def _send(self, kind: str, data: str) -> None:
        if self.listener is not None:
            await self.outgoing.put(envelope(kind, data))
