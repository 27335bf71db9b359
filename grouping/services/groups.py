from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from devices.filtering import FilterRefused, parse_filter
from devices.models import Device
from devices.queries import DeviceUnknown
from devices.services import why_misshapen
from factory.accounts.noting import note_change
from factory.errors import Conflict, InvalidInput
from grouping.models import Group, Membership
from grouping.queries import GroupUnknown
from grouping.services.filters import refresh_members
from grouping.services.locking import lock_groups
from grouping.signals import membership_changed
from grouping.tree import Tree

EDITABLE = {"name", "type", "description", "parent_id", "filter", "metadata"}


class GroupNameTaken(Conflict):
    """Another group goes by this name."""


class GroupMisplaced(InvalidInput):
    """A group would be inside itself, or too deep inside others."""


class GroupFillsItself(Conflict):
    """Its filter says who is in it."""


class GroupNotEmpty(Conflict):
    """There are groups inside it."""


@transaction.atomic
def create_group(
    *,
    name: str,
    type: str,
    at: datetime,
    device_ids: Iterable[int] = (),
    **properties: Any,
) -> Group:
    """Put devices together under a name, in a group of its own or inside another one."""
    group = Group(name=name, type=type, created_at=at, updated_at=at)
    for field in properties.keys() & EDITABLE:
        setattr(group, field, properties[field])
    _refuse_invalid(group)
    _refuse_misplaced(group, among=lock_groups())
    members = list(device_ids)
    if group.filter and members:
        raise InvalidInput.at("deviceIds", gettext("a group with a filter fills itself"))
    _save(group, force_insert=True)
    if _put_in(group, members):
        _tell(group)
    if group.filter:
        refresh_members(group_ids=[group.pk], at=at)
    _note(group, before={}, after={"name": name, "type": type, **properties, "added": members})
    return group


def _note(group: Group, *, before: dict[str, Any], after: dict[str, Any]) -> None:
    note_change("grouping.group", group.pk, group.name, before=before, after=after)


@transaction.atomic
def edit_group(
    *, group: Group, at: datetime, device_ids: Iterable[int] | None = None, **changes: Any
) -> Group:
    """Change a group's properties or its place; with `device_ids` it has exactly these members afterwards.

    A filter puts whom it finds in the place of its members; taken away, it leaves them there, for people to change.
    """
    groups = lock_groups()
    group = _found(group, among=groups)
    values = {field: changes[field] for field in changes.keys() & EDITABLE}
    was = {field: getattr(group, field) for field in values}
    has_moved = values.get("parent_id", group.parent_id) != group.parent_id
    for field, value in values.items():
        setattr(group, field, value)
    _refuse_invalid(group)
    if has_moved:
        _refuse_misplaced(group, among=groups)
    if group.filter and device_ids is not None:
        _refuse_by_hand(group, changes="filter" in values)
    group.updated_at = at
    _save(group, update_fields=[*sorted(values), "updated_at"])
    if device_ids is not None:
        wanted = set(device_ids)
        leaving = set(group.device_ids) - wanted
        _note(group, before={"devices": sorted(group.device_ids)}, after={"devices": sorted(wanted)})
        # Both are done, whatever the first one says.
        has_moved = any([_take_out(group, leaving), _put_in(group, wanted), has_moved])
    if has_moved:
        _tell(group)
    if group.filter and "filter" in values:
        refresh_members(group_ids=[group.pk], at=at)
    _note(group, before=was, after=values)
    return group


@transaction.atomic
def delete_group(*, group: Group) -> None:
    """Forget a group with what aims at it; its devices stay. Refuses while other groups are inside it."""
    groups = lock_groups()
    group = _found(group, among=groups)
    inside = sorted(other.name for other in groups.values() if other.parent_id == group.pk)
    if inside:
        names = ", ".join(inside[:3]) + (", …" if len(inside) > 3 else "")
        raise GroupNotEmpty(
            gettext("There are groups inside %(group)s: %(names)s. Move or delete them first.")
            % {"group": group.name, "names": names}
        )
    group.memberships.all().delete()
    _tell(group, is_going=True)
    _note(group, before={"name": group.name, "type": group.type}, after={})
    group.delete()


