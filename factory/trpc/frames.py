"""What a client of `wsLink` writes: one request or a list of them a frame. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from factory.trpc import wire
from factory.trpc.errors import TRPCError
from factory.trpc.superjson import UNDEFINED
from factory.trpc.wire import Dialect, Malformed

METHODS = ("query", "mutation", "subscription", "subscription.stop")
LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, or why it is none. `echo` goes into each of its answers."""

    id: int | float | str | None = None
    method: str = ""
    path: str = ""
    input: Any = UNDEFINED
    dialect: Dialect = Dialect.UNKNOWN
    last_event_id: str | None = None
    echo: Mapping[str, Any] = field(default_factory=lambda: {"id": None})
    refusal: TRPCError | None = None


def read_frames(text: str, dialect: Dialect | None) -> list[Asked]:
    """`dialect` None: tell it from each input."""
    value = wire.parse_json(text.encode(errors="replace"))
    if isinstance(value, Malformed):
        return [_none(value.message)]
    if value is UNDEFINED:
        return [_none("An empty frame")]
    return [_read(each, dialect) for each in (value if isinstance(value, list) else [value])]


def _read(frame: Any, dialect: Dialect | None) -> Asked:
    if not isinstance(frame, dict):
        return _none("Expected an object")
    id, method = frame.get("id"), frame.get("method")
    if isinstance(id, bool) or not isinstance(id, int | float | str) or len(str(id)) > LONGEST_ID:
        return _none("Invalid request id")
    echo: dict[str, Any] = {"id": id}
    if frame.get("jsonrpc") == "2.0":
        echo["jsonrpc"] = "2.0"
    if method not in METHODS:
        return _none("Invalid request type", echo)
    if method == "subscription.stop":
        return Asked(id, method, echo=echo)
    params = frame.get("params")
    if not isinstance(params, dict):
        return _none("Invalid params", echo)
    path, last = params.get("path"), params.get("lastEventId")
    if not isinstance(path, str):
        return _none("Invalid path", echo)
    if not (last is None or isinstance(last, str)):
        return _none("Invalid lastEventId", echo)
    raw = params.get("input", UNDEFINED)
    return Asked(id, method, path, raw, dialect or wire.dialect_of([raw]), last, echo)


def _none(message: str, echo: Mapping[str, Any] | None = None) -> Asked:
    """A request that is none; it is answered under its id where it has one."""
    return Asked(echo=echo or {"id": None}, refusal=TRPCError("PARSE_ERROR", message))
