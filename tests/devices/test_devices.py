from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import Credential, Device, Presence
from devices.queries import alive_credential
from devices.services import edit_device, note_seen, notice_silent_devices, revoke_token
from factory.errors import InvalidInput
from tests.builders import NOON, Trpc, data_of, make_device, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def technician(client):
    sign_in(client, make_user(role="technician"))
    return Trpc(client)


def test_a_new_device_gets_its_token_once(technician):
    row = data_of(
        technician.mutate(
            "devices.create",
            {
                "deviceId": "press-3",
                "name": "Press 3",
                "type": "controller",
                "zone": "Hall B",
                "metadata": {"lineSpeed": 3, "snake_case": [1]},
                "tags": ["press", "line 2"],
            },
        )
    )

    token = row.pop("token")
    assert row == {
        "id": row["id"],
        "deviceId": "press-3",
        "name": "Press 3",
        "type": "controller",
        "status": "offline",
        "location": "",
        "zone": "Hall B",
        "firmwareVersion": "",
        "lastSeen": None,
        "metadata": {"lineSpeed": 3, "snake_case": [1]},
        "tags": ["press", "line 2"],
        "createdAt": row["createdAt"],
        "updatedAt": row["updatedAt"],
    }
    assert data_of(technician.query("devices.getById", {"id": row["id"]})) == row
    assert data_of(technician.query("devices.getByDeviceId", {"deviceId": "press-3"})) == row
    assert alive_credential(token=token, at=timezone.now()).device_id == row["id"]
    assert token not in str(list(Credential.objects.values_list()))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"deviceId": "no spaces"}, "deviceId"),
        ({"deviceId": "x" * 65}, "deviceId"),
        ({"deviceId": "press\n"}, "deviceId"),
        ({"deviceId": 5}, "deviceId"),
        ({"type": "robot"}, "type"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"metadata": []}, "metadata"),
        ({"tags": "press"}, "tags"),
        ({"status": "on"}, "status"),
    ],
)
def test_bad_properties_are_named(technician, change, field):
    response = technician.mutate(
        "devices.create", {"deviceId": "press-3", "name": "Press 3", "type": "sensor", **change}
    )

    status, code, message = refusal_of(response)
    assert (status, code, message.partition(":")[0].partition(".")[0]) == (400, "BAD_REQUEST", field)
    assert Device.objects.count() == 0


def test_a_device_id_is_taken_once(technician):
    make_device(external_id="press-3")

    response = technician.mutate("devices.create", {"deviceId": "press-3", "name": "P", "type": "sensor"})

    assert refusal_of(response) == (409, "CONFLICT", "deviceId: press-3 is in use already")


def test_updating_changes_what_is_named_and_nothing_else(technician):
    device = make_device(name="Old", zone="Hall A", tags=["a"])

    row = data_of(technician.mutate("devices.update", {"id": device.pk, "name": "New"}))

    assert (row["name"], row["zone"], row["tags"]) == ("New", "Hall A", ["a"])


def test_updating_nothing_and_nobody_is_refused(technician):
    device = make_device()

    assert refusal_of(technician.mutate("devices.update", {"id": device.pk}))[0] == 400
    assert refusal_of(technician.mutate("devices.update", {"id": 999, "name": "x"}))[1] == "NOT_FOUND"


def test_deleting_is_for_admins_and_takes_everything_along(client, technician):
    device = make_device()
    assert refusal_of(technician.mutate("devices.delete", {"id": device.pk}))[1] == "FORBIDDEN"

    sign_in(client, make_user(role="admin"))
    assert data_of(technician.mutate("devices.delete", {"id": device.pk})) is True
    assert (Device.objects.count(), Credential.objects.count(), Presence.objects.count()) == (0, 0, 0)


