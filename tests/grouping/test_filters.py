"""Groups that fill themselves."""

import pytest

from alerts.rulebook import current_edition
from devices.models import Device
from devices.presence import Word, hear_status
from devices.services import (
    deactivate_devices,
    delete_devices,
    edit_device,
    note_seen,
    reactivate_device,
)
from factory.errors import InvalidInput
from grouping.models import Group, Membership
from grouping.queries import members_of
from grouping.services import GroupFillsItself, add_devices, edit_group, refresh_members, remove_devices
from tests.builders import NOON, Trpc, data_of, make_device, make_group, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(monkeypatch):
    """The devices that the filters are asked about, as tasks that Celery would get."""
    handed = []
    monkeypatch.setattr(
        "factory.queueing.messenger.hand_over", lambda task, kwargs: handed.append((task.name, kwargs))
    )
    return handed


def test_a_group_with_a_filter_has_whom_it_finds():
    pump, _press = make_device(zone="A", tags=["pump"]), make_device(zone="A")
    make_device(zone="B", tags=["pump"])

    group = make_group(filter="zone = A and tag = pump")

    assert group.device_ids == [pump.pk]


def test_members_follow_what_changes_and_rules_are_read_anew():
    press, pump = make_device(zone="A"), make_device(zone="B")
    group = make_group(filter="zone = A")
    hall = make_group()
    edit_group(group=group, parent_id=hall.pk, at=NOON)
    before = current_edition()

    edit_device(device=press, zone="B", at=NOON)
    edit_device(device=pump, zone="A", at=NOON)

    assert refresh_members(at=NOON, device_ids=[press.pk]) == {group.pk}
    assert group.device_ids == []
    assert refresh_members(at=NOON) == {group.pk}
    assert group.device_ids == members_of(group_id=hall.pk) == [pump.pk]
    assert current_edition() != before


def test_where_nothing_differs_nothing_is_written_and_nothing_locked(django_assert_num_queries):
    for _ in range(5):
        make_device(zone="A")
    for zone in "AABC":
        make_group(filter=f"zone = {zone}")
    before = current_edition()

    with django_assert_num_queries(3) as queries:  # the filters, the devices, the members
        assert refresh_members(at=NOON) == set()

    assert all(query["sql"].startswith("SELECT") and "FOR UPDATE" not in query["sql"] for query in queries)
    assert current_edition() == before


def test_without_such_groups_there_is_one_query(django_assert_num_queries):
    make_group(devices=[make_device()])

    with django_assert_num_queries(1):
        assert refresh_members(at=NOON) == set()


def test_only_the_groups_and_devices_that_are_named_are_looked_at():
    groups = [make_group(filter="zone = A") for _ in range(2)]
    devices = [make_device(zone="A") for _ in range(2)]

    assert refresh_members(at=NOON, group_ids=[groups[0].pk], device_ids=[devices[1].pk]) == {groups[0].pk}

    assert [group.device_ids for group in groups] == [[devices[1].pk], []]


def test_a_filter_replaces_members_and_leaves_them_when_it_goes():
    picked, found = make_device(), make_device(zone="A")
    group = make_group(devices=[picked])

    edit_group(group=group, filter="zone = A", at=NOON)
    assert group.device_ids == [found.pk]

    edit_group(group=group, filter="", at=NOON)
    assert group.device_ids == [found.pk]
    assert add_devices(group=group, device_ids=[picked.pk], at=NOON).device_ids == [picked.pk, found.pk]


def test_nobody_is_put_in_or_taken_out_by_hand():
    device = make_device(zone="A")
    group = make_group(filter="zone = A")

    for by_hand in (add_devices, remove_devices):
        with pytest.raises(GroupFillsItself):
            by_hand(group=group, device_ids=[device.pk], at=NOON)
    with pytest.raises(GroupFillsItself):
        edit_group(group=group, device_ids=[], at=NOON)
    with pytest.raises(InvalidInput):
        make_group(filter="zone = A", devices=[device])
    picked = make_group(devices=[device])
    with pytest.raises(InvalidInput):
        edit_group(group=picked, filter="zone = A", device_ids=[], at=NOON)

    assert Membership.objects.count() == 2


def test_devices_out_of_service_or_gone_are_in_no_such_group():
    devices = [make_device(zone="A") for _ in range(3)]
    group = make_group(filter="zone = A")

    deactivate_devices(device_ids=[devices[0].pk], at=NOON)
    delete_devices(devices=[devices[1]])
    refresh_members(at=NOON)
    assert group.device_ids == [devices[2].pk]

    reactivate_device(device=devices[0], at=NOON)
    refresh_members(at=NOON)
    assert group.device_ids == [devices[0].pk, devices[2].pk]


def test_a_filter_nobody_can_read_any_more_keeps_its_members():
    device = make_device()
    group = make_group(devices=[device])
    Group.objects.update(filter="colour = red")

    assert refresh_members(at=NOON) == set()
    assert group.device_ids == [device.pk]


