from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from alerts.models import Alert
from devices.models import Device
from devices.queries import device_ids_matching
from factory.errors import NotFound
from factory.languages import in_english
from grouping.queries import members_of
from ota.fitting import fits
from ota.models import Deployment, Firmware, Rollout, RolloutDevice
from ota.states import same_version
from ota.waves import WaveCounts

Status = RolloutDevice.Status
ALARMING = (Alert.Severity.WARNING, Alert.Severity.CRITICAL)
ROWS_AT_ONCE = 2000
LEFT_OUT = 0  # the wave of those that cannot take part


class RolloutUnknown(NotFound):
    """There is no such rollout."""


@dataclass(frozen=True, slots=True)
class Member:
    """A device that a rollout is aimed at."""

    device_id: int
    name: str
    zone: str
    is_offline: bool
    why_not: str  # empty: it takes part


def get_rollout(rollout_id: int) -> Rollout:
    """One rollout; refuses when there is none."""
    found = Rollout.objects.select_related("firmware", "group", "created_by")
    rollout = found.filter(pk=rollout_id).first()
    if rollout is None:
        raise RolloutUnknown(gettext("There is no rollout %(id)s.") % {"id": rollout_id})
    return rollout


def rollouts_matching(
    *, status: str | None = None, firmware_id: int | None = None
) -> QuerySet[Rollout, Rollout]:
    """Rollouts, the newest first."""
    found = Rollout.objects.select_related("firmware", "group", "created_by").order_by("-pk")
    if status:
        found = found.filter(status=status)
    return found if firmware_id is None else found.filter(firmware_id=firmware_id)


def places_of(
    rollout_id: int, *, wave: int | None = None, status: str | None = None
) -> QuerySet[RolloutDevice, RolloutDevice]:
    """The devices of a rollout in the order in which they have their turn."""
    found = RolloutDevice.objects.filter(rollout_id=rollout_id).select_related("deployment")
    if wave is not None:
        found = found.filter(wave=wave)
    return (found.filter(status=status) if status else found).order_by("wave", "pk")


def counts_by_wave(rollout_ids: Iterable[int]) -> dict[int, dict[int, WaveCounts]]:
    """{rollout: {wave: how its devices stand}}, all at one moment; wave 0 are those that were left out."""
    ids = list(rollout_ids)
    found: dict[int, defaultdict[int, dict[str, int]]] = {pk: defaultdict(dict) for pk in ids}
    rows = RolloutDevice.objects.filter(rollout_id__in=ids).order_by()
    by_status = rows.values_list("rollout_id", "wave", "status").annotate(
        devices=Count("pk"), forgiven=Count("pk", filter=Q(is_forgiven=True))
    )
    for rollout_id, wave, status, devices, forgiven in by_status:
        counts = found[rollout_id][wave]
        counts[str(status)] = devices
        if forgiven:
            counts["forgiven"] = counts.get("forgiven", 0) + forgiven
        if forgiven and status == Status.FAILED:
            counts["forgiven_failed"] = forgiven
    return {pk: {wave: WaveCounts(**waves[wave]) for wave in sorted(waves)} for pk, waves in found.items()}


def in_all(waves: dict[int, WaveCounts]) -> WaveCounts:
    return sum(waves.values(), WaveCounts())


def unhealthy_devices(rollout: Rollout) -> int:
    """How many updated devices of the current wave have had a warning or worse that began after their update."""
    alerts = Alert.objects.filter(
        device_id=OuterRef("device_id"),
        severity__in=ALARMING,
        started_at__gt=OuterRef("deployment__completed_at"),
    ).exclude(type=Alert.Type.FIRMWARE_UPDATE)  # an update that failed is counted as that
    if rollout.resumed_at is not None:
        alerts = alerts.filter(started_at__gt=rollout.resumed_at)
    updated = RolloutDevice.objects.filter(
        rollout=rollout, wave=rollout.current_wave, status=Status.SUCCEEDED
    )
    return updated.filter(Exists(alerts)).count()


def targeted(
    *, device_ids: Iterable[int] | None = None, group_id: int | None = None, filter: str | None = None
) -> list[int]:
    """The devices that a rollout is aimed at just now, ascending; refuses a bad filter and an unknown group."""
    if device_ids is not None:
        return sorted(set(device_ids))
    if group_id is not None:
        return members_of(group_id=group_id)
    return device_ids_matching(filter or "")


def members_for(*, firmware: Firmware, device_ids: Iterable[int], at: datetime) -> list[Member]:
    """These devices with whether they can take this firmware; those that do not exist are left out."""
    ids = sorted(set(device_ids))
    members = []
    for start in range(0, len(ids), ROWS_AT_ONCE):
        for device in Device.objects.filter(pk__in=ids[start : start + ROWS_AT_ONCE]).order_by("pk"):
            with in_english():  # it is kept
                why_not = _why_not(firmware, device, at)
            is_offline = device.status == Device.Status.OFFLINE
            members.append(Member(device.pk, device.name, device.zone, is_offline, why_not))
    return members


def _why_not(firmware: Firmware, device: Device, at: datetime) -> str:
    if reason := fits(firmware, device, at=at):
        return reason
    if same_version(device.firmware_version, firmware.version):
        return gettext("It runs %(version)s already.") % {"version": firmware.version}
    return ""


def why_nobody(firmware: Firmware, *, at: datetime) -> str:
    """Why no device at all can take this firmware just now; empty: some can."""
    if firmware.withdrawn_at is not None:
        return gettext("Version %(version)s was withdrawn: %(withdrawn_because)s") % {
            "version": firmware.version,
            "withdrawn_because": firmware.withdrawn_because,
        }
    # One that it was made for: what keeps it from that is the version's own.
    hardware = firmware.hardware[0] if firmware.hardware else ""
    made_for = Device(type=firmware.device_type, metadata={"hardware": hardware})
    return fits(firmware, made_for, at=at) or ""


def why_not(*, firmware: Firmware, device_ids: Iterable[int], at: datetime) -> dict[int, str]:
    """{device: why it cannot take this firmware} of those that cannot."""
    members = members_for(firmware=firmware, device_ids=device_ids, at=at)
    return {member.device_id: member.why_not for member in members if member.why_not}


def find_rollout_id(text: str) -> int | None:
    """The `<id>` of a channel name; None where there is no such rollout."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    return Rollout.objects.filter(pk=int(text)).values_list("pk", flat=True).first()


def active_deployments(rollout: Rollout) -> int:
    """How many of its devices are on their way."""
    return rollout.deployments.filter(active_key__isnull=False).count()


def turns_of(rollout: Rollout) -> QuerySet[RolloutDevice, RolloutDevice]:
    """The places whose turn it is, in their order. A device on its way to another version has its turn after that."""
    others = Deployment.objects.filter(active_key=OuterRef("device_id"))
    waiting = RolloutDevice.objects.filter(
        rollout=rollout, status=Status.PLANNED, wave__lte=rollout.current_wave, wave__gt=LEFT_OUT
    )
    return waiting.filter(~Exists(others), device__isnull=False).order_by("wave", "pk")


def strayed(rollout_id: int) -> QuerySet[RolloutDevice, RolloutDevice]:
    """Places that do not say what has become of their device: it or its update is gone, over, or begun again."""
    places = RolloutDevice.objects.filter(rollout_id=rollout_id)
    return places.filter(
        Q(status=Status.PLANNED, device=None)
        | Q(status=Status.DEPLOYING, deployment=None)
        | Q(status=Status.DEPLOYING, deployment__active_key=None)
        | Q(status__in=(Status.FAILED, Status.CANCELLED), deployment__active_key__isnull=False)
    )
