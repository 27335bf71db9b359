from datetime import timedelta

import pytest

from devices.queries import DeviceUnknown
from factory.errors import InvalidInput
from grouping.models import Group, Membership
from grouping.queries import GroupUnknown, get_group
from grouping.services import (
    GroupMisplaced,
    GroupNameTaken,
    GroupNotEmpty,
    add_devices,
    create_group,
    delete_group,
    edit_group,
    remove_devices,
)
from grouping.signals import membership_changed
from tests.builders import NOON, make_device, make_group

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def told():
    """(group, members at that time, whether it is going), for each time others were told."""
    heard = []

    def listen(sender, group, is_going, **kwargs):
        assert Group.objects.filter(pk=group.pk).exists()
        heard.append((group.pk, group.device_ids, is_going))

    membership_changed.connect(listen)
    yield heard
    membership_changed.disconnect(listen)


def nest(levels, *, inside=None):
    """A chain of groups, from outside."""
    chain = [inside] if inside else []
    for _ in range(levels):
        chain.append(make_group(parent=chain[-1] if chain else None))
    return chain


def test_every_change_of_who_is_in_a_group_is_told_and_nothing_else(told):
    device, other = make_device(), make_device()
    hall = make_group()
    assert told == []

    line = make_group(devices=[device], parent=hall)
    add_devices(group=line, device_ids=[device.pk], at=NOON)
    add_devices(group=line, device_ids=[device.pk, other.pk], at=NOON)
    remove_devices(group=line, device_ids=[device.pk], at=NOON)
    remove_devices(group=line, device_ids=[device.pk], at=NOON)
    edit_group(group=line, name="Line 1", type="zone", parent_id=hall.pk, at=NOON)
    edit_group(group=line, parent_id=None, at=NOON)
    edit_group(group=line, device_ids=[device.pk], at=NOON)
    edit_group(group=line, device_ids=[device.pk], at=NOON)
    delete_group(group=line)

    assert told == [
        (line.pk, [device.pk], False),
        (line.pk, [device.pk, other.pk], False),
        (line.pk, [other.pk], False),
        (line.pk, [other.pk], False),
        (line.pk, [device.pk], False),
        (line.pk, [], True),
    ]


def test_what_a_listener_refuses_has_not_happened():
    device = make_device()
    group = make_group()

    def refuse(sender, **kwargs):
        raise GroupUnknown("Not with me.")

    membership_changed.connect(refuse)
    try:
        with pytest.raises(GroupUnknown):
            add_devices(group=group, device_ids=[device.pk], at=NOON)
        with pytest.raises(GroupUnknown):
            delete_group(group=group)
    finally:
        membership_changed.disconnect(refuse)

    assert get_group(group.pk).device_ids == []


def test_a_group_cannot_be_put_inside_itself():
    hall, line, cell = nest(3)

    for inside in (hall, line, cell):
        with pytest.raises(GroupMisplaced, match="parentId: a group cannot be inside itself"):
            edit_group(group=hall, parent_id=inside.pk, at=LATER)

    assert Group.objects.get(pk=hall.pk).parent_id is None


def test_groups_nest_eight_deep_whichever_end_is_moved():
    outer, inner = nest(4), nest(4)
    edit_group(group=inner[0], parent_id=outer[-1].pk, at=NOON)

    with pytest.raises(GroupMisplaced, match="at most 8 deep"):
        make_group(parent=inner[-1])
    with pytest.raises(GroupMisplaced, match="at most 8 deep"):
        edit_group(group=outer[0], parent_id=make_group().pk, at=NOON)
    edit_group(group=inner[0], parent_id=outer[-2].pk, at=NOON)
    nest(1, inside=inner[-1])


def test_a_group_moves_within_its_own_chain():
    hall, line, cell = nest(3)

    edit_group(group=cell, parent_id=hall.pk, at=NOON)
    edit_group(group=line, parent_id=cell.pk, at=NOON)

    assert list(Group.objects.order_by("pk").values_list("parent_id", flat=True)) == [None, cell.pk, hall.pk]


