"""Statements that a database takes: MariaDB refuses what is larger than its packet, 16 MB unless set otherwise."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

BYTES_AT_ONCE = 1_000_000
ROWS_AT_ONCE = 500


def in_parts(rows: Iterable[tuple[T, int]]) -> Iterator[list[T]]:
    """Rows given with their sizes in bytes, in parts of which each makes one statement."""
    part: list[T] = []
    total = 0
    for row, size in rows:
        if part and (total + size > BYTES_AT_ONCE or len(part) == ROWS_AT_ONCE):
            yield part
            part, total = [], 0
        part.append(row)
        total += size
    if part:
        yield part


def size_of_json(value: Any) -> int:
    """About the bytes that a value takes in a statement, where quotes and backslashes are written as two."""
    return 2 * len(json.dumps(value))