@transaction.atomic
def add_devices(*, group: Group, device_ids: Iterable[int], at: datetime) -> Group:
    """Put devices into a group; those that are in it already stay."""
    group = _found(group, among=lock_groups())
    _refuse_by_hand(group)
    device_ids = list(device_ids)
    _note(group, before={}, after={"added": device_ids})
    if _put_in(group, device_ids):
        _note_new_members(group, at=at)
    return group


@transaction.atomic
def remove_devices(*, group: Group, device_ids: Iterable[int], at: datetime) -> Group:
    """Take devices out of a group; those that are not in it by themselves are not missed."""
    group = _found(group, among=lock_groups())
    _refuse_by_hand(group)
    device_ids = list(device_ids)
    _note(group, before={}, after={"removed": device_ids})
    if _take_out(group, device_ids):
        _note_new_members(group, at=at)
    return group


def _found(group: Group, *, among: dict[int, Group]) -> Group:
    """The group as it is now, locked; refuses when it is gone."""
    if group.pk not in among:
        raise GroupUnknown(gettext("There is no group %(id)s.") % {"id": group.pk})
    return among[group.pk]


def _refuse_invalid(group: Group) -> None:
    fields: dict[str, list[str]] = {}
    try:
        group.full_clean(exclude=["parent"], validate_unique=False, validate_constraints=False)
    except ValidationError as refusal:
        fields = refusal.message_dict
    for field, reason in why_misshapen(tags=[], metadata=group.metadata).items():
        fields[field] = [reason]
    try:
        if group.filter:
            parse_filter(group.filter)
    except FilterRefused as refusal:
        fields.update(refusal.fields)
    if fields:
        first = next(iter(fields))
        raise InvalidInput(f"{first}: {fields[first][0]}", fields=fields)


def _refuse_by_hand(group: Group, *, changes: bool = False) -> None:
    """Whoever names members of a group that has a filter contradicts it."""
    if not group.filter:
        return
    if changes:
        raise InvalidInput.at("deviceIds", gettext("a group with a filter fills itself"))
    raise GroupFillsItself(
        gettext("%(group)s fills itself: its filter says who is in it. Change the filter, or take it away.")
        % {"group": group.name}
    )


def _refuse_misplaced(group: Group, *, among: dict[int, Group]) -> None:
    if group.parent_id is None:
        return
    if group.parent_id not in among:
        reason = gettext("there is no group %(id)s") % {"id": group.parent_id}
        raise GroupUnknown(f"parentId: {reason}", fields={"parentId": [reason]})
    # As it was: in `among` the group itself may stand where it is wanted already.
    tree = Tree({pk: None if pk == group.pk else other.parent_id for pk, other in among.items()})
    problem = tree.why_not_inside(group.pk, group.parent_id)
    if problem:
        raise GroupMisplaced.at("parentId", problem)


def _save(group: Group, **how: Any) -> None:
    try:
        with transaction.atomic():
            group.save(**how)
    except IntegrityError:
        if not Group.objects.filter(name=group.name).exclude(pk=group.pk).exists():
            raise
        raise GroupNameTaken(
            gettext("name: %(group)s is in use already") % {"group": group.name},
            fields={"name": [gettext("is in use already")]},
        ) from None


def _put_in(group: Group, device_ids: Iterable[int]) -> bool:
    """Whether any of them is new in the group."""
    new = set(device_ids) - set(group.device_ids)
    unknown = new - set(Device.objects.filter(pk__in=new).values_list("pk", flat=True))
    if unknown:
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": min(unknown)})
    Membership.objects.bulk_create(Membership(group=group, device_id=device_id) for device_id in sorted(new))
    return bool(new)


def _take_out(group: Group, device_ids: Iterable[int]) -> bool:
    """Whether any of them was in the group."""
    gone, _ = group.memberships.filter(device_id__in=set(device_ids)).delete()
    return gone > 0


def _note_new_members(group: Group, *, at: datetime) -> None:
    group.updated_at = at
    group.save(update_fields=["updated_at"])
    _tell(group)


def _tell(group: Group, *, is_going: bool = False) -> None:
    membership_changed.send(sender=Group, group=group, is_going=is_going)
