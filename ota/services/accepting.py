"""What is to become a firmware, held against the rules before anything is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext

from devices.models import Device
from factory.errors import InvalidInput
from ota.manifests import BadManifest, Manifest, read_manifest, why_no_hardware
from ota.signing import is_signed_by_one_of, trusted_keys
from ota.versions import why_no_version

LONGEST_NOTES = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to become a firmware, checked."""

    version: str
    device_type: str
    size: int
    checksum: str
    hardware: list[str]
    release_notes: str
    is_stable: bool
    manifest: str
    signature: str
    sequence: int | None


def why_no_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(letter <= " " or letter in '"<>\\' for letter in url) or not url.isascii():
        return gettext("Expected an address that starts with http:// or https://.")
    if "@" in parts.netloc:
        return gettext("Leave out the user and the password: devices are told this address.")
    return gettext("At most 1000 characters.") if len(url) > 1000 else None


def checked(
    *,
    version: str,
    device_type: str,
    size: int,
    checksum: str,
    hardware: Sequence[str],
    release_notes: str,
    is_stable: bool,
    manifest: str,
    signature: str,
    at: datetime,
) -> Wanted:
    """Everything about a version that can be wrong without a look at the others."""
    if why := why_no_version(version):
        raise InvalidInput.at("version", why)
    if device_type not in Device.Type.values:
        raise InvalidInput.at(
            "deviceType", gettext("None of %(names)s.") % {"names": ", ".join(Device.Type.values)}
        )
    check_notes(release_notes)
    if why := why_no_hardware(hardware):
        raise InvalidInput.at("hardware", why)
    signed = _verified(manifest, signature, at=at)
    if signed is not None:
        told: list[tuple[str, str, Any, Any]] = [
            ("version", "version", signed.version, version),
            ("deviceType", gettext("device type"), signed.device_type, device_type),
            ("manifest", gettext("size"), signed.size, size),
            ("manifest", "SHA-256", signed.sha256, checksum),
        ]
        if hardware:
            told.append(("hardware", gettext("hardware"), sorted(signed.hardware), sorted(hardware)))
        for field, name, promised, found in told:
            if promised != found:
                raise InvalidInput.at(
                    field,
                    gettext("The signed manifest says %(name)s %(promised)s, here it is %(found)s.")
                    % {"name": name, "promised": promised, "found": found},
                )
    return Wanted(
        version=version,
        device_type=device_type,
        size=size,
        checksum=checksum,
        hardware=list(signed.hardware if signed else hardware),
        release_notes=release_notes,
        is_stable=is_stable,
        manifest=manifest,
        signature=signature,
        sequence=signed.sequence if signed else None,
    )


def check_notes(text: str) -> None:
    if len(text) > LONGEST_NOTES:
        raise InvalidInput.at(
            "releaseNotes", gettext("At most %(most)s characters.") % {"most": LONGEST_NOTES}
        )


def _verified(manifest: str, signature: str, *, at: datetime) -> Manifest | None:
    """What is signed; None where nothing is and nothing need be."""
    if not signature:
        if settings.FIRMWARE_REQUIRE_SIGNATURE:
            raise InvalidInput.at(
                "signature", gettext("This plant takes signed firmware only (sign_firmware).")
            )
        if manifest:
            raise InvalidInput.at("signature", gettext("A manifest comes with its signature."))
        return None
    if not manifest:
        raise InvalidInput.at("manifest", gettext("A signature comes with the manifest that it is over."))
    # The signature first: what nobody vouches for is not looked at.
    if not is_signed_by_one_of(trusted_keys(), manifest=manifest, signature=signature):
        raise InvalidInput.at(
            "signature", gettext("None of the plant's public keys made it over this manifest.")
        )
    try:
        signed = read_manifest(manifest)
    except BadManifest as error:
        raise InvalidInput.at("manifest", str(error)) from None
    if signed.expires is not None and signed.expires <= at:
        raise InvalidInput.at(
            "manifest",
            gettext("It expired on %(expires)s UTC.") % {"expires": f"{signed.expires:%Y-%m-%d %H:%M}"},
        )
    return signed
