from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from devices.models import Credential, Device, Presence
from devices.queries import (
    DeviceUnknown,
    alive_credential,
    devices_matching,
    find_device,
    get_device_ids,
)
from devices.services import (
    DeviceIdTaken,
    edit_device,
    note_seen,
    notice_silent_devices,
    register_device,
    revoke_token,
)
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
        "deactivatedAt": None,
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


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize("levels", [25, 33, 200])
def test_metadata_nested_too_deep_for_the_database_is_named(technician, levels):
    device = make_device(external_id="press-1")
    new = {"deviceId": "press-3", "name": "Press 3", "type": "sensor", "metadata": nested(levels)}
    refusal = (400, "BAD_REQUEST", "metadata: May nest 24 levels deep.")

    assert refusal_of(technician.mutate("devices.create", new)) == refusal
    change = {"id": device.pk, "metadata": nested(levels)}
    assert refusal_of(technician.mutate("devices.update", change)) == refusal
    assert Device.objects.get() == device


def test_metadata_nested_as_deep_as_allowed_is_kept(technician):
    new = {"deviceId": "press-3", "name": "Press 3", "type": "sensor", "metadata": nested(24)}

    row = data_of(technician.mutate("devices.create", new))

    assert Device.objects.get(pk=row["id"]).metadata == nested(24)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tags": None}, "tags"),
        ({"tags": {}}, "tags"),
        ({"tags": "press"}, "tags"),
        ({"tags": ["press", 5]}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"metadata": None}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"metadata": nested(25)}, "metadata"),
        ({"metadata": {"a": float("nan")}}, "metadata"),
        ({"metadata": {"a": {1}}}, "metadata"),
    ],
)
def test_services_refuse_tags_and_metadata_of_another_shape(change, field):
    with pytest.raises(InvalidInput) as refusal:
        register_device(external_id="press-3", name="P", type="sensor", at=NOON, **change)
    assert list(refusal.value.fields) == [field]
    with pytest.raises(InvalidInput):
        edit_device(device=make_device(), at=NOON, **change)


def test_only_a_taken_id_is_told_as_one(monkeypatch):
    """Anything else the database refuses is a bug, and must look like one."""
    monkeypatch.setattr("devices.services.registry._refuse_invalid", lambda device: None)

    with pytest.raises(IntegrityError):
        register_device(external_id="press-3", name=None, type="sensor", at=NOON)
    make_device(external_id="press-4")
    with pytest.raises(DeviceIdTaken):
        register_device(external_id="press-4", name="P", type="sensor", at=NOON)


@pytest.mark.parametrize("other", ["PRESS-1", "press-1 ", "prẹss-1"])
def test_a_device_id_is_itself_and_nothing_alike(technician, other):
    make_device(external_id="press-1")

    for name, input in (
        ("getById", {"id": other}),
        ("getByDeviceId", {"deviceId": other}),
        ("update", {"id": other, "name": "New"}),
    ):
        ask = technician.mutate if name == "update" else technician.query
        assert refusal_of(ask(f"devices.{name}", input))[:2] == (404, "NOT_FOUND")
    assert find_device(other) is None
    with pytest.raises(DeviceUnknown):
        get_device_ids([other])


def test_ids_that_differ_in_case_are_two_devices(technician):
    small, large = make_device(external_id="press-1"), make_device(external_id="PRESS-1")

    assert (find_device("press-1"), find_device("PRESS-1")) == (small, large)
    assert len(data_of(technician.query("devices.list", {"search": "Press-1"}))) == 2


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


def test_a_filter_that_nobody_answers_for_is_refused_not_ignored():
    with pytest.raises(InvalidInput, match="colour"):
        devices_matching(colour="red")


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


def online_by(way):
    """A device that people call online, in one of the ways there are."""
    if way == "registering":
        return make_device(status="online")
    device = make_device(status="maintenance")
    if way == "ending maintenance":
        note_seen(device_ids=[device.pk], at=NOON - timedelta(minutes=5))
        assert notice_silent_devices(at=NOON) == []
    edit_device(device=device, at=NOON, status="online")
    return device


@pytest.mark.parametrize("way", ["registering", "editing", "ending maintenance"])
def test_a_device_called_online_by_hand_goes_offline_when_it_is_not_heard(settings, way):
    settings.DEVICE_SILENT_SECONDS = 60
    device = online_by(way)

    assert notice_silent_devices(at=NOON + timedelta(seconds=59)) == []
    assert notice_silent_devices(at=NOON + timedelta(seconds=60)) == [device.pk]
    assert Device.objects.get().status == "offline"


def test_a_device_heard_again_after_the_clock_was_put_back_is_waited_for():
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON)
    assert notice_silent_devices(at=NOON + timedelta(hours=1)) == [device.pk]

    note_seen(device_ids=[device.pk], at=NOON - timedelta(hours=1))

    assert Device.objects.get().status == "online"
    assert notice_silent_devices(at=NOON) == [device.pk]


def test_calling_a_device_online_does_not_move_a_deadline_that_stands(settings):
    settings.DEVICE_SILENT_SECONDS = 60
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON)

    edit_device(device=device, at=NOON + timedelta(seconds=30), status="online")

    assert Presence.objects.get().silent_at == NOON + timedelta(seconds=60)


def test_nobody_waits_for_a_device_that_is_not_called_online():
    make_device(status="error")
    edit_device(device=make_device(), at=NOON, status="maintenance")

    assert list(Presence.objects.values_list("silent_at", flat=True)) == [None, None]


def test_editing_writes_only_what_was_changed():
    stale, fresh = make_device(name="Press", zone="Hall A"), Device.objects.get()
    edit_device(device=fresh, at=NOON, zone="Hall B", status="maintenance")

    edit_device(device=stale, at=NOON + timedelta(hours=1), name="Press 3")

    device = Device.objects.get()
    assert (device.name, device.zone, device.status) == ("Press 3", "Hall B", "maintenance")
    assert device.updated_at == NOON + timedelta(hours=1)


@pytest.mark.parametrize("change", [{"name": "New"}, {"status": "online"}])
def test_a_device_that_is_gone_is_not_edited(change):
    device = make_device()
    Device.objects.all().delete()

    with pytest.raises(DeviceUnknown):
        edit_device(device=device, at=NOON, **change)


@pytest.mark.parametrize("devices", [1, 3])
def test_noticing_silence_costs_the_same_for_any_number_of_devices(devices, django_assert_num_queries):
    later = NOON + timedelta(hours=1)
    ids = [make_device().pk for _ in range(devices)]
    note_seen(device_ids=ids, at=NOON)

    # which are due, a savepoint and its release, deadlines locked and ended, when they were heard, devices locked and
    # changed, since when at the earliest, noted, and missed
    with django_assert_num_queries(11):
        assert notice_silent_devices(at=later) == ids
    with django_assert_num_queries(1):
        assert notice_silent_devices(at=later) == []


def test_more_silent_devices_than_one_transaction_takes_are_all_noticed(monkeypatch):
    monkeypatch.setattr("devices.services.silence.AT_ONCE", 2)
    ids = [make_device().pk for _ in range(5)]
    note_seen(device_ids=ids, at=NOON)

    assert sorted(notice_silent_devices(at=NOON + timedelta(hours=1))) == ids
    assert set(Device.objects.values_list("status", flat=True)) == {"offline"}
