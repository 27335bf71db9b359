"""Devices that have not followed what is desired of them for longer than is tolerated."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from devices.models import Configuration, Device
from devices.services.configuration import drift_deadline, hold_configurations, reachable_among
from devices.signals import config_drifted
from factory.retrying import again_after_deadlock

AT_ONCE = 500  # devices in one transaction


def notice_drift(*, at: datetime) -> int:
    """Tell of the devices whose time to follow is over; returns how many."""
    told = 0
    while True:
        overdue = Configuration.objects.filter(drift_at__lte=at).order_by("drift_at", "pk")
        due = list(overdue.values_list("pk", flat=True)[:AT_ONCE])
        if due:
            told += again_after_deadlock(partial(_take_for_drifted, due, at=at))
        if len(due) < AT_ONCE:
            return told


@transaction.atomic
def _take_for_drifted(device_ids: Sequence[int], *, at: datetime) -> int:
    held = hold_configurations(device_ids)
    due = {pk: twin for pk, twin in held.items() if twin.drift_at is not None and twin.drift_at <= at}
    reachable = reachable_among(due, at=at)
    drifted, later, never = [], [], []
    for pk, twin in due.items():
        if twin.in_sync or twin.device.deactivated_at is not None:
            never.append(pk)
        elif pk in reachable:
            drifted.append(pk)
        elif twin.device.status == Device.Status.OFFLINE:
            never.append(pk)  # its time begins when it is back
        else:
            later.append(pk)  # its silence was not noticed yet, or a person has said what it is
    configurations = Configuration.objects
    configurations.filter(pk__in=never).update(drift_at=None)
    configurations.filter(pk__in=later).update(drift_at=drift_deadline(at))
    configurations.filter(pk__in=drifted, drifted_at=None).update(drifted_at=at)
    configurations.filter(pk__in=drifted).update(drift_at=None)
    if drifted:
        config_drifted.send(sender=Configuration, device_ids=drifted, at=at)
    return len(drifted)
