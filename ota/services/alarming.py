"""Updates that went wrong are alerts, one a device; the next update that succeeds ends it."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from alerts.models import Alert
from alerts.services.lifecycle import RANK, Change, Ending, Opening, change_alerts, end_alerts, open_alerts
from ota.models import Deployment
from ota.states import COMPLETED, FAILED, ROLLED_BACK

SEVERITIES = {FAILED: Alert.Severity.WARNING, ROLLED_BACK: Alert.Severity.CRITICAL}


def key_of(device_id: int) -> str:
    """As `raise_alert` has it, so that what people report of an update is the same alert."""
    return f"{Alert.Type.FIRMWARE_UPDATE}:{device_id}:"


def raise_for(deployments: Sequence[Deployment], *, at: datetime) -> None:
    """Inside a transaction: these have failed or were rolled back by themselves."""
    openings = [_opening(each, at=at) for each in deployments]
    news = {alert.open_key for alert in open_alerts(openings, at=at)} if openings else set()
    again = [each for each in openings if each.open_key not in news]
    if not again:
        return
    present = dict(
        Alert.objects.filter(open_key__in=[each.open_key for each in again]).values_list(
            "open_key", "severity"
        )
    )
    worse = [each for each in again if _is_worse(each, present.get(each.open_key))]
    change_alerts([Change(each.open_key, each.severity, message=each.message) for each in worse], at=at)
    for each in again:
        if each not in worse:
            Alert.objects.filter(open_key=each.open_key).update(
                occurrences=F("occurrences") + 1, updated_at=at, message=each.message
            )


def _is_worse(opening: Opening, severity: str | None) -> bool:
    return severity is not None and RANK[Alert.Severity(opening.severity)] > RANK[Alert.Severity(severity)]


def _opening(deployment: Deployment, *, at: datetime) -> Opening:
    went = "was rolled back" if deployment.status == ROLLED_BACK else "failed"
    return Opening(
        open_key=key_of(deployment.device_id),
        type=Alert.Type.FIRMWARE_UPDATE,
        severity=SEVERITIES[deployment.status],
        message=f"The update to {deployment.firmware.version} {went}: {deployment.error_message}"[:300],
        started_at=at,
        device_id=deployment.device_id,
    )


def end_for(deployments: Sequence[Deployment], *, at: datetime) -> None:
    """Inside a transaction: these have been completed."""
    assert all(each.status == COMPLETED for each in deployments)
    versions = {key_of(each.device_id): each.firmware.version for each in deployments}
    # Asked without a lock: usually there is none.
    found = Alert.objects.filter(open_key__in=list(versions)).values_list("open_key", flat=True)
    endings = [
        Ending(open_key=key, ended_at=at, note=f"It runs {versions[key]}.")
        for key in found
        if key is not None
    ]
    if endings:
        end_alerts(endings, at=at)
