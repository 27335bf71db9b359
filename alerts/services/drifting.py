"""Devices that do not follow the configuration desired of them: one alert each, which ends when they do."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from alerts.models import Alert
from alerts.services.lifecycle import Ending, Opening, end_alerts, open_alerts
from devices.queries import configurations_of
from devices.twin import difference, told
from telemetry.services import lock_devices

DRIFT_KEY = "config:device:"


@transaction.atomic
def tell_of_drift(*, device_ids: Sequence[int], at: datetime) -> None:
    """Raise an alert for each of these; one that is open already says what the difference is now."""
    lock_devices(device_ids=device_ids)
    messages = {}
    for twin in configurations_of(device_ids=device_ids):
        if gaps := difference(twin.desired, twin.reported):
            messages[twin.pk] = f"Configuration differs: {told(gaps)}"
    opened = open_alerts(
        [
            Opening(
                open_key=f"{DRIFT_KEY}{device_id}",
                type=Alert.Type.SYSTEM_ERROR,
                severity=Alert.Severity.WARNING,
                message=message,
                started_at=at,
                device_id=device_id,
            )
            for device_id, message in messages.items()
        ],
        at=at,
    )
    _say_anew(messages, opened, at=at)


def _say_anew(messages: dict[int, str], opened: Sequence[Alert], *, at: datetime) -> None:
    news = {alert.device_id for alert in opened}
    keys = [f"{DRIFT_KEY}{device_id}" for device_id in messages if device_id not in news]
    if not keys:
        return
    present = list(Alert.objects.select_for_update().filter(open_key__in=keys).order_by("pk"))
    for alert in present:
        alert.message, alert.updated_at = messages[alert.device_id or 0][:300], at
    Alert.objects.bulk_update(present, ["message", "updated_at"])


@transaction.atomic
def end_drift(*, device_ids: Sequence[int], at: datetime) -> None:
    """These report what is desired of them: what told otherwise is over."""
    keys = [f"{DRIFT_KEY}{device_id}" for device_id in device_ids]
    found = list(Alert.objects.filter(open_key__in=keys).values_list("open_key", "device_id"))
    if not found:
        return
    lock_devices(device_ids=[device_id for _, device_id in found if device_id is not None])
    note = "It reports what is desired."
    endings = [Ending(open_key=open_key, ended_at=at, note=note) for open_key, _ in found if open_key]
    end_alerts(endings, at=at)
