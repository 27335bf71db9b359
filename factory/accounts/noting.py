"""What a request changed, told by the services that know it, for the audit log.

A service says what was and what is; where nobody listens (a device's reading, a task), nothing is kept.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

MOST_NOTED = 100  # things in one request


@dataclass
class Change:
    """One thing, and what is different about it."""

    kind: str  # "devices.device"
    id: str
    label: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


class Notes:
    """What one request has changed until now."""

    def __init__(self) -> None:
        self.changes: dict[tuple[str, str], Change] = {}
        self.more = 0  # that were not kept

    def add(self, change: Change) -> None:
        known = self.changes.get((change.kind, change.id))
        if known is not None:  # again in the same request: from what was first to what is last
            known.before = {**change.before, **known.before}
            known.after.update(change.after)
        elif len(self.changes) < MOST_NOTED:
            self.changes[change.kind, change.id] = change
        else:
            self.more += 1


_listening: ContextVar[Notes | None] = ContextVar("noted_changes", default=None)


@contextmanager
def collecting() -> Iterator[Notes]:
    """Hear what is changed from here on. Within another one, that other one hears nothing of it."""
    notes = Notes()
    token = _listening.set(notes)
    try:
        yield notes
    finally:
        _listening.reset(token)


def note_change(
    kind: str, id: object, label: object, *, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Say what a thing was and is; members that are alike on both sides are left out."""
    notes = _listening.get()
    if notes is None:
        return
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if names:
        old = {name: before[name] for name in names if name in before}
        new = {name: after[name] for name in names if name in after}
        notes.add(Change(kind, str(id), str(label), old, new))
