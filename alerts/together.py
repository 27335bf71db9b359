"""Which silent devices went together: a switch that died, a fuse. Pure: moments in, device ids out."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ZONE_TOGETHER = 3  # devices that are one piece of news rather than several
ZONE_WITHIN = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Silent:
    """A silent device, and the span in which it went: nobody knows when exactly."""

    device_id: int
    first: datetime
    last: datetime
    is_due: bool  # people are to hear of it now


def span_of(
    *, last_seen_at: datetime, went_silent_at: datetime, said_goodbye: bool
) -> tuple[datetime, datetime]:
    """When a device may have gone: shortly before its goodbye (a will comes when the broker gives the device
    up), else at any time between when it was last heard and its deadline."""
    if said_goodbye:
        return went_silent_at - ZONE_WITHIN, went_silent_at
    return last_seen_at, max(went_silent_at, last_seen_at + ZONE_WITHIN)


def who_went_together(silent: Sequence[Silent]) -> set[int]:
    """The most devices, a due one among them, that may all have gone at one moment; none where they are few."""
    everybody, due = _ends_of(silent), _ends_of([one for one in silent if one.is_due])
    # Where most spans overlap, one of them begins.
    crowds = [(_overlapping(everybody, one.first), one.first) for one in silent]
    crowds = [crowd for crowd in crowds if crowd[0] >= ZONE_TOGETHER and _overlapping(due, crowd[1])]
    if not crowds:
        return set()
    _, at = max(crowds)
    return {one.device_id for one in silent if one.first <= at <= one.last}


Ends = tuple[list[datetime], list[datetime]]  # at which spans begin, and end


def _ends_of(silent: Sequence[Silent]) -> Ends:
    return sorted(one.first for one in silent), sorted(one.last for one in silent)


def _overlapping(ends: Ends, moment: datetime) -> int:
    """How many spans this moment lies in."""
    firsts, lasts = ends
    return bisect_right(firsts, moment) - bisect_left(lasts, moment)
