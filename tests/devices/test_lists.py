"""Lists of devices: filtered, sorted, and at the same cost for one device and ten thousand."""

from datetime import timedelta

import pytest

from devices.models import Device, Presence
from devices.queries import SORTS, device_ids_matching, devices_matching
from devices.services import deactivate_devices, note_seen
from factory.errors import InvalidInput
from tests.builders import NOON, Trpc, data_of, make_device, make_group, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db

LIST_QUERIES = 4  # who asks (session and user in one), the filter's facts, the count, the rows


@pytest.fixture
def api(client):
    sign_in(client, make_user(role="user"))
    return Trpc(client)


def names(response) -> list[str]:
    return [row["name"] for row in data_of(response)]


def make_many(count: int) -> None:
    """Devices without what only their own actions need."""
    devices = [
        Device(external_id=f"d-{n}", name=f"Device {n:05}", type="sensor", zone=f"Z{n % 3}", tags=["a"])
        for n in range(count)
    ]
    Device.objects.bulk_create(devices)
    ids = Device.objects.values_list("pk", flat=True)
    Presence.objects.bulk_create(Presence(device_id=pk) for pk in ids)


def test_a_list_is_narrowed_by_a_filter(api):
    make_device(name="Press 1", zone="A", firmware_version="2.9")
    make_device(name="Press 2", zone="A", firmware_version="2.10")
    make_device(name="Pump", zone="A", firmware_version="2.10", status="error")
    make_device(name="Press 3", zone="B", firmware_version="2.10")

    response = api.query("devices.list", {"filter": "firmware > 2.9 and name like 'Press *'", "zone": "A"})

    assert names(response) == ["Press 2"]
    assert response["X-Total-Count"] == "1"
    response = api.query("devices.list", {"filter": "zone = A", "status": "error"})
    assert (names(response), response["X-Total-Count"]) == (["Pump"], "1")


def test_a_filter_and_a_group_narrow_together(api):
    inside, outside = make_device(name="In", zone="A"), make_device(name="Out", zone="A")
    group = make_group(devices=[inside, make_device(zone="B")])

    assert names(api.query("devices.list", {"filter": "zone = A", "groupId": group.pk})) == ["In"]
    assert device_ids_matching("zone = A") == [inside.pk, outside.pk]
    assert device_ids_matching("zone = A", among=[outside.pk, 999]) == [outside.pk]
    assert device_ids_matching("zone = A", among=[]) == []


def test_bad_input_is_refused_at_its_field(api):
    told = refusal_of(api.query("devices.list", {"filter": "zone ="}))
    assert told == (
        400,
        "BAD_REQUEST",
        "filter: at position 7: it ends too early; expected one of a word, a text in quotes",
    )
    for bad in (
        {"filter": 5},
        {"filter": ""},
        {"sort": "colour"},
        {"sort": "--name"},
        {"includeDeactivated": 1},
    ):
        assert refusal_of(api.query("devices.list", bad))[:2] == (400, "BAD_REQUEST")
    with pytest.raises(InvalidInput):
        devices_matching(filter="zone")


def test_those_out_of_service_are_listed_where_they_are_asked_for(api):
    make_device(name="Here")
    gone = make_device(name="Gone")
    deactivate_devices(device_ids=[gone.pk], at=NOON)

    assert names(api.query("devices.list")) == ["Here"]
    [row, _] = data_of(api.query("devices.list", {"includeDeactivated": True}))
    assert (row["name"], row["deactivatedAt"]) == ("Gone", "2026-06-01T12:00:00.000Z")


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_a_list_is_sorted_either_way(api, sort):
    first = make_device(external_id="a", name="A", type="actuator", zone="A", location="A", status="error")
    second = make_device(external_id="b", name="B", type="sensor", zone="B", location="B", status="offline")
    Device.objects.filter(pk=second.pk).update(firmware_version="2")
    note_seen(device_ids=[first.pk], at=NOON)
    note_seen(device_ids=[second.pk], at=NOON + timedelta(seconds=1))
    Device.objects.filter(pk=second.pk).update(status="online")

    assert names(api.query("devices.list", {"sort": sort})) == ["A", "B"]
    assert names(api.query("devices.list", {"sort": f"-{sort}"})) == ["B", "A"]


def test_those_never_heard_come_first_in_the_order_of_being_heard(api):
    make_device(name="Never")
    note_seen(device_ids=[make_device(name="Lately").pk], at=NOON)

    assert names(api.query("devices.list", {"sort": "lastSeen"})) == ["Never", "Lately"]
    assert names(api.query("devices.list", {"sort": "-lastSeen"})) == ["Lately", "Never"]


def test_pages_have_nobody_twice(api):
    for _ in range(7):
        make_device(name="The same", zone="A")

    pages = [
        [
            row["id"]
            for row in data_of(api.query("devices.list", {"limit": 3, "offset": offset, "sort": "-zone"}))
        ]
        for offset in (0, 3, 6)
    ]

    assert sorted(pk for page in pages for pk in page) == list(
        Device.objects.order_by("pk").values_list("pk", flat=True)
    )


@pytest.mark.parametrize("devices", [1, 3, 10_000])
def test_a_list_costs_the_same_number_of_queries(api, devices, django_assert_num_queries):
    make_many(devices)
    wanted = {"filter": "zone != Z9 and tag = a", "search": "device", "tag": "a", "sort": "-lastSeen"}

    with django_assert_num_queries(LIST_QUERIES):
        response = api.query("devices.list", wanted)

    assert response["X-Total-Count"] == str(devices)
    assert len(data_of(response)) == min(devices, 1000)


@pytest.mark.parametrize("devices", [1, 3])
def test_an_export_costs_the_same_number_of_queries(api, devices, django_assert_num_queries):
    make_many(devices)

    with django_assert_num_queries(3):  # who asks, the ids, one page of a thousand
        response = api.query("devices.exportCsv", {})
        assert len(b"".join(response.streaming_content).splitlines()) == devices + 1
