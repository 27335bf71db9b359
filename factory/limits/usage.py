"""Counting against a rate, in windows of fixed length that begin at another second for everybody."""

import time
from dataclasses import dataclass
from zlib import crc32

from factory.limits.leases import Leases
from factory.limits.rates import Rate
from factory.limits.shared import Counter


@dataclass(frozen=True, slots=True)
class Usage:
    """What somebody has used of a rate; the last `amount` of it just now."""

    rate: Rate
    used: int
    amount: int
    resets_at: int  # seconds since the epoch
    now: float

    @property
    def fitting(self) -> int:
        """How many of the `amount` are within the rate."""
        return max(0, self.amount - max(0, self.used - self.rate.count))

    @property
    def retry_after(self) -> int:
        return max(1, int(self.resets_at - self.now) + 1)

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.rate.count),
            "X-RateLimit-Remaining": str(max(0, self.rate.count - self.used)),
            "X-RateLimit-Reset": str(self.resets_at),
        }


def window_end(name: str, seconds: int, now: float) -> int:
    """When the window of `name` ends; shifted by name, so that not everybody's ends at once."""
    shift = crc32(name.encode()) % seconds
    return int((now - shift) // seconds + 1) * seconds + shift


def count(
    counter: Counter,
    name: str,
    rate: Rate,
    *,
    amount: int = 1,
    now: float | None = None,
    leases: Leases | None = None,
) -> Usage | None:
    """Count `amount` on the account of `name`, with `leases` nearly so; None where nobody can, as Redis is away."""
    now = time.time() if now is None else now
    resets_at = window_end(name, rate.seconds, now)
    key, keep_seconds = f"rate:{name}:{resets_at}", rate.seconds + 5
    if leases is None:
        used = counter.add(key, amount, keep_seconds=keep_seconds)
    else:
        used = leases.add(key, amount, limit=rate.count, keep_seconds=keep_seconds, resets_at=resets_at)
    return None if used is None else Usage(rate, used, amount, resets_at, now)
