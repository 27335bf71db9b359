"""Whether a device with a new token has been heard, and if not, what of it was heard instead."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from devices.models import Device, Presence, RefusedMessage
from telemetry.models import Reading

LOOKED_AT = 20  # the newest readings: one that is told anew is among them


class Value(NamedTuple):
    metric: str
    value: float


@dataclass
class Heard:
    """`values` are those of the newest reading that came since; None while none did."""

    values: list[Value] | None
    at: datetime | None  # when it was measured
    seen_at: datetime | None  # when the device last gave any sign, if since
    refused: RefusedMessage | None  # the newest message since that nobody understood


def heard_since(*, device: Device, since: int) -> Heard:
    """What came of a device since then, ms."""
    rows = Reading.objects.filter(device_id=device.pk).order_by("-timestamp")[:LOOKED_AT]
    newest = next((row for row in rows if row.received_at >= since), None)
    moment = datetime.fromtimestamp(since / 1000, UTC)
    seen = Presence.objects.filter(pk=device.pk, last_seen_at__gte=moment)
    refused = RefusedMessage.objects.filter(device_id=device.pk, at__gte=moment).order_by("-pk")
    return Heard(
        values=None if newest is None else [Value(*item) for item in sorted(newest.data.items())],
        at=None if newest is None else datetime.fromtimestamp(newest.timestamp / 1000, UTC),
        seen_at=seen.values_list("last_seen_at", flat=True).first(),
        refused=refused.first(),
    )
