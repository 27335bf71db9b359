"""Which steps a deployment may take, and at whose word. Pure."""

import re
from collections.abc import Mapping

from devices.versions import version_key

PENDING, DOWNLOADING, INSTALLING = "pending", "downloading", "installing"
COMPLETED, FAILED, ROLLED_BACK, CANCELLED = "completed", "failed", "rolled_back", "cancelled"

ACTIVE = (PENDING, DOWNLOADING, INSTALLING)
CANCELLABLE = (PENDING, DOWNLOADING)  # nothing has been written over yet
ENDS = (COMPLETED, FAILED, ROLLED_BACK, CANCELLED)
SAID_BY_DEVICES = (PENDING, DOWNLOADING, INSTALLING, COMPLETED, FAILED, ROLLED_BACK)
SAID_AT_THE_END = (COMPLETED, FAILED, ROLLED_BACK)

# At whose word: the device says how far it is; the version that it runs speaks for itself; people; the clock.
DEVICE, VERSION, PEOPLE, CLOCK = "device", "version", "people", "clock"

STEPS: Mapping[tuple[str, str], frozenset[str]] = {
    (PENDING, DOWNLOADING): frozenset({DEVICE}),
    (PENDING, COMPLETED): frozenset({VERSION}),  # it runs it already
    (PENDING, FAILED): frozenset({DEVICE, CLOCK}),
    (PENDING, CANCELLED): frozenset({PEOPLE}),
    (DOWNLOADING, INSTALLING): frozenset({DEVICE}),
    (DOWNLOADING, COMPLETED): frozenset({DEVICE, VERSION}),  # a simple device installs without a word
    (DOWNLOADING, FAILED): frozenset({DEVICE, CLOCK}),
    (DOWNLOADING, ROLLED_BACK): frozenset({DEVICE, VERSION}),
    (DOWNLOADING, CANCELLED): frozenset({PEOPLE}),
    (INSTALLING, COMPLETED): frozenset({DEVICE, VERSION}),
    (INSTALLING, FAILED): frozenset({DEVICE, CLOCK, PEOPLE}),  # they take the device out of service
    (INSTALLING, ROLLED_BACK): frozenset({DEVICE, VERSION}),
    (COMPLETED, ROLLED_BACK): frozenset({DEVICE, VERSION, PEOPLE}),
    # Tried once more
    (FAILED, PENDING): frozenset({PEOPLE}),
    (ROLLED_BACK, PENDING): frozenset({PEOPLE}),
    (CANCELLED, PENDING): frozenset({PEOPLE}),
}

_LEADING_V = re.compile(r"^[vV](?=\d)")


def may_follow(now: str, new: str, *, by: str) -> bool:
    """Whether `new` is a step from `now`; saying the present one again is none, and does no harm."""
    return by in STEPS.get((now, new), ())


def same_version(one: str, other: str) -> bool:
    """Whether two texts name one version: `v2.0.0` is 2.0.0."""
    return bare(one) == bare(other)


def bare(version: str) -> str:
    """A version as files are named by it."""
    return _LEADING_V.sub("", version.strip())


def verdict(*, status: str, deployed: str, previous: str, running: str, has_started_anew: bool) -> str | None:
    """What it means for a deployment that its device says it runs `running`: where it ends by that; None: nowhere yet.

    Before it starts anew, a device that installs runs the old version, of course.
    """
    if same_version(deployed, previous):
        return None  # put on again: what runs says nothing about it
    if same_version(running, deployed):
        return COMPLETED if status in ACTIVE else None
    if status == INSTALLING:
        return ROLLED_BACK if has_started_anew else None
    if status == COMPLETED and (same_version(running, previous) or not is_newer(running, deployed)):
        return ROLLED_BACK
    return None


def is_newer(one: str, other: str) -> bool:
    """Whether both are versions, and this one is the later: then somebody has put it on by hand."""
    first, second = version_key(one), version_key(other)
    return first is not None and second is not None and first > second
