from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext

from devices.models import DeviceQuerySet
from devices.queries import count_some
from factory.errors import NotFound
from grouping.models import Group, GroupQuerySet, Membership
from grouping.tree import Tree


class GroupUnknown(NotFound):
    """There is no such group."""


def get_group(group_id: int) -> Group:
    """One group; refuses when there is none."""
    group = Group.objects.filter(pk=group_id).first()
    if group is None:
        raise GroupUnknown(gettext("There is no group %(id)s.") % {"id": group_id})
    return group


def is_any_filling_itself() -> bool:
    """Whether there is a group with a filter at all."""
    return Group.objects.exclude(filter="").exists()


def groups_matching(*, type: str | None = None) -> GroupQuerySet:
    """Groups with their members, in the order of their names."""
    found = Group.objects.with_members().order_by("name")
    return found.filter(type=type) if type else found


def group_tree() -> Tree:
    """How all groups nest."""
    return Tree(dict(Group.objects.values_list("pk", "parent_id")))


def groups_of_devices(*, device_ids: Iterable[int]) -> dict[int, list[int]]:
    """{device: the groups it is in, by itself or through nesting} of those that are in any, narrowest first.

    A deeper group comes before a shallower one; of equally deep ones, the one with the lower id.
    """
    direct: defaultdict[int, list[int]] = defaultdict(list)
    rows = Membership.objects.filter(device_id__in=list(device_ids)).values_list("device_id", "group_id")
    for device_id, group_id in rows:
        direct[device_id].append(group_id)
    if not direct:
        return {}
    tree = group_tree()
    # A group may have gone between the two queries.
    chains = {group: tree.chain(group) for groups in direct.values() for group in groups if group in tree}
    found = {}
    for device_id, groups in direct.items():
        depths = {
            group: len(chains[own]) - place
            for own in groups
            if own in chains
            for place, group in enumerate(chains[own])
        }
        if depths:
            found[device_id] = sorted(depths, key=lambda group: (-depths[group], group))
    return found


def groups_of_device(*, device_id: int) -> list[Group]:
    """The groups a device is in, by itself or through nesting, with their members, narrowest first."""
    ids = groups_of_devices(device_ids=[device_id]).get(device_id, [])
    groups = Group.objects.with_members().in_bulk(ids)
    return [groups[group_id] for group_id in ids if group_id in groups]


def devices_within(*, group_id: int) -> QuerySet[Membership, Any]:
    """The ids of the devices in a group, nested ones too, to be used inside another query.

    Refuses when there is no such group. A device may occur several times.
    """
    tree = group_tree()
    if group_id not in tree:
        raise GroupUnknown(gettext("There is no group %(id)s.") % {"id": group_id})
    return Membership.objects.filter(group_id__in=tree.within(group_id)).values_list("device_id", flat=True)


def members_of(*, group_id: int) -> list[int]:
    """The ids of the devices in a group, nested ones too, ascending; refuses when there is no such group."""
    return sorted(set(devices_within(group_id=group_id)))


def narrow_to_group(devices: DeviceQuerySet, group_id: Any) -> DeviceQuerySet:
    """Those of the devices that are in a group, nested ones too."""
    return devices.filter(pk__in=devices_within(group_id=group_id))


def count_memberships(device_ids: Iterable[int]) -> int:
    """In how many groups these devices are by themselves, as far as is counted."""
    return count_some(Membership.objects.filter(device_id__in=list(device_ids)))
