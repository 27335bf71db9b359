"""Why nobody is told of an alert for the time being: put aside by a person, or planned work. Nothing is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.models import Alert, MaintenanceWindow, Shelf
from alerts.windows import is_within
from devices.models import Device
from grouping.queries import groups_of_devices

Place = tuple[int | None, str]  # a device, or else a zone


@dataclass(frozen=True, slots=True)
class Quiet:
    """What silences an alert; `until` is known where it was shelved."""

    reason: Alert.Silence
    until: datetime | None = None


def why_quiet(places: Mapping[str, Place], *, at: datetime) -> dict[str, Quiet]:
    """What silences alerts with these keys now, by key; people are to be told of those left out."""
    if not places:
        return {}
    worked_on = in_maintenance(list(places.values()), at=at)
    quiet = {key: Quiet(Alert.Silence.MAINTENANCE) for key, place in places.items() if place in worked_on}
    shelves = Shelf.objects.filter(key__in=list(places), until__gt=at)
    quiet.update({shelf.key: Quiet(Alert.Silence.SHELVED, shelf.until) for shelf in shelves})
    return quiet


def in_maintenance(places: Sequence[Place], *, at: datetime) -> set[Place]:
    """Those of these places where planned work is going on: the device's status says so, or a window reaches it."""
    ids = {device_id for device_id, _ in places if device_id is not None}
    windows = [window for window in MaintenanceWindow.objects.not_over(at=at) if is_within(window, at)]
    devices = {device.pk: device for device in Device.objects.filter(pk__in=ids)} if ids else {}
    groups: dict[int, list[int]] = {}
    if ids and any(window.group_id for window in windows):
        groups = groups_of_devices(device_ids=ids)
    return {
        (device_id, zone)
        for device_id, zone in places
        if _is_worked_on(devices.get(device_id or 0), zone, groups.get(device_id or 0, []), windows)
    }


def _is_worked_on(
    device: Device | None, zone: str, groups: list[int], windows: list[MaintenanceWindow]
) -> bool:
    if device is not None and device.status == Device.Status.MAINTENANCE:
        return True
    here = device.zone if device else zone
    return any(
        window.is_for_all
        or (device is not None and window.device_id == device.pk)
        or window.group_id in groups
        or (device is not None and window.device_type == device.type)
        or (here != "" and window.zone == here)
        for window in windows
    )
