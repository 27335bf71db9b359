"""Whether a device can take a firmware, from what is known of both. No query."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from devices.models import Device
from factory.said import said
from ota.manifests import expiry_of
from ota.models import Firmware


def fits(firmware: Firmware, device: Device, *, at: datetime | None = None) -> str | None:
    """Why this device cannot take this firmware; None: it can. `at`: whether a signature is still good then."""
    if firmware.withdrawn_at is not None:
        return gettext("Version %(version)s was withdrawn.") % {"version": firmware.version}
    if not (firmware.file or firmware.url):
        return gettext("Version %(version)s has no file.") % {"version": firmware.version}
    if settings.FIRMWARE_REQUIRE_SIGNATURE and not firmware.signature:
        return gettext("Version %(version)s is not signed.") % {"version": firmware.version}
    expires = expiry_of(firmware.manifest)
    if at is not None and expires is not None and expires <= at:
        return gettext("The signature of version %(version)s has expired.") % {"version": firmware.version}
    if device.deactivated_at is not None:
        return gettext("The device is out of service.")
    if device.type != firmware.device_type:
        return gettext("Version %(version)s is for %(kind)ss.") % {
            "version": firmware.version,
            "kind": said(firmware.device_type),
        }
    return why_other_hardware(firmware.hardware, device.metadata)


def why_other_hardware(wanted: list[str], metadata: Mapping[str, Any]) -> str | None:
    """A device says in `metadata.hardware` which board it is."""
    if not wanted:
        return None
    known = metadata.get("hardware")
    if not isinstance(known, str) or not known:
        return gettext(
            "It is for the hardware %(names)s, and the device's metadata does not say its own."
        ) % {"names": ", ".join(wanted)}
    return (
        None
        if known in wanted
        else gettext("It is for the hardware %(names)s, not %(known)s.")
        % {"names": ", ".join(wanted), "known": known}
    )
