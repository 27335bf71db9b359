import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.services import delete_devices
from grouping.models import Group, Membership
from grouping.queries import GroupUnknown, get_group, groups_of_devices, members_of
from tests.builders import NOON, make_device, make_group

pytestmark = pytest.mark.django_db


def test_a_device_is_in_its_groups_and_in_all_those_are_inside_of():
    press, pump, lamp = make_device(), make_device(), make_device()
    hall = make_group(devices=[pump])
    line = make_group(devices=[press], parent=hall)
    night_shift = make_group(devices=[press])

    found = groups_of_devices(device_ids=[press.pk, pump.pk, lamp.pk])

    assert found == {press.pk: [line.pk, hall.pk, night_shift.pk], pump.pk: [hall.pk]}
    assert members_of(group_id=hall.pk) == [press.pk, pump.pk]
    assert members_of(group_id=line.pk) == [press.pk]


def test_the_narrowest_is_the_deepest_not_the_youngest():
    device = make_device()
    hall = make_group()
    line = make_group(parent=hall, devices=[device])
    young = make_group(devices=[device])

    assert groups_of_devices(device_ids=[device.pk]) == {device.pk: [line.pk, hall.pk, young.pk]}


def test_a_group_that_is_not_there_is_told():
    with pytest.raises(GroupUnknown, match="There is no group 7"):
        get_group(7)
    with pytest.raises(GroupUnknown, match="There is no group 7"):
        members_of(group_id=7)


@pytest.mark.parametrize("devices", [1, 3])
def test_asking_costs_two_queries_for_any_number_of_devices(devices, django_assert_num_queries):
    hall = make_group(devices=[make_device()])
    ids = make_group(devices=[make_device() for _ in range(devices)], parent=hall).device_ids

    with django_assert_num_queries(2):
        assert len(groups_of_devices(device_ids=iter(ids))) == devices
    with django_assert_num_queries(2):
        assert len(members_of(group_id=hall.pk)) == devices + 1


def test_a_deleted_device_is_in_no_group():
    device, other = make_device(), make_device()
    group = make_group(devices=[device, other])

    delete_devices(devices=[device])

    assert get_group(group.pk).device_ids == [other.pk]
    assert Membership.objects.count() == 1


# Against brute force

PLACES = st.integers(0, 7)
# Each group is inside an earlier one, or in none; so no circle, and at most eight deep.
FOREST = st.lists(st.one_of(st.none(), st.integers(0, 6)), min_size=8, max_size=8).map(
    lambda drawn: [None if p is None or not n else p % n for n, p in enumerate(drawn)]
)


@pytest.fixture
def three_devices():
    return [make_device() for _ in range(3)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forest=FOREST, seats=st.sets(st.tuples(PLACES, st.integers(0, 2)), max_size=16))
def test_everybodys_groups_are_those_found_by_asking_every_group(three_devices, forest, seats):
    Membership.objects.all().delete()
    Group.objects.update(parent=None)
    Group.objects.all().delete()
    groups = []
    for place, parent in enumerate(forest):
        inside = groups[parent].pk if parent is not None else None
        group = Group(name=str(place), type="custom", parent_id=inside, created_at=NOON, updated_at=NOON)
        group.save()
        groups.append(group)
    for place, device in seats:
        Membership.objects.create(group=groups[place], device=three_devices[device])

    # What a group has is handed outwards until nothing changes any more.
    members = {place: {device for seat, device in seats if seat == place} for place in range(8)}
    for _ in range(8):
        for place, parent in enumerate(forest):
            if parent is not None:
                members[parent] |= members[place]

    def depth(place):
        return 1 if forest[place] is None else 1 + depth(forest[place])

    expected = {}
    for number, device in enumerate(three_devices):
        inside = [place for place in range(8) if number in members[place]]
        if inside:
            inside.sort(key=lambda place: (-depth(place), groups[place].pk))
            expected[device.pk] = [groups[place].pk for place in inside]
    assert groups_of_devices(device_ids=[device.pk for device in three_devices]) == expected
    for place, group in enumerate(groups):
        assert members_of(group_id=group.pk) == sorted(three_devices[n].pk for n in members[place])
