"""The wire without HTTP: query strings and bodies -> raw inputs, values and refusals -> bytes. Pure."""

import enum
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

import orjson
from django.utils.functional import Promise

from factory.trpc import superjson
from factory.trpc.errors import TRPCError
from factory.trpc.superjson import UNDEFINED

BOM = b"\xef\xbb\xbf"
DEEPEST = 254  # levels of nesting that orjson writes
MOST_VALUES = 150_000  # in one text: each costs ten to a hundred times what it is long, in memory and in time
MOST_BROKEN = 1024 * 1024  # bytes of a text whose UTF-8 is mended
STRING = re.compile(rb'"[^"]*"')
RESERVED = 14  # of these, for the envelope and for the rows that a free-form value may be kept in
OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME  # ours have milliseconds and Z
    | orjson.OPT_PASSTHROUGH_DATACLASS  # one that slipped past its serializer would leak snake_case names
)


class Dialect(enum.Enum):
    """How the client wants values written. Data for an UNKNOWN one is plain, errors suit both."""

    PLAIN = "plain"
    SUPERJSON = "superjson"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Malformed:
    """An input that could not be read. Only a procedure that asks for its input gets to know."""

    message: str


# Reading


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a query string may say; of a repeated name the first counts."""

    batch: bool = False
    input: str = ""
    connection: str = ""
    last_event_id: str = ""


def parse_query(text: str) -> Parameters:
    if not text:
        return Parameters()
    if not text.isascii():  # WSGI hands raw bytes on as Latin-1
        text = text.encode("latin-1", "replace").decode("utf-8", "replace")
    found: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(unquote_plus(name), value)
    return Parameters(
        batch=unquote_plus(found.get("batch", "")) == "1",
        input=unquote_plus(found.get("input", "")),
        connection=unquote_plus(found.get("connectionParams", "")),
        last_event_id=unquote_plus(found.get("lastEventId", "") or found.get("Last-Event-Id", "")),
    )


def parse_json(text: bytes) -> Any:
    """The value; UNDEFINED for no text, Malformed for bad text. Broken UTF-8 becomes U+FFFD."""
    if not text:
        return UNDEFINED
    text = text.removeprefix(BOM)
    if _has_too_many(text):
        return Malformed(f"JSON may hold {MOST_VALUES} values")
    try:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            if len(text) > MOST_BROKEN:
                raise
            readable = text.decode("utf-8", "replace").encode()
            if readable == text:
                raise
            value = orjson.loads(readable)
    except orjson.JSONDecodeError as error:
        return Malformed(str(error))
    if text.count(b"[") + text.count(b"{") > DEEPEST - RESERVED and _is_too_deep(value):
        return Malformed(f"JSON may nest {DEEPEST - RESERVED} levels deep")
    return value


def _has_too_many(text: bytes) -> bool:
    """Judged before anything is built. A long string with commas in it, such as a CSV file, is one value."""
    if len(text) <= MOST_VALUES or _separators(text, 0, len(text)) <= MOST_VALUES:
        return False
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    found = after = 0
    for strings, string in enumerate(STRING.finditer(bare)):
        found += _separators(bare, after, string.start())
        after = string.end()
        if max(found, strings // 2) > MOST_VALUES:  # a name and its value are two strings
            return True
    return found + _separators(bare, after, len(bare)) > MOST_VALUES


def _separators(text: bytes, start: int, end: int) -> int:
    return text.count(b",", start, end) + text.count(b"[", start, end) + text.count(b"{", start, end)


def _is_too_deep(value: Any) -> bool:
    """Whether an answer could not repeat `value`: what cannot be written back is not let in."""
    for _ in range(RESERVED):
        value = [value]
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return True
    return False


def read_connection_params(text: str) -> dict[str, str]:
    """Subscriptions take a token from them; whoever else sends nonsense is told too."""
    if not text:
        return {}
    value = parse_json(text.encode(errors="replace"))
    if isinstance(value, Malformed):
        raise TRPCError("PARSE_ERROR", "Not JSON-parsable query params")
    return connection_params(value)


def connection_params(value: Any) -> dict[str, str]:
    if value is None or value is UNDEFINED:
        return {}
    if not (isinstance(value, dict) and all(isinstance(member, str) for member in value.values())):
        raise TRPCError("PARSE_ERROR", "Invalid connection params shape")
    return value


def split_batch(value: Any, count: int) -> list[Any]:
    """The raw input of each call of a batch."""
    if value is UNDEFINED:
        return [UNDEFINED] * count
    if not isinstance(value, dict):
        return [Malformed('"input" needs to be an object when doing a batch call')] * count
    return [value.get(str(index), UNDEFINED) for index in range(count)]


def dialect_of(inputs: Sequence[Any]) -> Dialect:
    """superjson sends even undefined in an envelope, so one look at every input tells who is asking."""
    if any(isinstance(raw, Malformed) for raw in inputs):
        return Dialect.UNKNOWN
    return Dialect.SUPERJSON if all(map(superjson.is_envelope, inputs)) else Dialect.PLAIN


def open_input(raw: Any, dialect: Dialect) -> Any:
    """What the client meant by a raw input."""
    if isinstance(raw, Malformed):
        raise TRPCError("BAD_REQUEST", raw.message)
    if dialect is not Dialect.SUPERJSON or raw is UNDEFINED:
        return raw
    if not superjson.is_envelope(raw):
        raise TRPCError("BAD_REQUEST", "Expected input written by superjson.")
    try:
        return superjson.decode(raw)
    except superjson.Unreadable as reason:
        raise TRPCError("BAD_REQUEST", str(reason)) from None


# Writing


def result(value: Any, dialect: Dialect) -> bytes:
    """The envelope of a success. An undefined result has no data."""
    if dialect is Dialect.SUPERJSON:
        return dumps({"result": {"data": superjson.encode(value)}})
    return dumps({"result": {} if value is UNDEFINED else {"data": value}})


def failure(shape: Mapping[str, Any], dialect: Dialect) -> bytes:
    """The envelope of a refusal, said twice where it is unknown which half the client will read."""
    if dialect is Dialect.SUPERJSON:
        return dumps({"error": superjson.encode(dict(shape))})
    if dialect is Dialect.UNKNOWN:
        return dumps({"error": {**shape, "json": shape}})
    return dumps({"error": shape})


def batch_status(statuses: Sequence[int]) -> int:
    return statuses[0] if len(set(statuses)) == 1 else 207


def dumps(value: Any) -> bytes:
    """Strict JSON. orjson is exact and fast; what it refuses and JSON allows goes the long way round."""
    try:
        return orjson.dumps(value, default=_json_like, option=OPTIONS)
    except orjson.JSONEncodeError:  # an integer above 64 bits, a lone surrogate
        text = json.dumps(_finite(value), default=_json_like, allow_nan=False, separators=(",", ":"))
        return text.encode()


def _json_like(value: Any) -> Any:
    if isinstance(value, datetime):
        return superjson.iso(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Promise | UUID):
        return str(value)
    raise TypeError(f"A {type(value).__name__} has no form on the wire.")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
