"""Shift calendars as their pages show them: who has shifts of their own, and by whose each machine works."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from analytics.models import Calendar, MachineProfile
from analytics.models.calendars import SINCE_EVER
from analytics.oee.shifts import CalendarRule
from analytics.queries.machines import PLANT, rule_of
from devices.models import Device
from grouping.models import Group
from grouping.queries import groups_of_devices


@dataclass(frozen=True)
class WorksBy:
    """Whose shifts are in force for a machine today: its own, a group's, the plant's, or nobody's."""

    target: str = ""
    group: Group | None = None

    @property
    def is_own(self) -> bool:
        return self.target.startswith("device:")

    @property
    def is_of_plant(self) -> bool:
        return self.target == PLANT


NOBODY = WorksBy()


def groups_named(device_ids: Iterable[int]) -> dict[int, list[Group]]:
    """{device: the groups it is in}, the narrowest first; a device that is in none has none."""
    ids = list(device_ids)
    chains = groups_of_devices(device_ids=ids)
    named = Group.objects.in_bulk({group_id for chain in chains.values() for group_id in chain})
    return {pk: [named[one] for one in chains.get(pk, ()) if one in named] for pk in ids}


def works_by(groups: Mapping[int, Sequence[Group]], *, at: datetime) -> dict[int, WorksBy]:
    """{device: by whose shifts it works today}, given its groups; as `calendars_of` chains them."""
    begun = _targets_begun(at)
    found = {}
    for device_id, chain in groups.items():
        candidates = [
            WorksBy(f"device:{device_id}"),
            *(WorksBy(f"group:{group.pk}", group) for group in chain),
            WorksBy(PLANT),
        ]
        found[device_id] = next((whose for whose in candidates if whose.target in begun), NOBODY)
    return found


def _targets_begun(at: datetime) -> set[str]:
    rows = Calendar.objects.values_list("target", "valid_from", "time_zone")
    return {target for target, begins, zone in rows if begins <= day_in(zone, at)}


def day_in(zone: str, at: datetime) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


@dataclass
class Owner:
    """The plant, a group or a device with the shifts that were given to it, the oldest version first."""

    target: str
    device: Device | None = None
    group: Group | None = None
    versions: list[Calendar] = field(default_factory=list)
    now: Calendar | None = None  # None: its first one begins later
    machines: int = 0  # that work by it today

    @property
    def coming(self) -> list[Calendar]:
        """Those that begin later."""
        return self.versions[self.versions.index(self.now) + 1 :] if self.now else self.versions

    @property
    def next(self) -> Calendar | None:
        """What holds now, else what will."""
        return self.now or next(iter(self.versions), None)


@dataclass
class Owners:
    """Who has shifts: the plant, or nobody for it, the groups that do, and by whose the machines work."""

    plant: Owner
    groups: list[Owner]
    by_target: Counter[str]  # machines

    @property
    def machines(self) -> int:
        return self.by_target.total()

    @property
    def without(self) -> int:
        return self.by_target[""]


def owners_of_shifts(*, at: datetime) -> Owners:
    """The plant's and the groups' shifts; those of devices may be many, and are looked up page by page."""
    machines = MachineProfile.objects.order_by("device_id").values_list("device_id", flat=True).distinct()
    counted = Counter(whose.target for whose in works_by(groups_named(machines), at=at).values())
    found = _owners(calendars().filter(device=None), at=at, counted=counted)
    plant = found.pop(PLANT, Owner(PLANT))
    groups = sorted(found.values(), key=lambda owner: (str(owner.group), owner.target))
    return Owners(plant, groups, counted)


def devices_with_shifts() -> QuerySet[Device]:
    """The devices that have shifts of their own, in order of their names."""
    owning = Calendar.objects.exclude(device=None).values("device_id")
    return Device.objects.filter(pk__in=owning).order_by("name", "pk")


def shifts_of_devices(devices: Sequence[Device], *, at: datetime) -> list[Owner]:
    found = _owners(calendars().filter(device__in=devices), at=at, counted=Counter())
    return [found[f"device:{device.pk}"] for device in devices if f"device:{device.pk}" in found]


def shifts_of_target(target: str, *, at: datetime) -> Owner:
    """All that was given to one target itself."""
    found = _owners(calendars().filter(target=target), at=at, counted=Counter())
    return found.get(target) or Owner(target)


def calendars() -> QuerySet[Calendar]:
    """Calendars with whom they are for and their shifts, the oldest first."""
    ordered = Calendar.objects.order_by("target", "valid_from")
    return ordered.select_related("device", "group").prefetch_related("shifts")


def _owners(rows: Iterable[Calendar], *, at: datetime, counted: Counter[str]) -> dict[str, Owner]:
    found: dict[str, Owner] = {}
    for calendar in rows:
        owner = found.setdefault(calendar.target, Owner(calendar.target, calendar.device, calendar.group))
        owner.versions.append(calendar)
        owner.machines = counted[calendar.target]
        if calendar.valid_from <= day_in(calendar.time_zone, at):
            owner.now = calendar
    return found


def rule_of_calendar(calendar: Calendar) -> CalendarRule:
    holidays = frozenset(date.fromisoformat(day) for day in calendar.holidays)
    shifts = tuple(rule_of(shift) for shift in calendar.shifts.all())
    return CalendarRule(calendar.time_zone, shifts, holidays)


def is_since_ever(calendar: Calendar) -> bool:
    return calendar.valid_from <= SINCE_EVER
