"""The Redis that all processes count in, and what happens while it is away.

A counter must cost a request less than what it protects: one round trip, short patience, and after a failure
no further try for some seconds, so that a Redis that hangs costs one wait and not one a request.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.25
TRY_AGAIN_SECONDS = 5.0
AWAY = (redis.RedisError, OSError)
OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": PATIENCE_SECONDS,
    "socket_timeout": PATIENCE_SECONDS,
    "retry": Retry(NoBackoff(), 0),
}


class Fuse:
    """Whether it is worth asking. Says once that Redis has gone, and once that it is back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._blown = False
        self._try_at = 0.0

    def holds(self) -> bool:
        """True while all is well; afterwards for one caller every few seconds, who tries."""
        if not self._blown:
            return True
        now = self._clock()
        with self._lock:
            if now < self._try_at:
                return False
            self._try_at = now + TRY_AGAIN_SECONDS
            return True

    def blow(self, error: Exception) -> None:
        with self._lock:
            was_blown, self._blown = self._blown, True
            self._try_at = self._clock() + TRY_AGAIN_SECONDS
        if not was_blown:
            logger.warning("limits.redis_away", extra={"error": str(error)})

    def mend(self) -> None:
        if self._blown:
            with self._lock:
                was_blown, self._blown = self._blown, False
            if was_blown:
                logger.info("limits.redis_back")


class Counter:
    """Adds up in Redis, under keys that vanish by themselves."""

    def __init__(self, url: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._client: redis.Redis | None = None
        self.fuse = Fuse(clock)

    def add(self, key: str, amount: int, *, keep_seconds: int) -> int | None:
        """What `key` has come to with this; None while Redis is away."""
        if not self.fuse.holds():
            return None
        client = self._client
        if client is None:
            client = self._client = redis.Redis.from_url(self._url or settings.REDIS_URL, **OPTIONS)
        try:
            count = int(client.incrby(key, amount))
            if count == amount:
                # The first of its window. Should we be killed in between, one small key stays for ever.
                client.expire(key, keep_seconds)
        except AWAY as error:
            self.fuse.blow(error)
            return None
        self.fuse.mend()
        return count


class SharedOrOwn(BaseCache):
    """The cache of django-ratelimit: Redis, and this process's own memory while that is away."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._shared = RedisCache(server, {**params, "OPTIONS": OPTIONS})
        self._own = LocMemCache("limits", {"OPTIONS": {"MAX_ENTRIES": 100_000}})
        self.fuse = FUSE

    def _ask(self, name: str, *arguments: Any, **named: Any) -> Any:
        if self.fuse.holds():
            try:
                answer = getattr(self._shared, name)(*arguments, **named)
            except AWAY as error:
                self.fuse.blow(error)
            else:
                self.fuse.mend()
                return answer
        return getattr(self._own, name)(*arguments, **named)

    def add(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("add", *arguments, **named)

    def get(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("get", *arguments, **named)

    def incr(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("incr", *arguments, **named)

    def clear(self) -> None:
        self._ask("clear")
        self._own.clear()


FUSE = Fuse()  # caches are made once a thread; what is known of Redis is known to all of them
counter = Counter()
