"""How a request is told in the audit log: short, as JSON, and never with a secret in it."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from factory.spreadsheet import guarded

HIDDEN = "•••"
LONGEST_TEXT = 200
MOST_ITEMS = 50
DEEPEST = 6
LARGEST = 8_000  # bytes of one summary
# Members that are never told, by words in their names at any depth. What messages are sent to is among them:
# the address of a webhook or of a chat carries its password.
SECRETS = re.compile(
    r"password|passwd|passphrase|secret|token|signature|credential|cookie|authori[sz]ation|private|"
    r"api_?key|psk|claim_?code|recipient",
    re.IGNORECASE,
)
LEFT_OUT = {"csrfmiddlewaretoken", "action", "post", "index", "select_across", "selection", "revision"}


def summary(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, in what fits on a page."""
    told = _told(asked, 0)
    if len(orjson.dumps(told)) > LARGEST:
        return {name: value if isinstance(value, int | float | bool) else "…" for name, value in told.items()}
    return told


def form_summary(form: Any, files: Any) -> dict[str, Any]:
    """A posted form: fields with one value plainly, hidden machinery and empty ones left out."""
    asked: dict[str, Any] = {}
    for name in form:
        values = [value for value in form.getlist(name) if value != ""]
        if name in LEFT_OUT or name.startswith(("initial-", "_")) or not values:
            continue
        asked[name] = values[0] if len(values) == 1 else values
    for name, file in files.items():
        asked[name] = {"file": file.name, "bytes": file.size}
    return summary(asked)


def _told(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int):
        return value if not isinstance(value, int) or abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return _members(value, depth)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes) and not hasattr(value, "read"):
        return _items(list(value), depth)
    if hasattr(value, "read"):  # an upload
        return {"file": str(getattr(value, "name", "")), "bytes": getattr(value, "size", None)}
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _members(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for number, (name, member) in enumerate(value.items()):
        if number == MOST_ITEMS:
            told["…"] = len(value) - MOST_ITEMS
            break
        name = str(name)[:LONGEST_TEXT]
        told[name] = HIDDEN if SECRETS.search(name) and member else _told(member, depth + 1)
    return told


def _items(values: list[Any], depth: int) -> list[Any]:
    told = [_told(each, depth + 1) for each in values[:MOST_ITEMS]]
    return [*told, f"… {len(values) - MOST_ITEMS}"] if len(values) > MOST_ITEMS else told


def readable(value: Any) -> str:
    """A value as a person reads it."""
    if value is None or value == "":
        return "–"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


COLUMNS = (
    "at",
    "who",
    "by way of",
    "action",
    "outcome",
    "reason",
    "kind",
    "id",
    "object",
    "before",
    "after",
    "asked",
    "address",
    "request",
    "by API token",
)


class _Lines:
    def write(self, line: str) -> str:
        return line


def csv_of(entries: Iterable[Any]) -> Iterator[bytes]:
    """The audit log as a table, for programs: English columns, UTC, JSON in cells."""
    writer = csv.writer(_Lines())
    yield writer.writerow(COLUMNS).encode()
    for entry in entries:
        cells = [
            entry.at.isoformat(),
            entry.actor_name,
            entry.source,
            entry.action,
            entry.outcome,
            entry.reason,
            entry.target_kind,
            entry.target_id,
            entry.target_label,
            *(orjson.dumps(value).decode() for value in (entry.before, entry.after, entry.asked)),
            entry.address,
            entry.request_id,
            entry.by_token,
        ]
        yield writer.writerow([guarded(cell) for cell in cells]).encode()
