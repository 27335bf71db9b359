"""Trouble that no threshold watches, reported by people, by integrators, and by other rooms."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from alerts.models import Alert
from alerts.services.lifecycle import RANK, Change, Opening, change_alerts, open_alerts
from alerts.services.offline_zones import DEVICE_KEY
from devices.models import Device
from devices.queries import get_device
from factory.accounts.models import User
from factory.errors import InvalidInput
from telemetry.metrics import METRIC_NAME, NO_METRIC_NAME
from telemetry.services import lock_devices


@transaction.atomic
def raise_alert(
    *,
    type: str,
    severity: str,
    message: str,
    at: datetime,
    device: Device | None = None,
    metric: str = "",
    value: float | None = None,
    threshold: float | None = None,
    by: User | None = None,
) -> Alert:
    """Report trouble. While it is open, saying it again only counts it once more.

    What is open can become more severe in this way, never less. There is one open alert per device (or
    the plant), type and metric; what thresholds judge is apart from it, so that neither hides the other.
    """
    if metric and not METRIC_NAME.match(metric):
        raise InvalidInput.at("metric", gettext(NO_METRIC_NAME))
    if device is not None:
        lock_devices(device_ids=[device.pk])
        get_device(device.pk)  # it may have gone meanwhile
    opening = Opening(
        open_key=_key_of(type, device, metric),
        type=type,
        severity=severity,
        message=message,
        started_at=at,
        device_id=device.pk if device else None,
        metric=metric,
        value=value,
        threshold=threshold,
        by=by,
    )
    opened = open_alerts([opening], at=at)
    return opened[0] if opened else _again(opening, at=at)


def _key_of(type: str, device: Device | None, metric: str) -> str:
    if type == Alert.Type.DEVICE_OFFLINE and device is not None:
        return f"{DEVICE_KEY}{device.pk}"  # the one that our own watch raises
    return f"{type}:{device.pk if device else 'plant'}:{metric}"


def _again(opening: Opening, *, at: datetime) -> Alert:
    present = Alert.objects.select_for_update().get(open_key=opening.open_key)
    if RANK[Alert.Severity(opening.severity)] > RANK[Alert.Severity(present.severity)]:
        change = Change(
            open_key=opening.open_key,
            severity=opening.severity,
            value=opening.value,
            threshold=opening.threshold,
            message=opening.message,
            by=opening.by,
        )
        change_alerts([change], at=at)
    else:
        Alert.objects.filter(pk=present.pk).update(
            occurrences=F("occurrences") + 1, updated_at=at, message=opening.message[:300]
        )
    present.refresh_from_db()
    return present
