"""Links by which a device fetches a firmware without showing its token: its own, and for half an hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.signing import BadSignature, Signer

from ota.models import Firmware

LIFETIME = timedelta(minutes=30)
_signer = Signer(salt="ota.download")


@dataclass(frozen=True, slots=True)
class Permit:
    """What a good link stands for."""

    firmware_id: int
    deployment_id: int
    device_id: int


def file_address(firmware: Firmware) -> str:
    """Where a firmware is fetched by whoever may."""
    return firmware.url or f"{settings.PUBLIC_URL}/api/firmware/{firmware.pk}/file"


def download_link(
    *, firmware: Firmware, deployment_id: int, device_id: int, at: datetime
) -> tuple[str, datetime]:
    """The address for one device's update, and until when it holds.

    On S3 it leads to the storage itself, which signs for the same time, so that a wave of updates does not go
    through us; a file that somebody else keeps is where it is.
    """
    until = at + LIFETIME
    if firmware.url:
        return firmware.url, until
    if getattr(default_storage, "bucket", None) is not None:
        return default_storage.url(firmware.file, expire=int(LIFETIME.total_seconds())), until  # type: ignore[call-arg]
    key = _signer.sign_object([firmware.pk, deployment_id, device_id, int(until.timestamp())])
    return f"{file_address(firmware)}?key={key}", until


def permit_of(key: str, *, at: datetime) -> Permit | None:
    """What the key of a link allows; None when it is none of ours, or over."""
    try:
        firmware_id, deployment_id, device_id, until = _signer.unsign_object(key)
    except (BadSignature, ValueError, TypeError):
        return None
    if until < int(at.timestamp()):
        return None
    return Permit(firmware_id, deployment_id, device_id)
