"""The audit log's only writer: who changed what, when, from where, and who was refused.

An entry is written when its request is over and has committed. One that cannot be written is logged with all
that it says, and the request stands: a plant that can no longer be operated because its log is full is worse.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from factory.accounts.audit_words import summary
from factory.accounts.models import AuditEntry, User
from factory.accounts.noting import Notes

logger = logging.getLogger(__name__)
AT_ONCE = 1000  # old entries in one transaction


@dataclass(frozen=True)
class Deed:
    """What somebody did, or tried to."""

    source: AuditEntry.Source
    action: str
    outcome: AuditEntry.Outcome
    by: User | None = None
    by_name: str = ""  # where it is nobody with an account: who ran a command
    by_token: str = ""  # of theirs, where a program spoke for them
    reason: str = ""
    target: tuple[str, str] = ("", "")  # kind, id; where no service has told what was changed
    label: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    request_id: str = ""


def record(deed: Deed, *, at: datetime, notes: Notes | None = None) -> None:
    """Write one entry for each thing that was changed, or one for the request where nothing was told."""
    is_done = deed.outcome == AuditEntry.Outcome.DONE
    changes = list(notes.changes.values()) if notes is not None and is_done else []
    common: dict[str, Any] = {
        "at": at,
        "actor_id": deed.by.pk if deed.by else None,
        "actor_name": (str(deed.by) if deed.by else deed.by_name)[:190],
        "by_token": deed.by_token[:100],
        "source": deed.source,
        "action": deed.action[:100],
        "outcome": deed.outcome,
        "asked": deed.asked,
        "address": deed.address[:64],
        "request_id": deed.request_id[:64],
    }
    more = f"And {notes.more} more." if notes is not None and notes.more else ""
    reason = (deed.reason or more)[:200]
    kind, id = deed.target
    entries = [
        AuditEntry(
            **common,
            reason=reason,
            target_kind=change.kind[:64],
            target_id=change.id[:64],
            target_label=change.label[:200],
            before=summary(change.before),
            after=summary(change.after),
        )
        for change in changes
    ] or [
        AuditEntry(
            **common,
            reason=reason,
            target_kind=kind[:64],
            target_id=id[:64],
            target_label=deed.label[:200],
        )
    ]
    try:
        AuditEntry.objects.bulk_create(entries)
    except DatabaseError:
        logger.exception("audit.not_written", extra={**common, "at": at.isoformat(), "target": deed.target})


def forget_old_entries(*, at: datetime) -> int:
    """Take away what is older than a plant keeps (AUDIT_KEEP_DAYS)."""
    oldest = at - timedelta(days=settings.AUDIT_KEEP_DAYS)
    gone = 0
    while True:
        # Keys grow with time, and a cut by key holds no other rows on MariaDB.
        ids = list(
            AuditEntry.objects.filter(at__lt=oldest).order_by("at").values_list("pk", flat=True)[:AT_ONCE]
        )
        if not ids:
            return gone
        gone += AuditEntry.objects.filter(pk__in=ids)._expire()
