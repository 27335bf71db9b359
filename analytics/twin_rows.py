"""A configuration side by side: every value that is desired or reported, and where they are apart. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devices.twin import PLAIN_KEY, difference

MOST = 300


@dataclass(frozen=True, slots=True)
class TwinRow:
    """One value, as it is wished and as it is."""

    path: str
    desired: str  # empty: not said
    reported: str
    differs: bool


def side_by_side(desired: dict[str, Any], reported: dict[str, Any] | None) -> list[TwinRow]:
    """What differs first, then in the order of the paths."""
    wished, told = dict(_leaves(desired, "")), dict(_leaves(reported or {}, ""))
    apart = [gap.path for gap in difference(desired, reported)]
    gaps = set(apart)
    paths = [*apart, *sorted((wished.keys() | told.keys()) - gaps)]
    return [TwinRow(path, _text(wished, path), _text(told, path), path in gaps) for path in paths[:MOST]]


def _leaves(value: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = key if PLAIN_KEY.match(key) else json.dumps(key, ensure_ascii=False)
        step = f"{path}.{name}" if path else name
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, step)
        else:
            yield step, inner


def _text(leaves: dict[str, Any], path: str) -> str:
    if path in leaves:
        return json.dumps(leaves[path], ensure_ascii=False)
    return "{…}" if any(leaf.startswith(f"{path}.") for leaf in leaves) else ""


def pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
