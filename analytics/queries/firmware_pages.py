"""Versions of firmware as their pages show them, and the updates of one device."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Prefetch

from devices.models import Device
from ota.fitting import fits
from ota.models import Deployment, DeploymentEvent, DeploymentQuerySet, Firmware
from ota.queries.deployments import deployments_matching
from ota.queries.firmware import firmware_matching
from ota.states import CANCELLABLE, same_version

OFFERED = 200


@dataclass(frozen=True, slots=True)
class Version:
    """A version with how many devices run it."""

    firmware: Firmware
    running: int


def versions_told(found: Sequence[Firmware]) -> list[Version]:
    """These versions, with the devices in service that run each of them: one grouped query."""
    names = {lead + one.version for one in found for lead in ("", "v", "V")}  # v2.0.0 is 2.0.0
    running = Counter[tuple[str, str]]()
    rows = Device.objects.in_service().filter(firmware_version__in=names).order_by()
    for type_, version, devices in rows.values_list("type", "firmware_version").annotate(n=Count("pk")):
        running[type_, version.lstrip("vV")] += devices
    return [Version(one, running[one.device_type, one.version]) for one in found]


def outcomes_of(*, firmware_id: int) -> list[tuple[str, int]]:
    """(state, updates) of all updates to a version, in the order of the states; those without any are left out."""
    rows = Deployment.objects.filter(firmware_id=firmware_id).order_by()
    counted = dict(rows.values_list("status").annotate(n=Count("pk")))
    return [(str(label), counted[value]) for value, label in Deployment.Status.choices if value in counted]


def deployments_to(*, firmware_id: int) -> DeploymentQuerySet:
    """The updates to a version, the newest first."""
    return deployments_matching().filter(firmware_id=firmware_id).select_related("rollout")


def versions_for(device: Device, *, at: datetime) -> list[Firmware]:
    """What the device could be put on now, the newest first."""
    return [
        one
        for one in firmware_matching(device_type=device.type)[:OFFERED]
        if fits(one, device, at=at) is None and not same_version(one.version, device.firmware_version)
    ]


def history_of(*, device_id: int) -> DeploymentQuerySet:
    """The updates of a device, the newest first, with all that happened in each."""
    events = DeploymentEvent.objects.select_related("by").order_by("pk")
    found = deployments_matching(device_id=device_id).select_related("rollout", "created_by")
    return found.prefetch_related(Prefetch("events", queryset=events))


MARKS = {"failed": "warning", "rolled_back": "warning", "pending": "offline", "cancelled": "maintenance"}


@dataclass(frozen=True, slots=True)
class Update:
    """An update, and what may be done with it: the newest one of a device only is taken up again or undone."""

    deployment: Deployment
    is_newest: bool

    @property
    def mark(self) -> str:
        return MARKS.get(self.deployment.status, "normal")

    @property
    def may_cancel(self) -> bool:
        return self.deployment.status in CANCELLABLE

    @property
    def may_retry(self) -> bool:
        return self.is_newest and self.deployment.status in ("failed", "rolled_back", "cancelled")

    @property
    def may_roll_back(self) -> bool:
        one = self.deployment
        return self.is_newest and one.status == "completed" and bool(one.previous_version)


def updates_told(found: Sequence[Deployment], *, newest: bool) -> list[Update]:
    """`newest`: whether the first of these is the device's newest one."""
    return [Update(one, newest and place == 0) for place, one in enumerate(found)]