def test_a_group_with_groups_inside_is_not_deleted():
    hall = make_group(name="Hall")
    cells = [make_group(name=f"Cell {letter}", parent=hall) for letter in "ABCD"]

    with pytest.raises(GroupNotEmpty) as refusal:
        delete_group(group=hall)
    assert refusal.value.message == (
        "There are groups inside Hall: Cell A, Cell B, Cell C, …. Move or delete them first."
    )

    for group in [*cells, hall]:
        delete_group(group=group)
    assert Group.objects.count() == 0


def test_deleting_a_group_leaves_its_devices():
    device = make_device()
    delete_group(group=make_group(devices=[device]))

    assert Membership.objects.count() == 0
    device.refresh_from_db()


def test_a_name_is_taken_once_and_told_by_capitals_and_accents():
    make_group(name="Halle 1")
    make_group(name="halle 1")
    other = make_group(name="Hallé 1")

    for refused in (
        lambda: make_group(name="Halle 1"),
        lambda: edit_group(group=other, name="Halle 1", at=NOON),
    ):
        with pytest.raises(GroupNameTaken) as refusal:
            refused()
        assert list(refusal.value.fields) == ["name"]
    assert Group.objects.get(pk=other.pk).name == "Hallé 1"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"type": "hall"}, "type"),
        ({"description": "x" * 501}, "description"),
        ({"metadata": None}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": float("nan")}}, "metadata"),
    ],
)
def test_services_refuse_what_a_form_would(change, field):
    group = make_group()

    with pytest.raises(InvalidInput) as refusal:
        create_group(**{"name": "Hall", "type": "zone", "at": NOON, **change})
    assert list(refusal.value.fields) == [field]
    with pytest.raises(InvalidInput):
        edit_group(group=group, at=NOON, **change)


def test_one_unknown_device_keeps_all_of_them_out():
    device, gone = make_device(), make_device()
    pk = gone.pk
    gone.delete()
    group = make_group()

    with pytest.raises(DeviceUnknown, match=f"There is no device {pk}"):
        add_devices(group=group, device_ids=[device.pk, pk], at=LATER)
    with pytest.raises(DeviceUnknown):
        make_group(name="Hall", devices=[device, type(device)(pk=pk)])

    assert Membership.objects.count() == 0
    assert list(Group.objects.values_list("pk", "updated_at")) == [(group.pk, NOON)]


def test_an_unknown_group_is_no_place_to_be():
    with pytest.raises(GroupUnknown) as refusal:
        create_group(name="Line", type="zone", parent_id=999, at=NOON)
    assert refusal.value.fields == {"parentId": ["there is no group 999"]}


def test_a_group_that_is_gone_is_not_written_to():
    group = make_group()
    Group.objects.all().delete()

    with pytest.raises(GroupUnknown):
        edit_group(group=group, name="x", at=NOON)
    with pytest.raises(GroupUnknown):
        add_devices(group=group, device_ids=[], at=NOON)
    with pytest.raises(GroupUnknown):
        remove_devices(group=group, device_ids=[], at=NOON)
    with pytest.raises(GroupUnknown):
        delete_group(group=group)


def test_editing_writes_only_what_was_changed():
    stale = make_group(name="Hall", description="north")
    edit_group(group=stale, description="south", at=NOON)

    edit_group(group=stale, name="Hall A", at=LATER)

    group = Group.objects.get()
    assert (group.name, group.description, group.updated_at) == ("Hall A", "south", LATER)


def test_new_members_move_the_time_of_the_last_change():
    group, device = make_group(), make_device()

    remove_devices(group=group, device_ids=[device.pk], at=LATER)
    assert get_group(group.pk).updated_at == NOON
    add_devices(group=group, device_ids=[device.pk], at=LATER)
    assert get_group(group.pk).updated_at == LATER
