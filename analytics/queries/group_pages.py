"""Groups as their pages show them: the tree with its counts, and one group with all that hangs on it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from alerts.models import Threshold
from alerts.queries.thresholds import thresholds_matching
from analytics.marks import WORST_FIRST, Mark
from analytics.queries.alerts import open_marks
from devices.models import Device
from grouping.models import Group, Membership
from grouping.tree import Tree

THRESHOLDS_SHOWN = 50


@dataclass
class Branch:
    """A group in the tree, with what is inside of it."""

    group: Group
    depth: int
    total: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    alerts: int = 0
    mark: Mark = Mark.NORMAL

    @property
    def away(self) -> int:
        return self.statuses[Device.Status.OFFLINE]

    @property
    def in_error(self) -> int:
        return self.statuses[Device.Status.ERROR]

    @property
    def in_maintenance(self) -> int:
        return self.statuses[Device.Status.MAINTENANCE]


def tree_of_groups(*, inside: int | None = None) -> list[Branch]:
    """Every group under the one it is inside of, with the devices of those in it counted once."""
    groups = {group.pk: group for group in Group.objects.order_by("name", "pk")}
    tree = Tree({pk: group.parent_id for pk, group in groups.items()})
    members: defaultdict[int, set[int]] = defaultdict(set)
    for group_id, device_id in Membership.objects.values_list("group_id", "device_id"):
        members[group_id].add(device_id)
    statuses = dict(Device.objects.in_service().values_list("pk", "status")) if members else {}
    marks: defaultdict[int | None, list[Mark]] = defaultdict(list)
    for row in open_marks() if members else ():
        marks[row.device_id].append(row.mark)
    children: defaultdict[int | None, list[Group]] = defaultdict(list)
    for group in groups.values():
        children[group.parent_id].append(group)
    found: list[Branch] = []
    waiting = [(group, 0) for group in reversed(children[inside])]
    while waiting:
        group, depth = waiting.pop()
        within = set().union(*(members[pk] for pk in tree.within(group.pk))) & statuses.keys()
        found.append(_branch(group, depth, within, statuses, marks))
        if depth < len(groups):  # a circle made by hand ends
            waiting += [(child, depth + 1) for child in reversed(children[group.pk])]
    return found


def _branch(
    group: Group,
    depth: int,
    within: set[int],
    statuses: dict[int, str],
    marks: defaultdict[int | None, list[Mark]],
) -> Branch:
    counted = Counter(statuses[pk] for pk in within)
    # Somebody is always away for a while in a large group; that alone does not mark it.
    loud = [mark for pk in within for mark in marks.get(pk, ())]
    if counted[Device.Status.ERROR]:
        loud.append(Mark.ERROR)
    if within and counted[Device.Status.OFFLINE] == len(within):
        loud.append(Mark.OFFLINE)
    worst = min(loud, key=WORST_FIRST.index, default=Mark.NORMAL)
    alerts = sum(len(marks.get(pk, ())) for pk in within)
    return Branch(group, depth, len(within), counted, alerts, worst)


def way_to(group: Group) -> list[Group]:
    """The groups that a group is inside of, from outside."""
    groups = Group.objects.in_bulk()
    tree = Tree({pk: one.parent_id for pk, one in groups.items()})
    return [groups[pk] for pk in reversed(tree.chain(group.pk)[1:])]


def possible_parents(group: Group | None) -> list[tuple[int, str]]:
    """(id, name with its place) of the groups that this one, or a new one, may be put into."""
    groups = {one.pk: one for one in Group.objects.order_by("name", "pk")}
    tree = Tree({pk: one.parent_id for pk, one in groups.items()})
    found = []
    for pk in groups:
        if tree.why_not_inside(group.pk if group else None, pk) is None:
            found.append((pk, " › ".join(groups[one].name for one in reversed(tree.chain(pk)))))
    return sorted(found, key=lambda row: row[1].casefold())


def thresholds_of_group(*, group_id: int) -> list[Threshold]:
    """The group's own thresholds, by metric."""
    rows = thresholds_matching(group_id=group_id).order_by("metric", "pk")
    return list(rows[:THRESHOLDS_SHOWN])


def devices_named(*, ids: list[int], limit: int) -> list[Device]:
    """The first of these by name."""
    return list(Device.objects.filter(pk__in=ids).order_by("name", "pk")[:limit])
