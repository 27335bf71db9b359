"""Desired configurations on their way out. The broker keeps the newest for whoever comes, so saying it twice does
no harm: it is said first, and noted when the broker has it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db.models import Q

from devices.models import Configuration


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is desired of a device, in a version."""

    device_id: int
    external_id: str
    desired: dict[str, Any]
    version: int

    def payload(self) -> bytes:
        """Nothing at all where nothing is desired: that clears what was kept for an earlier device of this name."""
        if not self.version:
            return b""
        return orjson.dumps({"desired": self.desired, "version": self.version})


def due_announcements(*, at: datetime, limit: int) -> list[Announcement]:
    """Configurations to be sent out now, the longest due first.

    A device that holds a socket is told there first. The broker gets it when the socket has looked for certain:
    what is noted as said is no longer due, and a socket that looked only then would not find it.
    """
    has_looked = Q(push_at__lte=at - timedelta(seconds=settings.WS_TIMEOUT))
    has_socket = Q(device__presence__socket_until__gt=at)
    due = Configuration.objects.filter(push_at__lte=at).exclude(has_socket & ~has_looked)
    due = due.order_by("push_at", "pk")
    rows = due.values_list("device_id", "device__external_id", "desired", "version")[:limit]
    return [Announcement(*row) for row in rows]


def note_announced(announcements: Iterable[Announcement], *, at: datetime) -> None:
    """They are out; what was desired anew since `at`, or is to be sent again, stays due."""
    by_version: dict[int, list[int]] = defaultdict(list)
    for each in announcements:
        by_version[each.version].append(each.device_id)
    for version, ids in by_version.items():
        said = Configuration.objects.filter(pk__in=sorted(ids), version=version, push_at__lte=at)
        said.update(push_at=None)


@dataclass(frozen=True, slots=True)
class Told:
    """What one connection has told its device: which version, and for which time that it was due."""

    version: int = 0
    due_at: datetime | None = None


def desired_of(*, device_id: int, told: Told) -> tuple[Announcement, Told] | None:
    """What is desired of a device, if that is newer than what it was told, or is to be told once more."""
    once_more = Q(version=told.version, push_at__isnull=False)
    if told.due_at is not None:
        once_more &= ~Q(push_at=told.due_at)
    rows = Configuration.objects.filter(Q(version__gt=told.version) | once_more, pk=device_id, version__gt=0)
    found = rows.values_list("device_id", "device__external_id", "desired", "version", "push_at").first()
    if found is None:
        return None
    *what, push_at = found
    announcement = Announcement(*what)
    return announcement, Told(announcement.version, push_at)
