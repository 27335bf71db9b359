"""What is desired of a device against what it reports. Pure: values in, values out."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_GAPS = 100  # of one difference: enough to read, and bounded
PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True)
class Gap:
    """A desired value that is not reported as such. `reported` is None where nothing is."""

    path: str
    desired: Any
    reported: Any


def difference(desired: dict[str, Any], reported: dict[str, Any] | None) -> list[Gap]:
    """Where the two are apart, in the order of what is desired; the first hundred places."""
    gaps = []
    for gap in _gaps(desired, reported, ""):
        gaps.append(gap)
        if len(gaps) == MOST_GAPS:
            break
    return gaps


def is_in_sync(desired: dict[str, Any], reported: dict[str, Any] | None) -> bool:
    """Whether every desired value is reported as such; what is reported beyond is the device's own affair."""
    return next(_gaps(desired, reported, ""), None) is None


def _gaps(desired: Any, reported: Any, path: str) -> Iterator[Gap]:
    if not isinstance(desired, dict):
        if not same(desired, reported):
            yield Gap(path, desired, reported)
    elif isinstance(reported, dict) or reported is None:
        known = reported or {}
        for key, value in desired.items():
            yield from _gaps(value, known.get(key), _below(path, key))
    else:
        yield Gap(path, desired, reported)


def _below(path: str, key: str) -> str:
    """A key that a path could not be read back with is quoted."""
    step = key if PLAIN_KEY.match(key) else json.dumps(key, ensure_ascii=False)
    return f"{path}.{step}" if path else step


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: numbers by value, arrays and objects whole; true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def merged(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The document with a JSON merge patch (RFC 7396) applied: null removes, objects merge, the rest replaces."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            present = result.get(key)
            result[key] = merged(present if isinstance(present, dict) else {}, value)
        else:
            result[key] = value
    return result


def told(gaps: list[Gap]) -> str:
    """A difference in a sentence's words: `pump.speed is 40, wanted 60 (and 2 more)`."""
    first, others = gaps[0], len(gaps) - 1
    is_ = "not reported" if first.reported is None else _short(first.reported)
    more = f" (and {others}{' or' if others == MOST_GAPS - 1 else ''} more)" if others else ""
    return f"{_cut(first.path, 80)} is {is_}, wanted {_short(first.desired)}{more}"


def _short(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False), 60)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
