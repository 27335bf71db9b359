"""Deployments held against everybody else. Locks are taken of presences, then devices, then deployments, then alerts,
each by key in ascending order.
"""

from collections.abc import Iterable

from django.db import connection

from devices.models import Device
from ota.models import Deployment, Firmware


def hold_deployments(ids: Iterable[int], *, skip_locked: bool = False) -> list[Deployment]:
    """Inside a transaction: these as they are now, with their devices and versions, until it ends."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    rows = Deployment.objects.select_for_update(
        skip_locked=skip_locked and connection.features.has_select_for_update_skip_locked
    )
    held = list(rows.filter(pk__in=wanted).order_by("pk"))
    # Apart, because a lock on a join would hold the devices too.
    devices = Device.objects.in_bulk({each.device_id for each in held})
    versions = Firmware.objects.in_bulk({each.firmware_id for each in held})
    held = [each for each in held if each.device_id in devices]
    for each in held:
        each.device, each.firmware = devices[each.device_id], versions[each.firmware_id]
    return held


def hold_devices(ids: Iterable[int]) -> dict[int, Device]:
    """Inside a transaction: these devices, until it ends."""
    rows = Device.objects.select_for_update().filter(pk__in=sorted(set(ids))).order_by("pk")
    return {device.pk: device for device in rows}
