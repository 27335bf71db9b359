"""What is signed: a few facts about a file as canonical JSON, the same bytes wherever it is written. No ORM."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext

from devices.models import Device
from ota.versions import why_no_version

LARGEST_SEQUENCE = 2**31 - 1
MOST_HARDWARE = 50
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_HARDWARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/+-]{0,63}")
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_MEMBERS = {"version", "deviceType", "hardware", "size", "sha256", "sequence"}


class BadManifest(ValueError):
    """What is wrong with it, in words."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the maker says of a file."""

    version: str
    device_type: str
    hardware: tuple[str, ...]
    size: int
    sha256: str
    sequence: int
    expires: datetime | None = None

    def text(self) -> str:
        """Keys sorted, nothing between the tokens, everything outside ASCII escaped."""
        told: dict[str, Any] = {
            "version": self.version,
            "deviceType": self.device_type,
            "hardware": list(self.hardware),
            "size": self.size,
            "sha256": self.sha256,
            "sequence": self.sequence,
        }
        if self.expires is not None:
            told["expires"] = self.expires.astimezone(UTC).strftime(_MOMENT)
        return canonical(told)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def why_no_hardware(names: Any) -> str | None:
    """What is wrong with a list of boards."""
    if not isinstance(names, list | tuple):
        return gettext("Expected a list of names.")
    if len(names) > MOST_HARDWARE:
        return gettext("At most %(most)s names.") % {"most": MOST_HARDWARE}
    for name in names:
        if not isinstance(name, str) or _HARDWARE.fullmatch(name) is None:
            return gettext(
                "%(name)s is no name of a board: letters, digits and . _ : / + - and spaces, at most 64."
            ) % {"name": repr(name)}
    return gettext("A name stands there twice.") if len(set(names)) < len(names) else None


def is_checksum(text: str) -> bool:
    """Whether this is a SHA-256 as we write it: 64 hexadecimal digits, small letters."""
    return _CHECKSUM.fullmatch(text) is not None


def read_manifest(text: str) -> Manifest:
    """The manifest behind a text; BadManifest where it is none, or not written as we write it."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise BadManifest(gettext("It is not JSON.")) from None
    if not isinstance(told, dict):
        raise BadManifest(gettext("It is not a JSON object."))
    if missing := _MEMBERS - told.keys():
        raise BadManifest(gettext("It lacks %(names)s.") % {"names": ", ".join(sorted(missing))})
    if unknown := told.keys() - _MEMBERS - {"expires"}:
        raise BadManifest(
            gettext("It has members we do not know: %(names)s.") % {"names": ", ".join(sorted(unknown))}
        )
    if not isinstance(told["version"], str) or (why := why_no_version(told["version"])):
        raise BadManifest(f"version: {why if isinstance(told['version'], str) else 'Expected a string.'}")
    if told["deviceType"] not in Device.Type.values:
        raise BadManifest(
            gettext("deviceType: None of %(names)s.") % {"names": ", ".join(Device.Type.values)}
        )
    if not isinstance(told["hardware"], list):
        raise BadManifest(gettext("hardware: Expected an array."))
    if why := why_no_hardware(told["hardware"]):
        raise BadManifest(f"hardware: {why}")
    for name in ("size", "sequence"):
        if type(told[name]) is not int or not 1 <= told[name] <= LARGEST_SEQUENCE:
            raise BadManifest(
                gettext("%(name)s: Expected a whole number from 1 to %(most)s.")
                % {"name": name, "most": LARGEST_SEQUENCE}
            )
    if not isinstance(told["sha256"], str) or not is_checksum(told["sha256"]):
        raise BadManifest(gettext("sha256: Expected 64 hexadecimal digits in small letters."))
    manifest = Manifest(
        version=told["version"],
        device_type=told["deviceType"],
        hardware=tuple(told["hardware"]),
        size=told["size"],
        sha256=told["sha256"],
        sequence=told["sequence"],
        expires=_moment(told["expires"]) if "expires" in told else None,
    )
    if manifest.text() != text:
        raise BadManifest(gettext("It is not canonical: keys sorted, no spaces, as sign_firmware writes it."))
    return manifest


def _moment(text: Any) -> datetime:
    try:
        return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise BadManifest(gettext("expires: Expected a time such as 2027-01-31T00:00:00Z.")) from None


def expiry_of(text: str) -> datetime | None:
    """Until when a kept manifest is good; None: for ever, or there is none."""
    return read_manifest(text).expires if text else None
