from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from devices.models import Device, Presence
from devices.services.changes import tell_of_changes
from devices.services.silence import expect_word_from
from devices.services.status_history import note_status


@transaction.atomic
def set_status_many(*, device_ids: Iterable[int], status: str, at: datetime) -> list[int]:
    """A person says what the status of many devices is; returns those that are in service, and have it now.

    As with one: who is called online is waited for, and none but a silent one is missed.
    """
    ids = sorted(set(device_ids))
    # Presences before devices, and both by key alone.
    presences = Presence.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    list(presences.values_list("pk", flat=True))
    rows = Device.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    found = list(rows.values_list("pk", "status", "deactivated_at"))
    in_service = [pk for pk, _, deactivated_at in found if deactivated_at is None]
    moved = [pk for pk, old, deactivated_at in found if deactivated_at is None and old != status]
    if status == Device.Status.ONLINE:
        expect_word_from(in_service, at=at)
    elif status != Device.Status.OFFLINE:
        Presence.objects.filter(pk__in=in_service).update(went_silent_at=None)
    if moved:
        Device.objects.filter(pk__in=moved).update(status=status, updated_at=at)
        note_status(device_ids=moved, status=status, at=at)
        tell_of_changes(moved)
    return in_service
