"""Messages that nobody understood, kept for a look."""

from datetime import datetime

from django.db import transaction

from devices.models import Device, RefusedMessage

KEPT = 100  # of each device
PAYLOAD_LENGTH = 4_000


@transaction.atomic
def keep_refused_message(*, external_id: str, topic: str, payload: bytes, reason: str, at: datetime) -> bool:
    """Keep the beginning of a message, and of each device the last hundred. False when nobody is so called."""
    device_id = Device.objects.filter(external_id=external_id).values_list("pk", flat=True).first()
    if device_id is None:
        return False
    text = payload[:PAYLOAD_LENGTH].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    RefusedMessage.objects.create(
        device_id=device_id, topic=topic[:64], payload=text, reason=reason[:255], at=at
    )
    kept = RefusedMessage.objects.filter(device_id=device_id).order_by("-pk")
    oldest = kept.values_list("pk", flat=True)[KEPT - 1 : KEPT].first()
    if oldest is not None:
        kept.filter(pk__lt=oldest).delete()
    return True
