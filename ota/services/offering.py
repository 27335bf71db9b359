"""What a device is offered: when it asks, and when it is told. A push is counted and committed before anything is
said, so that of two who would push at once only one does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from devices.models import Device
from devices.services.firmware import note_running_versions
from factory.retrying import again_after_deadlock
from factory.trpc.superjson import iso
from ota.fitting import fits
from ota.links import download_link
from ota.models import Deployment, DeploymentQuerySet, Firmware
from ota.services.news import wake_sockets_on_commit
from ota.states import CANCELLABLE, COMPLETED, PENDING

RESEND_SECONDS = 60
MOST_PUSHES = 3  # then it waits for the device to come back
AT_ONCE = 500
FORGOTTEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Offer:
    """A version that waits for a device, with the link by which it is fetched."""

    deployment_id: int
    device_id: int
    external_id: str
    version: str
    url: str
    size: int
    sha256: str
    signature: str
    manifest: str
    expires_at: datetime

    def payload(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {
            "deploymentId": self.deployment_id,
            "version": self.version,
            "url": self.url,
            "size": self.size,
            "sha256": self.sha256,
            "signature": self.signature or None,
            "manifest": self.manifest or None,
            "expiresAt": iso(self.expires_at),
        }


def offer_for(*, device_id: int, running_version: str | None = None, at: datetime) -> Offer | None:
    """What a device that asks is to put on; the version that it says it runs is heard first."""
    rows = Deployment.objects.filter(active_key=device_id).select_related("device", "firmware")
    deployment = rows.first()
    if running_version is not None and (
        deployment is not None or not _is_known(running_version, device_id=device_id, at=at)
    ):
        versions = {device_id: running_version}
        note = partial(note_running_versions, versions=versions, at=at, has_started_anew=True)
        again_after_deadlock(note)
        deployment = rows.first()
    if deployment is None or deployment.status not in CANCELLABLE:
        return None
    if deployment.push_at is not None:  # it need not be told
        Deployment.objects.filter(pk=deployment.pk, status__in=CANCELLABLE).update(push_at=None)
    return _offer(deployment, at=at)


def _is_known(version: str, *, device_id: int, at: datetime) -> bool:
    """As it is with nearly every device that asks: nothing is new, and no update is waited for to prove itself."""
    if not Device.objects.filter(pk=device_id, firmware_version=version).exists():
        return False
    # People may have written the old version into the device: said by itself, it means a roll-back.
    listened_for = Deployment.objects.filter(device_id=device_id, status=COMPLETED, deadline_at__gt=at)
    return not listened_for.exclude(firmware__version=version).exists()


def _offer(deployment: Deployment, *, at: datetime) -> Offer | None:
    """None where it would not fit any more."""
    firmware, device = deployment.firmware, deployment.device
    if fits(firmware, device, at=at) is not None:
        return None
    url, expires_at = download_link(
        firmware=firmware, deployment_id=deployment.pk, device_id=device.pk, at=at
    )
    return Offer(
        deployment_id=deployment.pk,
        device_id=device.pk,
        external_id=device.external_id,
        version=firmware.version,
        url=url,
        size=firmware.size,
        sha256=firmware.checksum,
        signature=firmware.signature,
        manifest=firmware.manifest,
        expires_at=expires_at,
    )


# Told without asking


def take_due_offers(*, at: datetime, limit: int = AT_ONCE) -> list[Offer]:
    """Offers to be pushed over MQTT now, counted; devices that hold a socket are left to it."""
    return _take(_due(at).exclude(device__presence__socket_until__gt=at), at=at, limit=limit)


def take_offers_of(*, device_id: int, at: datetime) -> list[Offer]:
    """What is to be pushed to one device now, counted."""
    return _take(_due(at).filter(device_id=device_id), at=at, limit=AT_ONCE)


def _due(at: datetime) -> DeploymentQuerySet:
    return Deployment.objects.filter(push_at__lte=at, status__in=CANCELLABLE)


def _take(due: DeploymentQuerySet, *, at: datetime, limit: int) -> list[Offer]:
    # Found without a lock, and locked by key alone.
    ids = sorted(due.order_by("push_at", "pk").values_list("pk", flat=True)[:limit])
    if not ids:
        return []
    deployments = again_after_deadlock(partial(_count_pushes, ids, at=at))
    devices = Device.objects.in_bulk({each.device_id for each in deployments})
    versions = Firmware.objects.in_bulk({each.firmware_id for each in deployments})
    offers = []
    for each in deployments:
        if each.device_id in devices:  # not deleted in this moment
            each.device, each.firmware = devices[each.device_id], versions[each.firmware_id]
            offers.append(_offer(each, at=at))
    return [offer for offer in offers if offer is not None]


@transaction.atomic
def _count_pushes(ids: list[int], *, at: datetime) -> list[Deployment]:
    """Those of these that are due still and that nobody else is about to push."""
    can_skip = connection.features.has_select_for_update_skip_locked
    rows = _due(at).filter(pk__in=ids).order_by("pk")
    deployments = list(rows.select_for_update(skip_locked=can_skip))
    last = [each.pk for each in deployments if each.pushes + 1 >= MOST_PUSHES]
    again = [each.pk for each in deployments if each.pushes + 1 < MOST_PUSHES]
    if again:
        next_push = at + timedelta(seconds=RESEND_SECONDS)
        Deployment.objects.filter(pk__in=again).update(push_at=next_push, pushes=F("pushes") + 1)
    if last:
        Deployment.objects.filter(pk__in=last).update(push_at=None, pushes=F("pushes") + 1)
    return deployments


def wake_offers(*, device_ids: Iterable[int], at: datetime) -> int:
    """These devices are back: what waits for them, or was cut short, is offered again; returns how many."""
    ids = sorted(set(device_ids))
    waiting = Deployment.objects.filter(active_key__in=ids, status__in=CANCELLABLE)
    return _push_now(waiting.filter(Q(push_at=None) | Q(push_at__gt=at)), at=at) if ids else 0


def wake_forgotten(*, at: datetime) -> int:
    """Updates that wait for devices which are there: one came back while its own was being written."""
    there = Q(device__presence__silent_at__gt=at) | Q(device__presence__socket_until__gt=at)
    waiting = Deployment.objects.filter(there, status=PENDING, push_at=None, pushes=0)
    return again_after_deadlock(partial(_push_now, waiting, at=at))


@transaction.atomic
def _push_now(waiting: DeploymentQuerySet, *, at: datetime) -> int:
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if not ids:
        return 0
    rows = Deployment.objects.select_for_update().filter(pk__in=sorted(ids), status__in=CANCELLABLE)
    found = list(rows.order_by("pk").values_list("pk", "device_id"))
    Deployment.objects.filter(pk__in=[pk for pk, _ in found]).update(push_at=at, pushes=0)
    wake_sockets_on_commit([device_id for _, device_id in found], at=at)
    return len(found)
