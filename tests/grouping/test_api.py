import orjson
import pytest

from grouping.models import Group, Membership
from tests.builders import Trpc, data_of, make_device, make_group, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


def signed_in(client, role) -> Trpc:
    sign_in(client, make_user(role=role))
    return Trpc(client)


def fields_of(response) -> dict:
    return orjson.loads(response.content)["error"]["data"]["fieldErrors"]


def test_create_read_update_delete(client):
    api = signed_in(client, "admin")
    hall, press, pump = make_group(), make_device(external_id="press-1"), make_device()
    new = {
        "name": "Line 1",
        "type": "production_line",
        "description": "By the window",
        "parentId": hall.pk,
        "deviceIds": [pump.pk, "press-1"],
        "metadata": {"shiftLead": "Mira", "snake_case": [1]},
        "filter": None,
    }

    row = data_of(api.mutate("groups.create", new))

    times = {"createdAt": row["createdAt"], "updatedAt": row["updatedAt"]}
    assert row == {**new, "id": row["id"], "deviceIds": [press.pk, pump.pk], **times}
    assert data_of(api.query("groups.getById", {"id": row["id"]})) == row

    changed = data_of(api.mutate("groups.update", {"id": row["id"], "name": "Line 2", "parentId": None}))
    assert changed == {**row, "name": "Line 2", "parentId": None, "updatedAt": changed["updatedAt"]}
    changed = data_of(api.mutate("groups.update", {"id": row["id"], "deviceIds": [pump.pk]}))
    assert (changed["name"], changed["deviceIds"]) == ("Line 2", [pump.pk])

    assert data_of(api.mutate("groups.delete", {"id": row["id"]})) is True
    assert refusal_of(api.query("groups.getById", {"id": row["id"]}))[:2] == (404, "NOT_FOUND")


def test_members_come_and_go_and_may_do_so_twice(client):
    api = signed_in(client, "operator")
    group, press, pump = make_group(), make_device(external_id="press-1"), make_device()

    def after(procedure, *devices):
        row = data_of(api.mutate(procedure, {"groupId": group.pk, "deviceIds": devices}))
        assert data_of(api.query("groups.getById", {"id": group.pk})) == row
        return row["deviceIds"]

    assert after("groups.addDevices", pump.pk, "press-1", press.pk) == [press.pk, pump.pk]
    assert after("groups.addDevices", pump.pk) == [press.pk, pump.pk]
    assert after("groups.removeDevices", "press-1") == [pump.pk]
    assert after("groups.removeDevices", "press-1") == [pump.pk]
    assert after("groups.addDevices") == [pump.pk]


def test_the_groups_of_a_device_come_narrowest_first(client):
    api = signed_in(client, "user")
    press, pump = make_device(external_id="press-1"), make_device()
    hall = make_group(name="Hall", devices=[pump])
    line = make_group(name="Line", devices=[press], parent=hall)

    rows = data_of(api.query("groups.getForDevice", {"deviceId": "press-1"}))

    assert [(row["id"], row["deviceIds"]) for row in rows] == [(line.pk, [press.pk]), (hall.pk, [pump.pk])]
    assert data_of(api.query("groups.getForDevice", {"deviceId": make_device().pk})) == []
    assert refusal_of(api.query("groups.getForDevice", {"deviceId": "nobody"}))[:2] == (404, "NOT_FOUND")


def test_groups_are_listed_by_name_and_found_by_type(client):
    api = signed_in(client, "user")
    make_group(name="B", type="zone")
    make_group(name="A", type="department")

    assert [row["name"] for row in data_of(api.query("groups.list"))] == ["A", "B"]
    assert [row["name"] for row in data_of(api.query("groups.getByType", {"type": "zone"}))] == ["B"]
    assert data_of(api.query("groups.getByType", {"type": "custom"})) == []


@pytest.mark.parametrize("groups", [1, 3])
def test_lists_cost_the_same_for_any_number_of_groups(client, groups, django_assert_num_queries):
    api, device = signed_in(client, "user"), make_device()
    hall = None
    for _ in range(groups):
        hall = make_group(devices=[device, make_device()], parent=hall)

    with django_assert_num_queries(3):  # session with user, groups, members
        assert len(data_of(api.query("groups.list"))) == groups
    with django_assert_num_queries(3):
        assert len(data_of(api.query("groups.getByType", {"type": "custom"}))) == groups
    with django_assert_num_queries(6):  # session, device, where it is, how groups nest, groups, members
        assert len(data_of(api.query("groups.getForDevice", {"deviceId": device.pk}))) == groups
    with django_assert_num_queries(4):  # session, how groups nest, count, devices with presence
        assert len(data_of(api.query("devices.list", {"groupId": hall.pk}))) == 2


