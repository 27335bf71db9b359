from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from alerts.models import Alert, ConditionState
from alerts.services.lifecycle import Ending, end_alerts
from telemetry.services import lock_devices

NOTE = "The device was taken out of service."


@transaction.atomic
def end_alerts_of(*, device_ids: Sequence[int], at: datetime) -> None:
    """These devices are out of service: nothing of them is open, and when they are back they are judged anew."""
    lock_devices(device_ids=device_ids)
    ConditionState.objects.filter(device_id__in=device_ids).delete()
    open_ones = Alert.objects.open().filter(device_id__in=device_ids).order_by("pk")
    keys = open_ones.values_list("open_key", flat=True)
    end_alerts([Ending(key, ended_at=at, note=NOTE) for key in keys if key is not None], at=at)
