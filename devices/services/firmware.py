from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from devices.models import Device
from devices.services.changes import tell_of_changes
from devices.signals import running_versions_heard


@transaction.atomic
def note_running_versions(
    *, versions: Mapping[int, str], at: datetime, has_started_anew: bool = False
) -> None:
    """These devices, by their ids, say which firmware they run; `has_started_anew`: as what they have booted."""
    rows = Device.objects.select_for_update().filter(pk__in=list(versions)).order_by("pk")
    known = dict(rows.values_list("pk", "firmware_version"))
    changed: dict[str, list[int]] = defaultdict(list)
    for device_id, before in known.items():
        if versions[device_id] != before:
            changed[versions[device_id]].append(device_id)
    for version, ids in changed.items():
        Device.objects.filter(pk__in=ids).update(firmware_version=version, updated_at=at)
    tell_of_changes([device_id for ids in changed.values() for device_id in ids])
    if known:
        running_versions_heard.send(
            sender=Device,
            versions={device_id: versions[device_id] for device_id in known},
            at=at,
            has_started_anew=has_started_anew,
        )
