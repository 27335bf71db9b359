"""What a piece of work is about: ids that every log line of it carries, from the request to the tasks it hands over.

Knows no room. A request without an id gets one; the answer says it (`X-Request-Id`), and tasks inherit it.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_ids: ContextVar[Mapping[str, object]] = ContextVar("ids", default=MappingProxyType({}))


def ids() -> Mapping[str, object]:
    """The ids of the work at hand, for example `{"request_id": …, "device_id": 12}`."""
    return _ids.get()


def note(**found: object) -> None:
    """Add an id to the work at hand; outside of any, nothing happens."""
    if _ids.get():
        _ids.set({**_ids.get(), **found})


@contextmanager
def work(**known: object) -> Iterator[None]:
    """What is logged inside carries these ids, and those that are noted on the way."""
    before = _ids.set(known)
    try:
        yield
    finally:
        _ids.reset(before)


def request_id(heard: str) -> str:
    """The id that a proxy or client in front has given, if it is one; else a new one."""
    return heard if REQUEST_ID.fullmatch(heard) else secrets.token_hex(8)
