"""Serial lines as their pages show them: groups for which one station speaks."""

from collections import defaultdict
from dataclasses import dataclass

from analytics.models import Line, MachineProfile
from devices.models import Device
from grouping.models import Group, Membership
from grouping.queries import group_tree, members_of

FEWEST = 2  # machines; with fewer there is nothing that one of them could speak for


@dataclass(frozen=True)
class LineRow:
    """A group with its machines, and the one that speaks for it; one that has left, or is none any more, does not."""

    group: Group
    machines: int
    station: Device | None
    is_sound: bool


def line_rows() -> list[LineRow]:
    """The groups that are lines, then those that could be: with several machines in them."""
    lines = {line.pk: line.station for line in Line.objects.select_related("station")}
    among = set(MachineProfile.objects.values_list("device_id", flat=True))
    members: defaultdict[int, set[int]] = defaultdict(set)
    for group_id, device_id in Membership.objects.values_list("group_id", "device_id"):
        if device_id in among:
            members[group_id].add(device_id)
    tree = group_tree()
    rows = []
    for group in Group.objects.order_by("name", "pk"):
        inside = set().union(*(members[pk] for pk in tree.within(group.pk))) if group.pk in tree else set()
        station = lines.get(group.pk)
        if station is not None or len(inside) >= FEWEST:
            rows.append(LineRow(group, len(inside), station, station is not None and station.pk in inside))
    return sorted(rows, key=lambda row: row.station is None)


def line_of(group: Group) -> Device | None:
    """The station that speaks for a group."""
    line = Line.objects.select_related("station").filter(group=group).first()
    return line.station if line else None


def stations_in(group: Group) -> list[Device]:
    """The machines of a group, nested ones too, in order of their names."""
    machines = MachineProfile.objects.values("device_id")
    inside = Device.objects.filter(pk__in=members_of(group_id=group.pk))
    return list(inside.filter(pk__in=machines).order_by("name", "pk"))
