"""What happened while a page had no live line."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from alerts.models import AlertEvent
from devices.models import Device, StatusChange
from devices.patience import patience_by_type

# A step is written down a moment before it is told: what lies so shortly before the line's end was not heard for sure.
OVERLAP = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Missed:
    """Counts of what people would have seen come up."""

    opened: int
    ended: int
    silent: int

    def __bool__(self) -> bool:
        return bool(self.opened or self.ended or self.silent)


def missed_since(*, since: datetime, seq: int) -> Missed:
    """What came after `since`, when a page last heard of the plant; `seq` is the newest step of an alert it knew."""
    kinds = AlertEvent.Kind
    steps = AlertEvent.objects.filter(
        kind__in=(kinds.OPENED, kinds.RESOLVED), at__gte=since - OVERLAP, pk__gt=seq
    ).aggregate(
        opened=Count("pk", filter=Q(kind=kinds.OPENED)), ended=Count("pk", filter=Q(kind=kinds.RESOLVED))
    )
    return Missed(**steps, silent=_fell_silent(since))


def _fell_silent(since: datetime) -> int:
    """Devices that are offline since then. One is offline from when it was last heard, and known to be so later."""
    patience = {type_: timedelta(seconds=each.silent_seconds) for type_, each in patience_by_type().items()}
    changes = StatusChange.objects.filter(
        at__gt=since - max(patience.values()),
        status=Device.Status.OFFLINE,
        device__status=Device.Status.OFFLINE,
    )
    rows = changes.order_by().values_list("device_id", "device__type", "at")
    return len({device_id for device_id, type_, at in rows if at + patience[type_] > since})
