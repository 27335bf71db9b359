"""The version that a device runs closes the loop, whatever the device says of its update."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from ota.models import Deployment
from ota.services.holding import hold_deployments
from ota.services.ledger import Ledger
from ota.states import ACTIVE, COMPLETED, ROLLED_BACK, VERSION, verdict


@transaction.atomic
def hear_running_versions(
    *, versions: Mapping[int, str], at: datetime, has_started_anew: bool = False
) -> None:
    """These devices, by their ids, run these versions: what is under way may be over by that, or prove undone.

    `has_started_anew`: it is what the device has booted; while it installs, only that says how it went.
    """
    listened_for = Q(status__in=ACTIVE) | Q(status=COMPLETED, deadline_at__gt=at, completed_at__lt=at)
    found = Deployment.objects.filter(listened_for, device_id__in=list(versions))
    of_device: dict[int, list[Deployment]] = defaultdict(list)
    for deployment in hold_deployments(found.values_list("pk", flat=True)):
        if deployment.status in ACTIVE or deployment.deadline_at is not None:
            of_device[deployment.device_id].append(deployment)
    ledger = Ledger(at=at) if of_device else None
    for device_id, deployments in of_device.items():
        # The last first: where that is what runs now, the ones before have had their time.
        for deployment in sorted(deployments, key=_when, reverse=True):
            running = versions[device_id]
            end = verdict(
                status=deployment.status,
                deployed=deployment.firmware.version,
                previous=deployment.previous_version,
                running=running,
                has_started_anew=has_started_anew,
            )
            if end is not None and ledger is not None:
                ledger.take(deployment, end, by=VERSION, said=_told(end, running, deployment))
                if end == COMPLETED:
                    break
    if ledger is not None:
        ledger.write()


def _when(deployment: Deployment) -> tuple[bool, datetime, int]:
    """The order in which they were put on; one that was tried again may have the lower id."""
    is_active = deployment.status in ACTIVE
    over_at = None if is_active else deployment.completed_at
    return is_active, over_at or deployment.created_at, deployment.pk


def _told(end: str, running: str, deployment: Deployment) -> str:
    if end == ROLLED_BACK:
        return f"The device runs {running} instead of {deployment.firmware.version}."
    return f"It runs {running}."
