import pytest

from grouping.models import Group, Membership
from grouping.services import add_devices, remove_devices
from tests.builders import NOON, make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
GROUPS = "/admin/grouping/group/"


@pytest.fixture(autouse=True)
def _boss(client):
    sign_in(client, make_user(role="admin"))


def form_of(group, *members, **changes):
    """What a browser would send for this group, opened when these were its members."""
    form = {"name": group.name, "type": group.type, "description": group.description, "metadata": "{}"}
    names = "\r\n".join(device.external_id for device in members)
    shown = {"initial-metadata": "{}", "initial-members": names}
    return {**form, "parent": group.parent_id or "", "members": names, **shown, **changes}


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def test_a_group_can_be_added_edited_and_deleted(client):
    hall, press, pump = make_group(), make_device(external_id="press-1"), make_device(external_id="pump-1")
    new = form_of(Group(name="Line 1", type="zone"), members="press-1\r\npump-1\r\n", parent=hall.pk)

    assert client.post(f"{GROUPS}add/", new).status_code == 302
    line = Group.objects.get(name="Line 1")
    assert (line.parent_id, line.device_ids) == (hall.pk, [press.pk, pump.pk])

    change = form_of(line, press, pump, name="Line 2", parent="", members="pump-1", metadata='{"a": 1}')
    assert client.post(f"{GROUPS}{line.pk}/change/", change).status_code == 302
    line = Group.objects.get(pk=line.pk)
    assert (line.name, line.parent_id, line.device_ids, line.metadata) == (
        "Line 2",
        None,
        [pump.pk],
        {"a": 1},
    )

    assert client.post(f"{GROUPS}{line.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(Group.objects.all()) == [hall]


def test_who_came_and_went_while_the_form_was_open_did_so(client):
    stays, goes, comes, removed = (make_device(external_id=name) for name in ("a", "b", "c", "d"))
    group = make_group(name="Hall", devices=[stays, goes, removed])
    page = client.get(f"{GROUPS}{group.pk}/change/").content.decode()
    assert 'name="initial-members"' in page
    add_devices(group=group, device_ids=[comes.pk], at=NOON)
    remove_devices(group=group, device_ids=[goes.pk], at=NOON)

    change = form_of(group, stays, goes, removed, name="Hall A", members="a\r\nb")
    assert client.post(f"{GROUPS}{group.pk}/change/", change).status_code == 302

    assert Group.objects.get().name == "Hall A"
    assert group.device_ids == [stays.pk, comes.pk]


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"name": ""}, {"name": ["This field is required."]}),
        ({"name": "Taken"}, {"name": ["Group with this Name already exists."]}),
        ({"members": "nobody"}, {"members": ["There is no device 'nobody'."]}),
        ({"metadata": "[]"}, {"metadata": ["must be an object"]}),
        ({"metadata": "{"}, {"metadata": ["Enter a valid JSON."]}),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_field(client, change, errors):
    make_group(name="Taken")
    group = make_group(devices=[make_device(external_id="press-1")])

    response = client.post(f"{GROUPS}{group.pk}/change/", form_of(group, *Group.objects.none(), **change))

    assert errors_of(response) == errors
    assert Membership.objects.count() == 1


def test_a_circle_and_a_ninth_level_are_told_at_their_field(client):
    chain = [make_group()]
    for _ in range(7):
        chain.append(make_group(parent=chain[-1]))

    response = client.post(f"{GROUPS}{chain[0].pk}/change/", form_of(chain[0], parent=chain[2].pk))
    assert errors_of(response) == {"parent": ["a group cannot be inside itself"]}
    new = form_of(Group(name="Ninth", type="zone"), parent=chain[-1].pk)
    assert errors_of(client.post(f"{GROUPS}add/", new)) == {"parent": ["groups nest at most 8 deep"]}


@pytest.mark.parametrize("way", ["one", "many"])
def test_a_group_with_groups_inside_is_not_deleted_and_says_which(client, way):
    hall, other = make_group(name="Hall"), make_group()
    make_group(name="Line 1", parent=hall)

    if way == "one":
        response = client.post(f"{GROUPS}{hall.pk}/delete/", {"post": "yes"})
    else:
        selected = {"action": "delete_selected", "_selected_action": [hall.pk, other.pk], "post": "yes"}
        response = client.post(GROUPS, selected)

    assert response.context["protected"] == ["Line 1"]
    assert Group.objects.count() == 3


def test_groups_selected_with_all_that_is_inside_are_deleted(client):
    hall = make_group(devices=[make_device()])
    line = make_group(parent=hall, devices=[make_device()])
    selected = {"action": "delete_selected", "_selected_action": [hall.pk, line.pk], "post": "yes"}

    assert client.post(GROUPS, selected).status_code == 302
    assert (Group.objects.count(), Membership.objects.count()) == (0, 0)


@pytest.mark.parametrize("groups", [1, 3])
def test_the_list_counts_members_at_the_same_cost_for_any_number_of_groups(
    client, groups, django_assert_num_queries
):
    hall = None
    for _ in range(groups):
        hall = make_group(devices=[make_device(), make_device()], parent=hall)

    with django_assert_num_queries(
        3
    ):  # session with user, a count that ends, groups with their members counted
        response = client.get(GROUPS)

    assert [group.devices for group in response.context["cl"].result_list] == [2] * groups
