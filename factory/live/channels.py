"""What can be subscribed to. Rooms declare streams and the channel names that lead to them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from factory.live.broadcast import group_of

Refill = Callable[[int, int | None], Sequence[tuple[int, int, dict[str, Any]]]]


@dataclass(frozen=True)
class Stream:
    """One sort of news. Its items have a key (a device's id) by which people choose among them.

    `message` is the type on the wire; `batched` the type and member when a client asks for batches.
    A stream with `refill` is numbered: every item carries `seq`, and what a connection missed is
    fetched with `refill(after, before)` -> [(key, seq, data)] in order; `newest()` is the last number.
    """

    kind: str
    message: str
    shards: int = 1
    batched: tuple[str, str] | None = None
    refill: Refill | None = None
    newest: Callable[[], int] | None = None

    def groups_for(self, key: int | None) -> list[str]:
        """The broadcast groups that carry one key, or all of them."""
        shards = range(self.shards) if key is None else [key % self.shards]
        return [group_of(self.kind, shard) for shard in shards]


@dataclass(frozen=True)
class Channel:
    """A name people subscribe by, such as `alerts` or `device:<id>:sensor`.

    `allows` gets the `Listener`. `find` turns the text in place of `<id>` into a key,
    or None where there is no such thing; a name without `<id>` means everything on the stream.
    """

    name: str
    stream: Stream
    allows: Callable[[Any], bool]
    find: Callable[[str], int | None] | None = None

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.name).replace("<id>", r"([A-Za-z0-9._:\-]{1,64}?)"))


@dataclass(frozen=True)
class Handler:
    """A message type a connection may send, for example `reading`.

    `run(listener, message)` is called in a thread and returns the (type, data) to answer with.
    """

    message: str
    allows: Callable[[Any], bool]
    run: Callable[[Any, Any], tuple[str, dict[str, Any]]]


class Visit(Protocol):
    """One connection's time here, as whoever brings things to it sees it. All of it runs in threads."""

    key: int

    def begin(self) -> None:
        """The connection stands, and hears the news from now on."""

    def look(self) -> Sequence[tuple[str, dict[str, Any]]]:
        """The (type, data) to be said now: after `begin`, after news, and at every heartbeat."""

    def end(self) -> None:
        """The connection is over."""


@dataclass(frozen=True)
class Errand:
    """Things that are brought to a connection without its asking.

    `visit(listener)` is who it is brought to; None for those who get nothing. News of `kind` under the visit's
    key says that there is something; lost news is made up for at the next heartbeat.
    """

    kind: str
    visit: Callable[[Any], Visit | None]
    shards: int = 1

    def group_for(self, key: int) -> str:
        return group_of(self.kind, key % self.shards)


class ChannelRegistry:
    """All channels, message handlers and errands of the house."""

    def __init__(
        self,
        channels: Iterable[Channel],
        handlers: Iterable[Handler] = (),
        errands: Iterable[Errand] = (),
    ) -> None:
        self._channels = [(channel.pattern, channel) for channel in channels]
        self.handlers = {handler.message: handler for handler in handlers}
        self.errands = list(errands)
        self.streams = {channel.stream.kind: channel.stream for _, channel in self._channels}

    def match(self, name: str) -> tuple[Channel, str | None] | None:
        for pattern, channel in self._channels:
            found = pattern.fullmatch(name)
            if found:
                return channel, found.group(1) if channel.find else None
        return None
