"""Versions of firmware: how they are written, and which comes first. No ORM."""

import re

from django.utils.translation import gettext

from devices.versions import version_key

LONGEST = 64
_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_FORERUNNER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMANTIC = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_FORERUNNER}(?:\.{_FORERUNNER})*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def why_no_version(text: str) -> str | None:
    """What is wrong with a version, in words; None for a semantic one (semver.org, 2.0.0)."""
    if len(text) > LONGEST:
        return gettext("A version has at most %(most)s characters.") % {"most": LONGEST}
    if _SEMANTIC.fullmatch(text) is None:
        return gettext("Not a semantic version such as 2.10.0 or 2.10.0-rc.1.")
    return None


def is_newer(version: str, than: str) -> bool:
    """Whether a version comes after another one; one that cannot be read comes first."""
    key, other = version_key(version), version_key(than)
    return key is not None and (other is None or key > other)
