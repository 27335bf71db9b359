"""A device is back: what waited for it is given to it."""

from collections.abc import Callable, Iterable
from datetime import datetime

# What devices may have missed is told here by those who keep it, since they in turn need to know who is there.
_given: list[Callable[..., object]] = []


def give_on_return(give: Callable[..., object]) -> None:
    """Have `give(device_ids=..., at=...)` called when devices come back; their presences are locked by then."""
    _given.append(give)


def welcome_back(device_ids: Iterable[int], *, at: datetime) -> None:
    """Called when devices come back, and only then."""
    ids = list(device_ids)
    for give in _given:
        give(device_ids=ids, at=at)
