from django.db.models import Count, Max
from django.utils.translation import gettext

from factory.errors import NotFound
from ota.models import Firmware, FirmwareQuerySet


class FirmwareUnknown(NotFound):
    """There is no such firmware."""


def get_firmware(id: int) -> Firmware:
    firmware = Firmware.objects.filter(pk=id).first() if id < 2**63 else None
    if firmware is None:
        raise FirmwareUnknown(gettext("There is no firmware %(id)s.") % {"id": id})
    return firmware


def firmware_matching(*, device_type: str | None = None, include_withdrawn: bool = False) -> FirmwareQuerySet:
    """Versions, the newest first, type by type where none is asked for."""
    found = Firmware.objects.all() if include_withdrawn else Firmware.objects.offered()
    if device_type is not None:
        found = found.filter(device_type=device_type)
    return found.order_by("device_type", "-sequence")


def find_version(device_type: str, version: str) -> Firmware | None:
    """A version by its name, withdrawn or not."""
    return Firmware.objects.filter(device_type=device_type, version=version).first()


def last_sequence(device_type: str) -> int:
    """The highest number that a version of this type has; 0 before the first."""
    return Firmware.objects.filter(device_type=device_type).aggregate(last=Max("sequence"))["last"] or 0


def with_deployment_counts(found: FirmwareQuerySet) -> FirmwareQuerySet:
    """Each with `deployment_count`, how many updates to it there were."""
    return found.annotate(deployment_count=Count("deployments"))