def test_rotating_ends_the_old_token(technician):
    device = make_device()
    old = make_token(device)

    new = data_of(technician.mutate("devices.rotateToken", {"id": device.external_id}))["token"]

    now = timezone.now()
    assert alive_credential(token=old, at=now) is None
    assert alive_credential(token=new, at=now).device_id == device.pk


def test_a_temporary_token_ends_by_itself_or_when_revoked():
    device = make_device()
    token = make_token(device, at=NOON, lifetime=timedelta(minutes=5))
    lasting = make_token(device)

    assert alive_credential(token=token, at=NOON + timedelta(minutes=4)) is not None
    assert alive_credential(token=token, at=NOON + timedelta(minutes=5)) is None
    revoke_token(token=lasting, at=NOON)
    assert alive_credential(token=lasting, at=NOON) is None


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["Furnace", "Pump", "Press"]),
        ({"zone": "Hall A"}, ["Furnace", "Pump"]),
        ({"type": "gateway"}, ["Press"]),
        ({"tag": "line 2"}, ["Pump"]),
        ({"tag": "line"}, []),
        ({"search": "pum"}, ["Pump"]),
        ({"search": "hall b"}, ["Press"]),
        ({"status": "maintenance"}, ["Furnace"]),
        ({"limit": 1, "offset": 1}, ["Press"]),
    ],
)
def test_the_list_is_narrowed_by_any_property(technician, wanted, names):
    make_device(name="Furnace", zone="Hall A", status="maintenance")
    make_device(name="Pump", zone="Hall A", tags=["line 2", "ünïcode"])
    make_device(name="Press", zone="Hall B", type="gateway")

    response = technician.query("devices.list", wanted or None)

    assert sorted(row["name"] for row in data_of(response)) == sorted(names)
    assert response.headers["X-Total-Count"] == ("3" if "limit" in wanted else str(len(names)))


def test_a_filter_that_nobody_answers_for_is_refused_not_ignored(technician):
    assert refusal_of(technician.query("devices.list", {"groupId": 1}))[0] == 400


@pytest.mark.parametrize("devices", [1, 3])
def test_the_list_costs_the_same_for_any_number_of_devices(technician, devices, django_assert_num_queries):
    for _ in range(devices):
        make_device()

    with django_assert_num_queries(3):  # session with user, count, devices with presence
        assert len(data_of(technician.query("devices.list"))) == devices


def test_stats_count_by_status_and_type(technician):
    make_device(status="online")
    make_device(type="gateway")

    assert data_of(technician.query("devices.getStats")) == {
        "total": 2,
        "online": 1,
        "offline": 1,
        "maintenance": 0,
        "error": 0,
        "byType": {"gateway": 1, "sensor": 1},
    }


def test_a_device_is_offline_when_its_deadline_has_passed_and_back_when_heard(settings):
    settings.DEVICE_SILENT_SECONDS = 60
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON)

    assert notice_silent_devices(at=NOON + timedelta(seconds=59)) == []
    assert notice_silent_devices(at=NOON + timedelta(seconds=60)) == [device.pk]
    assert Device.objects.get().status == "offline"
    assert notice_silent_devices(at=NOON + timedelta(seconds=70)) == []

    note_seen(device_ids=[device.pk], at=NOON + timedelta(seconds=80))
    assert Device.objects.get().status == "online"


def test_being_heard_never_moves_the_clock_back():
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON)

    note_seen(device_ids=[device.pk], at=NOON - timedelta(minutes=1))

    assert Presence.objects.get().last_seen_at == NOON


def test_silence_says_nothing_new_of_a_device_in_maintenance():
    device = make_device(status="maintenance")
    note_seen(device_ids=[device.pk], at=NOON)

    assert notice_silent_devices(at=NOON + timedelta(hours=1)) == []
    assert Device.objects.get().status == "maintenance"


def test_a_service_refuses_what_a_form_would():
    with pytest.raises(InvalidInput, match="name"):
        edit_device(device=make_device(), at=NOON, name="")
