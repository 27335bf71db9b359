"""superjson: JSON beside annotations that say which strings are dates, which nulls are undefined. Pure.

Reads what versions 1.x to 2.x write; writes dates, undefined and non-finite numbers, which is all a
Python server has to say. `referentialEqualities` is not followed: the copies it speaks of are in the JSON.
"""

import enum
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final


class Undefined(enum.Enum):
    """JavaScript's undefined: an absent input, or a result without a value."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
VOID: Final = UNDEFINED

META_KEYS = frozenset({"values", "referentialEqualities", "v"})
FORBIDDEN_KEYS = frozenset({"__proto__", "constructor", "prototype"})
SIMPLE = frozenset({str, int, bool, type(None)})  # nothing to say about these, and most values are
LONGEST_INTEGER = 1000  # digits
LONGEST_PATH = 10_000  # characters
NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf, "-0": -0.0}

Path = tuple[str, ...]
Annotations = dict[Path, list[str]]


class Unreadable(ValueError):
    """The annotations do not fit the value, or ask for what nobody knows."""


def is_envelope(value: Any) -> bool:
    """Whether a raw input is superjson's: exactly `json`, or `json` and a `meta` that looks like one."""
    if type(value) is not dict or "json" not in value:
        return False
    if len(value) == 1:
        return True
    if len(value) != 2 or "meta" not in value:
        return False
    meta = value["meta"]
    return meta is None or (type(meta) is dict and meta.keys() <= META_KEYS)


# Reading


def decode(envelope: dict[str, Any]) -> Any:
    """The value a superjson client meant. Works in place: the envelope is used up."""
    holder = [envelope["json"]]
    meta = envelope.get("meta") or {}
    for path, kind in _annotations(meta.get("values"), (), escaped=meta.get("v") == 1):
        _apply(holder, path, kind)
    return holder[0]


def _annotations(tree: Any, origin: Path, *, escaped: bool) -> Iterator[tuple[Path, Any]]:
    """Paths with their types, children before parents."""
    if not tree:
        return
    children = tree
    if isinstance(tree, list):
        children = tree[1] if len(tree) > 1 else None
    if children:
        if not isinstance(children, dict):
            raise Unreadable("meta.values is not a superjson tree")
        for key, subtree in children.items():
            yield from _annotations(subtree, (*origin, *split_path(key, escaped=escaped)), escaped=escaped)
    if isinstance(tree, list):
        yield origin, tree[0]


def split_path(text: str, *, escaped: bool) -> Path:
    r"""`a\.b.c` -> ("a.b", "c"). Before version 2.2.3 (not `escaped`) a backslash only ever escaped a dot."""
    if len(text) > LONGEST_PATH:
        raise Unreadable("A path in meta.values is too long")
    if "\\" not in text:
        return tuple(text.split("."))
    escape = r"\\[\\.]" if escaped else r"\\\."
    parts = [""]
    for token in re.findall(rf"{escape}|\.|[^\\.]+|\\", text):
        if token == ".":
            parts.append("")
        else:
            parts[-1] += token[1:] if len(token) == 2 and token[0] == "\\" else token
    return tuple(parts)


def join_path(path: Path) -> str:
    r"""The reverse, as of version 2.2.3: `\` becomes `\\` and `.` becomes `\.`."""
    return ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in path)


def _apply(holder: list[Any], path: Path, kind: Any) -> None:
    if not FORBIDDEN_KEYS.isdisjoint(path):
        raise Unreadable(f"{next(key for key in path if key in FORBIDDEN_KEYS)} is not allowed as a property")
    rebuild = _rebuilder(kind)
    parent: Any = holder
    place: Any = 0
    for key in path:
        parent = parent[place]
        place = _place(parent, key)
        if place is None:
            return  # the annotation speaks of something that is not there
    value = rebuild(parent[place])
    if value is not UNDEFINED or parent is holder:
        parent[place] = value
    elif isinstance(parent, dict):
        del parent[place]  # to JavaScript a member that is undefined and one that is absent read the same


def _place(parent: Any, key: str) -> str | int | None:
    if isinstance(parent, dict):
        return key if key in parent else None
    if isinstance(parent, list) and key.isascii() and key.isdigit() and len(key) < 10:
        return int(key) if int(key) < len(parent) else None
    return None


def _rebuilder(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, list) and kind and kind[0] in ("typed-array", "symbol"):
        return _typed_array if kind[0] == "typed-array" else _text
    if not isinstance(kind, str) or kind not in REBUILDERS:
        raise Unreadable(f"Unknown transformation: {kind if isinstance(kind, str) else type(kind).__name__}")
    return REBUILDERS[kind]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable("An annotated value is not a string")
    return value


def _date(value: Any) -> datetime:
    text = _text(value)
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("Invalid Date") from None


def _bigint(value: Any) -> int:
    if not re.fullmatch("-?[0-9]+", _text(value)) or len(value) > LONGEST_INTEGER:
        raise Unreadable("Invalid bigint")
    return int(value)


def _number(value: Any) -> float:
    if _text(value) not in NUMBERS:
        raise Unreadable("Invalid number")
    return NUMBERS[value]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unreadable("An annotated value is not an array")
    return value


def _map(value: Any) -> Any:
    """A dict where JavaScript's keys are strings; other keys stay pairs, since JSON knows no such thing."""
    pairs = _list(value)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise Unreadable("A Map is not made of pairs")
    return dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else pairs


def _typed_array(value: Any) -> list[Any]:
    if not all(isinstance(item, int | float) for item in _list(value)):
        raise Unreadable("A typed array is not made of numbers")
    return value


def _error(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("An Error is not an object")
    return value


REBUILDERS: dict[str, Callable[[Any], Any]] = {
    "undefined": lambda value: UNDEFINED,
    "Date": _date,
    "bigint": _bigint,
    "number": _number,
    "set": _list,
    "map": _map,
    "regexp": _text,
    "URL": _text,
    "Error": _error,
}


# Writing


def encode(value: Any) -> dict[str, Any]:
    """`{"json": …}`, with `meta` only when there is something to say."""
    annotations: Annotations = {}
    json = flatten(value, annotations)
    return {"json": json, "meta": meta_for(annotations)} if annotations else {"json": json}


def meta_for(annotations: Annotations) -> dict[str, Any]:
    """An annotation of the root stands alone; all others go under their path."""
    by_path = {join_path(path): kind for path, kind in annotations.items()}
    return {"values": annotations.get((), by_path), "v": 1}


def flatten(value: Any, annotations: Annotations, path: Path = ()) -> Any:
    """A JSON-like copy of `value`; what JSON cannot say is noted in `annotations` under its path."""
    if isinstance(value, dict):
        return {
            key: inner if type(inner) in SIMPLE else flatten(inner, annotations, (*path, str(key)))
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            inner if type(inner) in SIMPLE else flatten(inner, annotations, (*path, str(i)))
            for i, inner in enumerate(value)
        ]
    if isinstance(value, datetime):
        annotations[path] = ["Date"]
        return iso(value)
    if isinstance(value, float) and not math.isfinite(value):
        annotations[path] = ["number"]
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is UNDEFINED:
        annotations[path] = ["undefined"]
        return None
    return value


def iso(at: datetime) -> str:
    """As JavaScript's toISOString writes it: UTC, milliseconds, Z."""
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
