"""Whether a device can take a firmware, from what is known of both. No query."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from devices.models import Device
from ota.manifests import expiry_of
from ota.models import Firmware


def fits(firmware: Firmware, device: Device, *, at: datetime | None = None) -> str | None:
    """Why this device cannot take this firmware; None: it can. `at`: whether a signature is still good then."""
    if firmware.withdrawn_at is not None:
        return f"Version {firmware.version} was withdrawn."
    if not (firmware.file or firmware.url):
        return f"Version {firmware.version} has no file."
    if settings.FIRMWARE_REQUIRE_SIGNATURE and not firmware.signature:
        return f"Version {firmware.version} is not signed."
    expires = expiry_of(firmware.manifest)
    if at is not None and expires is not None and expires <= at:
        return f"The signature of version {firmware.version} has expired."
    if device.deactivated_at is not None:
        return "The device is out of service."
    if device.type != firmware.device_type:
        return f"Version {firmware.version} is for {firmware.get_device_type_display().lower()}s."
    return why_other_hardware(firmware.hardware, device.metadata)


def why_other_hardware(wanted: list[str], metadata: Mapping[str, Any]) -> str | None:
    """A device says in `metadata.hardware` which board it is."""
    if not wanted:
        return None
    known = metadata.get("hardware")
    if not isinstance(known, str) or not known:
        return f"It is for the hardware {', '.join(wanted)}, and the device's metadata does not say its own."
    return None if known in wanted else f"It is for the hardware {', '.join(wanted)}, not {known}."
