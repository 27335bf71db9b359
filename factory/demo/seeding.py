"""Building the demo plant through the services, as a person would with the API."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction

from alerts.services.thresholds import replace_thresholds
from devices.models import Device
from devices.services import register_device
from factory.demo.furnishing import furnish_devices, furnish_plant
from factory.demo.kinds import BY_KEY
from factory.demo.plant import BLOCK, PlannedDevice, planned_devices
from factory.demo.schedule import Schedule
from grouping.services import lock_groups

BATCH = 4 * len(BLOCK)  # devices in one transaction: short enough that a running plant can write in between


def seed_plant(
    *, count: int, seed: int, at: datetime, progress: Callable[[int], object] = lambda devices: None
) -> int:
    """Register the devices that are missing, with all that makes a plant of them; returns how many.

    A device that is there already is left exactly as people have made it, and where none is missing nothing else is
    looked at. The first token of each is not kept: whoever connects a real device rotates it.
    """
    planned = planned_devices(count=count, seed=seed)
    added = 0
    while batch := list(islice(planned, BATCH)):
        added += _add_missing(batch, at=at)
        progress(len(batch))
    return added


@transaction.atomic
def _add_missing(batch: list[PlannedDevice], *, at: datetime) -> int:
    lock_groups()  # before devices, as everywhere
    known = Device.objects.filter(external_id__in=[planned.external_id for planned in batch])
    there = {device.external_id: device for device in known}
    missing = [planned for planned in batch if planned.external_id not in there]
    if not missing:
        return 0
    furnish_plant(at=at)
    added = [(planned, _add(planned, at=at)) for planned in missing]
    ours = [
        (planned, device)
        for planned in batch
        if (device := there.get(planned.external_id)) is not None and is_simulated(device)
    ]
    furnish_devices(added, present=ours, at=at)
    return len(added)


def _add(planned: PlannedDevice, *, at: datetime) -> Device:
    device, _ = register_device(
        external_id=planned.external_id,
        name=planned.name,
        type=planned.kind.type,
        at=at,
        zone=planned.zone,
        location=planned.location,
        firmware_version=planned.firmware_version,
        tags=planned.tags,
        metadata=planned.metadata,
    )
    replace_thresholds(device=device, wanted=planned.thresholds, at=at)
    return device


def is_simulated(device: Device) -> bool:
    return "simulated" in device.metadata


def simulated_devices() -> Iterator[Device]:
    """The devices whose readings may be made up: those that say so in their metadata, in order of age."""
    return Device.objects.filter(metadata__has_key="simulated").order_by("pk").iterator()


def known_machines() -> Iterator[tuple[Device, Schedule]]:
    """Of the simulated devices those of a kind that we know, and how each of them works."""
    for device in simulated_devices():
        kind = BY_KEY.get(str(device.metadata["simulated"]))
        if kind is not None:
            yield device, Schedule(device.external_id, kind)
