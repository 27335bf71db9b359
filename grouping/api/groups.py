from django.utils import timezone
from rest_framework import serializers

from devices.fields import DeviceReference
from devices.queries import get_device, get_device_ids
from factory.accounts.permissions import ADMIN, OPERATOR, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import FreeForm, StrictInteger, StrictString, WireSerializer
from grouping import queries, services
from grouping.models import Group

router = Router("groups")

MEMBERS_LIMIT = 10_000


class GroupRow(WireSerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    type = serializers.ChoiceField(Group.Type.choices)
    description = serializers.CharField()
    parent_id = serializers.IntegerField(allow_null=True)
    filter = serializers.SerializerMethodField()  # the text, or null
    device_ids = serializers.ListField(child=serializers.IntegerField())
    metadata = FreeForm()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_filter(self, group: Group) -> str | None:
        return group.filter or None


def members(*, required: bool) -> serializers.ListField:
    return serializers.ListField(child=DeviceReference(), max_length=MEMBERS_LIMIT, required=required)


class GroupProperties(WireSerializer):
    description = StrictString(max_length=500, required=False, allow_blank=True)
    parent_id = StrictInteger(min_value=1, required=False, allow_null=True)
    filter = StrictString(required=False, allow_null=True)
    device_ids = members(required=False)
    metadata = FreeForm(required=False)

    def validate_filter(self, value: str | None) -> str:
        """Null, as our own answers have it, is none."""
        return value or ""


class NewGroup(GroupProperties):
    name = StrictString(max_length=120)
    type = serializers.ChoiceField(Group.Type.choices)


class GroupChanges(GroupProperties):
    id = StrictInteger(min_value=1)
    name = StrictString(max_length=120, required=False)
    type = serializers.ChoiceField(Group.Type.choices, required=False)


class FilterPreview(WireSerializer):
    filter = StrictString()
    limit = StrictInteger(default=100, min_value=1, max_value=MEMBERS_LIMIT)


class FoundRow(WireSerializer):
    total = serializers.IntegerField()
    device_ids = serializers.ListField(child=serializers.IntegerField())


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class ByType(WireSerializer):
    type = serializers.ChoiceField(Group.Type.choices)


class ByDevice(WireSerializer):
    device_id = DeviceReference()


class GroupMembers(WireSerializer):
    group_id = StrictInteger(min_value=1)
    device_ids = members(required=True)


@router.query("list", permission=VIEWER, output=GroupRow, many=True)
def list_groups(call):
    """All groups by name."""
    return queries.groups_matching()


@router.query("getById", permission=VIEWER, input=ById, output=GroupRow)
def get_by_id(call, *, id: int):
    """One group."""
    return queries.get_group(id)


@router.query("getByType", permission=VIEWER, input=ByType, output=GroupRow, many=True)
def get_by_type(call, *, type: str):
    """The groups of one type, by name."""
    return queries.groups_matching(type=type)


@router.query("getForDevice", permission=VIEWER, input=ByDevice, output=GroupRow, many=True)
def get_for_device(call, *, device_id: int | str):
    """The groups a device is in, by itself or through nesting, narrowest first."""
    return queries.groups_of_device(device_id=get_device(device_id).pk)


@router.query("previewFilter", permission=VIEWER, input=FilterPreview, output=FoundRow)
def preview_filter(call, *, filter: str, limit: int):
    """Who a filter finds now: how many, and the ids of the first. A bad one is a 400 that says where it is wrong."""
    return services.preview_filter(filter=filter, limit=limit)


@router.mutation("create", permission=OPERATOR, input=NewGroup, output=GroupRow)
def create(call, *, device_ids: list[int | str] | None = None, **properties):
    """Put devices together under a name, or have a filter find them; maybe inside another group."""
    members = get_device_ids(device_ids or [])
    return services.create_group(device_ids=members, at=timezone.now(), **properties)


@router.mutation("update", permission=OPERATOR, input=GroupChanges, output=GroupRow)
def update(call, *, id: int, device_ids: list[int | str] | None = None, **changes):
    """Change what is named, and nothing else; `deviceIds` are all its members, `parentId` null puts it on top.

    A `filter` takes over who is in it; null leaves the members it has to people.
    """
    if not changes and device_ids is None:
        raise InvalidInput("Nothing to change: name at least one property.")
    members = None if device_ids is None else get_device_ids(device_ids)
    return services.edit_group(group=queries.get_group(id), device_ids=members, at=timezone.now(), **changes)


@router.mutation("delete", permission=ADMIN, input=ById, output=serializers.BooleanField())
def delete(call, *, id: int):
    """Forget a group and what aims at it; its devices stay. A CONFLICT while other groups are inside it."""
    services.delete_group(group=queries.get_group(id))
    return True


@router.mutation("addDevices", permission=OPERATOR, input=GroupMembers, output=GroupRow)
def add_devices(call, *, group_id: int, device_ids: list[int | str]):
    """Put devices into a group; those that are in it already stay. A CONFLICT where a filter says who is in it."""
    group = queries.get_group(group_id)
    return services.add_devices(group=group, device_ids=get_device_ids(device_ids), at=timezone.now())


@router.mutation("removeDevices", permission=OPERATOR, input=GroupMembers, output=GroupRow)
def remove_devices(call, *, group_id: int, device_ids: list[int | str]):
    """Take devices out of a group; those not in it by themselves are not missed. A CONFLICT where it has a filter."""
    group = queries.get_group(group_id)
    return services.remove_devices(group=group, device_ids=get_device_ids(device_ids), at=timezone.now())
