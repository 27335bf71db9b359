"""Machines as their set-up pages show them: the list, one machine, and devices that may become one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from analytics.models import Calendar, MachineProfile, Product, ProductRun
from analytics.queries.shift_pages import NOBODY, WorksBy, groups_named, works_by
from devices.models import Device
from devices.queries import devices_matching
from grouping.models import Group
from telemetry.metrics import Metric
from telemetry.queries import latest_values
from telemetry.rules import metric_for

RUNS_SHOWN = 8


@dataclass(frozen=True)
class Makes:
    """What a machine makes, and since when (ms); None: whatever its profile says."""

    product: str | None = None
    since: int | None = None


@dataclass(frozen=True)
class MachineRow:
    """A machine in the list: as it is set up now, by whose shifts it works, what it makes."""

    device: Device
    group: Group | None  # the narrowest one
    profile: MachineProfile
    works_by: WorksBy
    makes: Makes


def machines_found(search: str = "") -> QuerySet[Device]:
    """The devices that are machines, those out of service too, in order of their names."""
    having = MachineProfile.objects.values("device_id")
    return devices_matching(search=search or None, include_deactivated=True).filter(pk__in=having)


def no_machines(search: str = "") -> QuerySet[Device]:
    """The devices in service that are no machines yet, in order of their names."""
    return devices_matching(search=search or None).exclude(pk__in=MachineProfile.objects.values("device_id"))


def machine_rows(devices: Sequence[Device], *, at: datetime) -> list[MachineRow]:
    ids = [device.pk for device in devices]
    profiles: defaultdict[int, list[MachineProfile]] = defaultdict(list)
    for profile in MachineProfile.objects.filter(device__in=ids).order_by("device_id", "valid_from"):
        profiles[profile.device_id].append(profile)
    groups, makes = groups_named(ids), _makes(ids)
    working = works_by(groups, at=at)
    return [
        MachineRow(
            device,
            next(iter(groups[device.pk]), None),
            profiles[device.pk][-1],
            working[device.pk],
            makes[device.pk],
        )
        for device in devices
        if profiles[device.pk]  # somebody may have dropped it meanwhile
    ]


def _makes(device_ids: Iterable[int]) -> dict[int, Makes]:
    runs = ProductRun.objects.filter(device=OuterRef("pk")).order_by("-start")
    rows = Device.objects.filter(pk__in=list(device_ids)).annotate(
        makes=Subquery(runs.values("product__name")[:1]), since=Subquery(runs.values("start")[:1])
    )
    return {pk: Makes(name, since) for pk, name, since in rows.values_list("pk", "makes", "since")}


@dataclass(frozen=True)
class Reported:
    """A metric that a device reports, with its newest value."""

    metric: Metric
    value: float


@dataclass
class MachineSetup:
    """One device as it is set up as a machine: all its profiles, the oldest first, what it makes, what it reports."""

    device: Device
    profiles: list[MachineProfile]
    products: list[Product] = field(default_factory=list)
    runs: list[ProductRun] = field(default_factory=list)  # the newest ones, the newest first
    works_by: WorksBy = NOBODY
    has_own_shifts: bool = False
    reported: list[Reported] = field(default_factory=list)

    @property
    def profile(self) -> MachineProfile | None:
        """The one in force: none begins in the future."""
        return self.profiles[-1] if self.profiles else None

    @property
    def makes(self) -> ProductRun | None:
        return self.runs[0] if self.runs else None


def machine_page(*, device: Device, at: datetime) -> MachineSetup:
    profiles = MachineProfile.objects.filter(device=device).order_by("valid_from")
    runs = ProductRun.objects.filter(device=device).select_related("product").order_by("-start")
    return MachineSetup(
        device=device,
        profiles=list(profiles),
        products=list(Product.objects.filter(device=device).order_by("name")),
        runs=list(runs[:RUNS_SHOWN]),
        works_by=works_by(groups_named([device.pk]), at=at)[device.pk],
        has_own_shifts=Calendar.objects.filter(device=device).exists(),
        reported=reported_by(device.pk),
    )


def reported_by(device_id: int) -> list[Reported]:
    """What a device reports, the counters first."""
    latest = latest_values(device_ids=[device_id]).get(device_id, {})
    found = [Reported(metric_for(key), value) for key, (value, _) in latest.items()]
    return sorted(found, key=lambda one: (not one.metric.is_counter, one.metric.key))
