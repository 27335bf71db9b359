from collections.abc import Iterable
from datetime import datetime
from typing import Any

from devices.models import Presence
from factory.live.broadcast import broadcast_on_commit
from factory.live.story import microseconds
from ota.models import Deployment
from ota.queries.deployments import news_of

OTA_STREAM = "ota"
OFFERS_STREAM = "offers"
OFFERS_SHARDS = 16


def tell_on_commit(deployments: Iterable[Deployment], *, at: datetime) -> None:
    """Tell dashboards, after the commit, how these stand."""
    number = microseconds(at)
    items = [(each.device_id, news_of(each, at=at), number) for each in deployments]
    if items:
        broadcast_on_commit(OTA_STREAM, items)


def wake_sockets_on_commit(device_ids: Iterable[int], *, at: datetime) -> None:
    """After the commit, have the sockets of these devices look for an offer; heartbeats make up for lost news."""
    there = Presence.objects.filter(pk__in=list(device_ids), socket_until__gt=at)
    items: list[tuple[int, dict[str, Any]]] = [(pk, {}) for pk in there.values_list("pk", flat=True)]
    if items:
        broadcast_on_commit(OFFERS_STREAM, items, shards=OFFERS_SHARDS)
