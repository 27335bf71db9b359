"""Recordings in files: a header with `timestamp` and `value`, then one reading a line. Pure."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

DAY_MS = 86_400_000


class NotARecording(Exception):
    """The file does not begin as a recording does."""


class Row(NamedTuple):
    """One reading, where it stood in the file, and when it was measured (ms since the epoch)."""

    line: int
    timestamp: int
    value: float


class BadRow(NamedTuple):
    """A line that holds no reading, and why."""

    line: int
    reason: str


def read_recording(lines: Iterable[str]) -> Iterator[Row | BadRow]:
    """The rows in the order of the file; what cannot be read is named, and the rest goes on."""
    numbered = enumerate(map(_cells, lines), start=1)
    _, header = next(numbered, (1, []))
    names = [name.lower() for name in header]
    if not {"timestamp", "value"} <= set(names):
        raise NotARecording("the first line must name the columns timestamp and value")
    at, of = names.index("timestamp"), names.index("value")
    for line, cells in numbered:
        if not any(cells):
            continue
        try:
            if len(cells) <= max(at, of):
                raise ValueError("holds no timestamp and value")
            yield Row(line, _milliseconds(cells[at]), _number(cells[of]))
        except ValueError as error:
            yield BadRow(line, str(error))


def _cells(line: str) -> list[str]:
    """One line at a time, so that a stray quote spoils its own line only."""
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return [line]


def _milliseconds(text: str) -> int:
    """ISO 8601, with a space for the T if need be; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no time such as 2014-02-07 14:55:00") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:  # Python reads 1_000, nobody else does
        raise ValueError(f"{text[:40]!r} is no number")
    return value


def shift_to_end_before(rows: Sequence[Row], midnight: datetime) -> int:
    """The whole days, in ms, that move the newest row as close before `midnight` as they can."""
    newest = max(row.timestamp for row in rows)
    return (int(midnight.timestamp() * 1000) - 1 - newest) // DAY_MS * DAY_MS
