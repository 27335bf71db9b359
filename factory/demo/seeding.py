"""Building the demo plant through the services, as a person would with the API."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction

from alerts.services.thresholds import replace_thresholds
from devices.models import Device
from devices.services import register_device
from factory.demo.plant import PlannedDevice, planned_devices

BATCH = 100  # devices in one transaction: short enough that a running plant can write in between


def seed_plant(
    *, count: int, seed: int, at: datetime, progress: Callable[[int], object] = lambda devices: None
) -> int:
    """Register the devices that are missing, with their thresholds; returns how many.

    A device that is there already is left exactly as people have made it. The first token of each is not
    kept: whoever connects a real device rotates it.
    """
    planned = planned_devices(count=count, seed=seed)
    added = 0
    while batch := list(islice(planned, BATCH)):
        added += _add_missing(batch, at=at)
        progress(len(batch))
    return added


def _add_missing(batch: list[PlannedDevice], *, at: datetime) -> int:
    with transaction.atomic():
        present = set(
            Device.objects.filter(external_id__in=[planned.external_id for planned in batch]).values_list(
                "external_id", flat=True
            )
        )
        missing = [planned for planned in batch if planned.external_id not in present]
        for planned in missing:
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
    return len(missing)


def simulated_devices() -> Iterator[Device]:
    """The devices whose readings may be made up: those that say so in their metadata, in order of age."""
    return Device.objects.filter(metadata__has_key="simulated").order_by("pk").iterator()
