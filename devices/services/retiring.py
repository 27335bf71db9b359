"""Out of service and back: a device that is gone for long keeps its history, and nothing else."""

import logging
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext

from devices.models import Configuration, Device, Presence
from devices.queries import DeviceUnknown
from devices.services.changes import tell_of_changes
from devices.services.commands import end_commands_of
from devices.services.credentials import end_tokens_of, issue_token
from devices.services.registry import hold_devices
from devices.services.status_history import note_status
from devices.signals import devices_deactivated, devices_reactivated
from factory.accounts.models import User
from factory.errors import Conflict
from factory.retrying import again_after_deadlock

logger = logging.getLogger(__name__)

AT_ONCE = 500  # devices in one transaction: their readings wait meanwhile


class DeviceInService(Conflict):
    """It is in service already."""


def deactivate_devices(*, device_ids: Iterable[int], at: datetime, by: User | None = None) -> list[int]:
    """Take devices out of service; returns those that were in it. Their history stays.

    Their tokens and commands end, nobody waits for them or misses them, and their readings are refused. Some
    hundred go at a time, each time all of it or nothing: doing it again does the rest.
    """
    ids = sorted(set(device_ids))
    known = set(Device.objects.filter(pk__in=ids).values_list("pk", flat=True))
    if unknown := set(ids) - known:
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": min(unknown)})
    went: list[int] = []
    for start in range(0, len(ids), AT_ONCE):
        went += again_after_deadlock(partial(_deactivate, ids[start : start + AT_ONCE], at=at))
    logger.info("devices.deactivated", extra={"devices": len(went), "user_id": by.pk if by else None})
    return went


@transaction.atomic
def _deactivate(ids: list[int], *, at: datetime) -> list[int]:
    hold_devices(device_ids=ids)
    list(Presence.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    rows = Device.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    found = rows.values_list("pk", "status", "deactivated_at")
    going = {pk: status for pk, status, deactivated_at in found if deactivated_at is None}
    Presence.objects.filter(pk__in=going).update(
        silent_at=None, went_silent_at=None, said_goodbye=False, socket_until=None
    )
    Device.objects.filter(pk__in=going).update(status=Device.Status.OFFLINE, deactivated_at=at, updated_at=at)
    end_tokens_of(device_ids=list(going), at=at)
    end_commands_of(device_ids=going, at=at, reason="out of service")
    Configuration.objects.filter(pk__in=going).update(push_at=None, drift_at=None, drifted_at=None)
    devices_deactivated.send(sender=Device, device_ids=list(going), at=at)
    were_up = [pk for pk, status in going.items() if status != Device.Status.OFFLINE]
    note_status(device_ids=were_up, status=Device.Status.OFFLINE, at=at)
    tell_of_changes(going)
    return list(going)


def reactivate_device(*, device: Device, at: datetime) -> str:
    """Put a device back into service; returns its new token, which is shown this once."""
    return again_after_deadlock(partial(_reactivate, device, at=at))


@transaction.atomic
def _reactivate(device: Device, *, at: datetime) -> str:
    hold_devices(device_ids=[device.pk])
    Presence.objects.select_for_update().filter(pk=device.pk).first()
    out = Device.objects.filter(pk=device.pk, deactivated_at__isnull=False)
    if not out.update(deactivated_at=None, updated_at=at):
        if not Device.objects.filter(pk=device.pk).exists():
            raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": device.pk})
        raise DeviceInService(gettext("%(device)s is in service.") % {"device": device.name})
    token = issue_token(device=device, at=at)
    Configuration.objects.filter(pk=device.pk).update(push_at=at)  # what was to go out when it went, did not
    devices_reactivated.send(sender=Device, device_ids=[device.pk], at=at)
    tell_of_changes([device.pk])
    device.deactivated_at, device.updated_at = None, at
    return token
