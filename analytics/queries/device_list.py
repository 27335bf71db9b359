"""The list of devices: who is in it, in which order, and what can be chosen by."""

from dataclasses import dataclass

from django.db.models.functions import Lower

from devices.models import Device, DeviceQuerySet
from devices.queries import devices_matching
from grouping.models import Group


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is narrowed by; empty narrows nothing."""

    search: str = ""
    status: str = ""
    type: str = ""
    zone: str | None = None  # "": those that stand in none
    tag: str = ""
    group_id: int | None = None
    filter: str = ""
    out_of_service: bool = False

    @property
    def is_detailed(self) -> bool:
        """Whether one of those is set that are folded away."""
        return self.zone is not None or bool(self.tag or self.group_id or self.filter or self.out_of_service)

    def __bool__(self) -> bool:
        return self.is_detailed or bool(self.search or self.status or self.type)


def devices_wanted(wanted: Wanted, *, sort: str = "name") -> DeviceQuerySet:
    """The devices that are asked for; refuses a filter that cannot be read."""
    found = devices_matching(
        status=wanted.status or None,
        type=wanted.type or None,
        zone=wanted.zone,
        tag=wanted.tag or None,
        search=wanted.search or None,
        filter=wanted.filter or None,
        groupId=wanted.group_id,
        include_deactivated=wanted.out_of_service,
        sort=sort,
    )
    return found.exclude(deactivated_at=None) if wanted.out_of_service else found


def zones_of_devices() -> list[str]:
    """The names of the zones that devices in service stand in."""
    zones = Device.objects.in_service().exclude(zone="").order_by("zone").values_list("zone", flat=True)
    return list(zones.distinct())


def groups_to_choose() -> list[tuple[int, str, bool]]:
    """(id, name, whether people put devices into it) of every group, by name."""
    rows = Group.objects.order_by(Lower("name"), "pk").values_list("pk", "name", "filter")
    return [(pk, name, filter == "") for pk, name, filter in rows]


def group_names() -> list[tuple[int, str]]:
    """(id, name) of every group, by name."""
    return [(pk, name) for pk, name, _ in groups_to_choose()]