def test_what_changes_of_a_device_is_looked_at(told, django_capture_on_commit_callbacks):
    make_group(filter="status = online")
    with django_capture_on_commit_callbacks(execute=True):
        device = make_device()
    with django_capture_on_commit_callbacks(execute=True):
        edit_device(device=device, name="Press", at=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        note_seen(device_ids=[device.pk], at=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        note_seen(device_ids=[device.pk], at=NOON)  # it was there already: no news
    with django_capture_on_commit_callbacks(execute=True):
        hello = Word(is_online=True, firmware_version="2.1")
        hear_status(external_id=device.external_id, word=hello, at=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        deactivate_devices(device_ids=[device.pk], at=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        reactivate_device(device=Device.objects.get(), at=NOON)

    looks = [kwargs for name, kwargs in told if name == "grouping.tasks.refresh_members"]
    assert looks == [{"device_ids": [device.pk]}] * 6


def test_many_devices_are_looked_at_as_all(told, django_capture_on_commit_callbacks):
    from devices.services import tell_of_changes

    make_group(filter="status = online")
    with django_capture_on_commit_callbacks(execute=True):
        tell_of_changes(range(1, 1002))

    assert told == [("grouping.tasks.refresh_members", {"device_ids": None})]


def test_without_such_groups_nobody_is_asked(told, django_capture_on_commit_callbacks):
    make_group()
    with django_capture_on_commit_callbacks(execute=True):
        make_device()

    assert told == []


# Over the API


def test_filters_over_the_api(client):
    sign_in(client, make_user(role="operator"))
    api = Trpc(client)
    press = make_device(zone="A")

    row = data_of(
        api.mutate("groups.create", {"name": "Hall A", "type": "zone", "filter": " zone = A "}),
    )
    assert (row["filter"], row["deviceIds"]) == ("zone = A", [press.pk])
    refused = api.mutate("groups.addDevices", {"groupId": row["id"], "deviceIds": [press.pk]})
    assert refusal_of(refused) == (
        409,
        "CONFLICT",
        "Hall A fills itself: its filter says who is in it. Change the filter, or take it away.",
    )
    changed = data_of(api.mutate("groups.update", {"id": row["id"], "filter": "zone = B"}))
    assert (changed["filter"], changed["deviceIds"]) == ("zone = B", [])
    kept = data_of(api.mutate("groups.update", {"id": row["id"], "filter": None}))
    assert (kept["filter"], kept["deviceIds"]) == (None, [])


def test_a_bad_filter_is_refused_at_its_place(client):
    sign_in(client, make_user(role="operator"))
    api = Trpc(client)
    told = "filter: at position 8: 'pump' is no type; expected one of sensor, actuator, controller, gateway"

    created = api.mutate("groups.create", {"name": "Pumps", "type": "zone", "filter": "type = pump"})
    assert refusal_of(created) == (400, "BAD_REQUEST", told)
    group = make_group()
    updated = api.mutate("groups.update", {"id": group.pk, "filter": "type = pump"})
    assert refusal_of(updated) == (400, "BAD_REQUEST", told)
    previewed = api.query("groups.previewFilter", {"filter": "type = pump"})
    assert refusal_of(previewed) == (400, "BAD_REQUEST", told)
    assert refusal_of(api.mutate("groups.update", {"id": group.pk, "filter": 5}))[:2] == (400, "BAD_REQUEST")
    assert list(Group.objects.values_list("filter", flat=True)) == [""]


def test_a_filter_can_be_tried(client):
    sign_in(client, make_user(role="user"))
    ids = [make_device(zone="A").pk for _ in range(3)]
    make_device(zone="B")

    found = data_of(Trpc(client).query("groups.previewFilter", {"filter": "zone = A", "limit": 2}))

    assert found == {"total": 3, "deviceIds": ids[:2]}


def test_the_admin_fills_groups_by_filter(client):
    sign_in(client, make_user(role="admin"))
    press, pump = make_device(external_id="press", zone="A"), make_device(external_id="pump")
    new = {"name": "Hall", "type": "zone", "metadata": "{}", "filter": "zone = A", "members": ""}

    assert client.post("/admin/grouping/group/add/", new).status_code == 302
    group = Group.objects.get()
    assert (group.filter, group.device_ids) == ("zone = A", [press.pk])

    url = f"/admin/grouping/group/{group.pk}/change/"
    shown = {**new, "initial-metadata": "{}", "initial-members": "press", "members": "press"}
    assert client.post(url, {**shown, "name": "Hall A"}).status_code == 302
    bad = client.post(url, {**shown, "filter": "zone ="})
    assert dict(bad.context["adminform"].form.errors) == {
        "filter": ["at position 7: it ends too early; expected one of a word, a text in quotes"]
    }
    by_hand = client.post(url, {**shown, "members": "press\npump"})
    assert dict(by_hand.context["adminform"].form.errors) == {
        "members": ["A group with a filter fills itself."]
    }
    assert client.post(url, {**shown, "filter": "", "members": "press\npump"}).status_code == 302
    group.refresh_from_db()
    assert (group.filter, group.device_ids) == ("", [press.pk, pump.pk])
