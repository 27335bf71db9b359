"""What one connection follows on one stream. Bookkeeping only: no sockets, no queries."""

from collections import deque
from collections.abc import Iterable, Mapping

from factory.live.channels import Stream

PENDING_LIMIT = 5_000  # items waiting for the next batch of one connection
REMEMBERED = 64  # numbers that were said last: of those, none is said twice


class Following:
    """The channels a connection follows on one stream, how far it has heard, and what awaits its batch.

    It is thrown away with the last channel: whoever comes back later has missed nothing meanwhile.
    """

    def __init__(self, stream: Stream, *, seen: int = 0) -> None:
        self.stream = stream
        self.seen = seen  # the number of the newest item, where the stream is numbered
        self.batch = False
        self.skipped = 0
        self._channels: dict[str, int | None] = {}  # a name and the key it stands for; None is everything
        self._keys: set[int | None] = set()
        self._waiting: deque[tuple[int, str]] = deque()
        self._said: dict[int, None] = {}

    @property
    def names(self) -> list[str]:
        return list(self._channels)

    def add(self, channels: Mapping[str, int | None]) -> None:
        self._channels.update(channels)
        self._keys = set(self._channels.values())

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._channels.pop(name, None)
        self._keys = set(self._channels.values())

    def wants(self, key: int) -> bool:
        return key in self._keys or None in self._keys

    def groups(self) -> set[str]:
        """The broadcast groups that carry what is followed, and no others."""
        return {group for key in self._keys for group in self.stream.groups_for(key)}

    def is_new(self, seq: int) -> bool:
        """Whether a number has not been said lately; it counts as said from now on. What a look at the database
        brought may arrive as news a moment later, and what is committed late has a number below the newest."""
        if seq in self._said:
            return False
        self._said[seq] = None
        if len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]
        return True

    def keep(self, items: Iterable[tuple[int, str]]) -> None:
        """Put (key, text) aside for the next batch; a reader too slow keeps the newest of each key."""
        self._waiting.extend(items)
        if len(self._waiting) > PENDING_LIMIT:
            newest = dict(self._waiting)
            self.skipped += len(self._waiting) - len(newest)
            self._waiting = deque(newest.items())

    def take_batch(self) -> list[str]:
        waiting, self._waiting = self._waiting, deque()
        return [text for _, text in waiting]

    def take_skipped(self) -> int:
        skipped, self.skipped = self.skipped, 0
        return skipped
