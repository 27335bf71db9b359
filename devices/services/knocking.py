"""Devices that hold a socket are told that something waits for them; what it is they are then given in order."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from devices.models import Presence
from factory.live.broadcast import broadcast_on_commit

ERRANDS_STREAM = "errands"
ERRANDS_SHARDS = 16


def knock_on_commit(device_ids: Iterable[int], *, at: datetime) -> None:
    """After the commit, wake the sockets that these devices hold. Lost news is made up for at the next heartbeat."""
    with_socket = Presence.objects.filter(pk__in=list(device_ids), socket_until__gt=at)
    items: list[tuple[int, dict[str, Any]]] = [
        (device_id, {}) for device_id in with_socket.values_list("pk", flat=True)
    ]
    if items:
        broadcast_on_commit(ERRANDS_STREAM, items, shards=ERRANDS_SHARDS)