def test_devices_are_listed_by_group_nested_ones_too(client):
    api = signed_in(client, "user")
    press, pump, lamp = (make_device(name=name, zone="Hall A") for name in ("Press", "Pump", "Lamp"))
    hall = make_group(devices=[pump, press])
    line = make_group(devices=[press], parent=hall)
    make_group(devices=[lamp])

    def names(**wanted):
        response = api.query("devices.list", wanted)
        return [row["name"] for row in data_of(response)], response.headers["X-Total-Count"]

    assert names(groupId=hall.pk) == (["Press", "Pump"], "2")
    assert names(groupId=line.pk, zone="Hall A") == (["Press"], "1")
    assert names(groupId=hall.pk, search="pum") == (["Pump"], "1")
    assert names(groupId=hall.pk, limit=1, offset=1) == (["Pump"], "2")
    assert names(groupId=make_group().pk) == ([], "0")
    assert refusal_of(api.query("devices.list", {"groupId": 999})) == (
        404,
        "NOT_FOUND",
        "There is no group 999.",
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"type": "hall"}, "type"),
        ({"description": "x" * 501}, "description"),
        ({"parentId": "1"}, "parentId"),
        ({"parentId": 0}, "parentId"),
        ({"deviceIds": "press"}, "deviceIds"),
        ({"deviceIds": None}, "deviceIds"),
        ({"deviceIds": [True]}, "deviceIds.0"),
        ({"metadata": []}, "metadata"),
        ({"filter": {"zone": "Hall A"}}, "filter"),
        ({"filter": "zone"}, "filter"),
    ],
)
def test_bad_properties_are_named(client, change, field):
    api = signed_in(client, "operator")
    group = make_group()

    for response in (
        api.mutate("groups.create", {"name": "Hall", "type": "zone", **change}),
        api.mutate("groups.update", {"id": group.pk, **change}),
    ):
        assert refusal_of(response)[:2] == (400, "BAD_REQUEST")
        assert list(fields_of(response)) == [field]
    assert list(Group.objects.values_list("name", flat=True)) == [group.name]


def test_refusals_of_place_and_name_say_where(client):
    api = signed_in(client, "operator")
    hall = make_group(name="Hall")
    line = make_group(parent=hall)

    circle = api.mutate("groups.update", {"id": hall.pk, "parentId": line.pk})
    assert refusal_of(circle)[:2] == (400, "BAD_REQUEST")
    assert fields_of(circle) == {"parentId": ["a group cannot be inside itself"]}
    nowhere = api.mutate("groups.create", {"name": "Cell", "type": "zone", "parentId": 999})
    assert refusal_of(nowhere)[:2] == (404, "NOT_FOUND")
    taken = api.mutate("groups.create", {"name": "Hall", "type": "zone"})
    assert refusal_of(taken) == (409, "CONFLICT", "name: Hall is in use already")


def test_nothing_and_nobody_is_refused(client):
    api = signed_in(client, "operator")
    group = make_group()

    assert refusal_of(api.mutate("groups.update", {"id": group.pk}))[0] == 400
    assert refusal_of(api.mutate("groups.update", {"id": 999, "name": "x"}))[1] == "NOT_FOUND"
    for procedure in ("groups.addDevices", "groups.removeDevices"):
        assert refusal_of(api.mutate(procedure, {"groupId": group.pk}))[0] == 400
        assert refusal_of(api.mutate(procedure, {"groupId": 999, "deviceIds": []}))[1] == "NOT_FOUND"
        nobody = {"groupId": group.pk, "deviceIds": [make_device().pk, "nobody"]}
        assert refusal_of(api.mutate(procedure, nobody)) == (404, "NOT_FOUND", "There is no device 'nobody'.")
    assert Membership.objects.count() == 0


def test_a_stranger_learns_nothing(client):
    make_group(name="Hall", devices=[make_device()])

    for procedure in ("groups.list", "groups.getById", "groups.getByType", "groups.getForDevice"):
        response = Trpc(client).query(procedure, {"id": 1})
        assert refusal_of(response) == (401, "UNAUTHORIZED", "Sign in first.")


def test_a_viewer_changes_nothing_and_an_operator_deletes_nothing(client):
    api = signed_in(client, "user")
    group, device = make_group(name="Hall"), make_device()

    for procedure, input in {
        "groups.create": {"name": "Line", "type": "zone"},
        "groups.update": {"id": group.pk, "name": "Line"},
        "groups.addDevices": {"groupId": group.pk, "deviceIds": [device.pk]},
        "groups.removeDevices": {"groupId": group.pk, "deviceIds": [device.pk]},
        "groups.delete": {"id": group.pk},
    }.items():
        assert refusal_of(api.mutate(procedure, input))[:2] == (403, "FORBIDDEN")
    client.cookies.clear()
    sign_in(client, make_user(role="technician"))
    assert refusal_of(api.mutate("groups.delete", {"id": group.pk}))[:2] == (403, "FORBIDDEN")

    assert [(group.name, group.device_ids) for group in Group.objects.all()] == [("Hall", [])]


def test_a_group_with_groups_inside_is_a_conflict_to_delete(client):
    api = signed_in(client, "admin")
    hall = make_group(name="Hall")
    make_group(name="Line 1", parent=hall)

    assert refusal_of(api.mutate("groups.delete", {"id": hall.pk})) == (
        409,
        "CONFLICT",
        "There are groups inside Hall: Line 1. Move or delete them first.",
    )
    assert Group.objects.count() == 2
