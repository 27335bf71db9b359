"""Devices that go out of service, come back, or go for good."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertEvent, ConditionState, OfflineWatch
from alerts.services.offline import watch_silence
from alerts.services.reporting import raise_alert
from devices.identity import known_tokens
from devices.models import Command, Configuration, Device, Presence
from devices.presence import Word, hear_status
from devices.queries import (
    DeviceUnknown,
    alive_credential,
    device_stats,
    devices_matching,
    what_goes,
    whole_floor,
)
from devices.services import (
    DeviceInService,
    Order,
    deactivate_devices,
    edit_device,
    note_seen,
    notice_silent_devices,
    reactivate_device,
    send_commands,
    set_desired,
)
from factory.errors import InvalidInput
from telemetry.batch import Outcome
from telemetry.models import Reading, State
from tests.builders import (
    NOON,
    Trpc,
    data_of,
    make_device,
    make_group,
    make_threshold,
    make_token,
    make_user,
    ms,
    refusal_of,
    sign_in,
    store,
)

pytestmark = pytest.mark.django_db
SOON, LATER = NOON + timedelta(minutes=1), NOON + timedelta(hours=1)


def out_of_service(*devices, at=NOON):
    return deactivate_devices(device_ids=[device.pk for device in devices], at=at)


def test_a_device_out_of_service_shows_no_token_and_does_nothing():
    device, other = make_device(), make_device()
    token = make_token(device)
    command, others = send_commands(orders=[Order(device.pk, "restart"), Order(other.pk, "restart")], at=NOON)

    assert out_of_service(device, at=SOON) == [device.pk]

    device.refresh_from_db()
    assert (device.status, device.deactivated_at) == ("offline", SOON)
    assert alive_credential(token=token, at=SOON) is None
    assert device.credentials.filter(revoked_at=None).count() == 0
    ended = {
        pk: (status, result) for pk, status, result in Command.objects.values_list("pk", "status", "result")
    }
    assert ended == {command.pk: ("expired", {"reason": "out of service"}), others.pk: ("queued", None)}
    with pytest.raises(InvalidInput):
        send_commands(orders=[Order(device.pk, "restart")], at=SOON)


def test_nobody_waits_for_it_or_misses_it():
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON)
    notice_silent_devices(at=LATER)
    watch_silence(at=LATER + timedelta(hours=1))
    assert Alert.objects.open().count() == 1

    out_of_service(device, at=LATER + timedelta(hours=2))
    watch_silence(at=LATER + timedelta(hours=3))

    presence = Presence.objects.get()
    assert (presence.silent_at, presence.went_silent_at) == (None, None)
    assert Alert.objects.open().count() == 0
    assert not OfflineWatch.objects.exists()
    # What still comes from it brings it back to nobody's attention.
    note_seen(device_ids=[device.pk], at=LATER + timedelta(hours=4))
    with pytest.raises(DeviceUnknown):
        hear_status(external_id=device.external_id, word=Word(is_online=True), at=LATER)
    notice_silent_devices(at=LATER + timedelta(days=2))
    device.refresh_from_db()
    assert device.status == "offline"
    assert Presence.objects.get().went_silent_at is None


def test_its_alerts_end_and_it_is_judged_anew_when_it_is_back():
    device, other = make_device(), make_device()
    make_threshold(device)
    store(device, (NOON, 95.0))
    raise_alert(device=device, type="maintenance_required", severity="info", message="Oil", at=NOON)
    raise_alert(device=other, type="maintenance_required", severity="info", message="Oil", at=NOON)

    out_of_service(device, at=SOON)

    assert list(Alert.objects.open().values_list("device", flat=True)) == [other.pk]
    assert (
        list(AlertEvent.objects.filter(kind="resolved").values_list("note", flat=True))
        == ["The device was taken out of service."] * 2
    )
    assert not ConditionState.objects.exists()

    reactivate_device(device=device, at=LATER)
    store(device, (LATER, 96.0))
    assert Alert.objects.open().filter(device=device).count() == 1


def test_its_readings_are_refused_whichever_way_they_come(client):
    device, silent = make_device(), make_device()
    store(device, (NOON, 20.0))
    out_of_service(device, silent, at=SOON)

    assert store(device, (SOON, 21.0)) == [Outcome.OUT_OF_SERVICE]
    assert store(silent, (SOON, 21.0)) == [Outcome.OUT_OF_SERVICE]
    assert list(Reading.objects.values_list("timestamp", flat=True)) == [ms(NOON)]  # its history stays
    device.refresh_from_db()
    assert device.status == "offline"

    reactivate_device(device=device, at=LATER)
    assert store(device, (LATER, 21.0)) == [Outcome.ACCEPTED]
    assert State.objects.get(pk=silent.pk).is_closed


def test_it_is_in_no_list_and_no_figure_but_is_found_by_its_id():
    here, gone = make_device(tags=["x"]), make_device(tags=["x"])
    out_of_service(gone)

    assert [device.pk for device in devices_matching()] == [here.pk]
    assert [device.pk for device in devices_matching(filter="tag = x")] == [here.pk]
    assert [device.pk for device in devices_matching(include_deactivated=True)] == [here.pk, gone.pk]
    assert device_stats()["total"] == 1
    assert [row[0] for row in whole_floor()] == [here.pk]


def test_it_is_done_once_and_all_or_nothing():
    device = make_device()

    with pytest.raises(DeviceUnknown):
        deactivate_devices(device_ids=[device.pk, 999_999], at=NOON)
    assert Device.objects.in_service().count() == 1
    assert out_of_service(device, at=NOON) == [device.pk]
    assert out_of_service(device, at=LATER) == []
    device.refresh_from_db()
    assert device.deactivated_at == NOON


def test_nobody_calls_it_online():
    device = make_device()
    out_of_service(device)

    with pytest.raises(InvalidInput) as refused:
        edit_device(device=device, status="online", at=SOON)

    assert refused.value.fields == {"status": ["the device is out of service"]}
    assert edit_device(device=Device.objects.get(), name="Old press", at=SOON).name == "Old press"
    device.refresh_from_db()
    assert (device.name, device.status) == ("Old press", "offline")


def test_one_that_is_back_has_a_new_token():
    device = make_device()
    old = make_token(device)
    with pytest.raises(DeviceInService):
        reactivate_device(device=device, at=SOON)
    out_of_service(device)

    token = reactivate_device(device=device, at=SOON)

    assert alive_credential(token=token, at=SOON).device_id == device.pk
    assert alive_credential(token=old, at=SOON) is None
    assert Device.objects.in_service().count() == 1


@pytest.mark.parametrize("devices", [1, 3, 30])
def test_many_go_at_the_cost_of_one(devices, django_assert_max_num_queries):
    made = [make_device() for _ in range(devices)]
    store(made[0], (NOON, 1.0))

    with django_assert_max_num_queries(60):
        assert len(out_of_service(*made)) == devices


def test_over_the_api(client):
    known_tokens.clear()
    sign_in(client, make_user(role="technician"))
    api = Trpc(client)
    press, pump = make_device(external_id="press-1"), make_device()
    token = make_token(press, at=timezone.now())
    reading = {"data": {"temperature": 20}, "timestamp": ms(timezone.now())}

    assert data_of(api.mutate("devices.deactivate", {"ids": ["press-1", pump.pk]})) == {
        "deviceIds": [press.pk, pump.pk]
    }
    row = data_of(api.query("devices.getById", {"id": press.pk}))
    assert (row["status"], row["deactivatedAt"] is not None) == ("offline", True)
    assert data_of(api.query("devices.list")) == []
    listed = data_of(api.query("devices.list", {"includeDeactivated": True}))
    assert sorted(each["id"] for each in listed) == [press.pk, pump.pk]
    assert Trpc(Client(), bearer=token).mutate("readings.create", reading).status_code == 401

    answer = data_of(api.mutate("devices.reactivate", {"id": "press-1"}))
    assert alive_credential(token=answer["token"], at=timezone.now()).device_id == press.pk
    assert data_of(api.query("devices.getById", {"id": press.pk}))["deactivatedAt"] is None
    again = api.mutate("devices.reactivate", {"id": "press-1"})
    assert refusal_of(again)[:2] == (409, "CONFLICT")
    assert refusal_of(api.mutate("devices.deactivate", {"id": 999_999}))[:2] == (404, "NOT_FOUND")
    for unclear in ({}, {"id": 1, "ids": [1]}):
        assert refusal_of(api.mutate("devices.deactivate", unclear)) == (
            400,
            "BAD_REQUEST",
            "id: give either id or ids",
        )


# What goes with a device


def test_what_would_go_is_counted(client):
    device, other = make_device(), make_device()
    for each in (device, other):
        make_threshold(each)
        store(each, (NOON, 95.0), (SOON, 96.0))
        send_commands(orders=[Order(each.pk, "restart")] * 3, at=NOON)
    make_group(devices=[device])
    sign_in(client, make_user(role="technician"))

    assert what_goes([device.pk]) == {
        "readings": 2,
        "places in groups": 1,
        "alerts": 1,
        "thresholds": 1,
        "tokens": 1,
        "commands": 3,
        "status changes": 2,
    }
    told = data_of(Trpc(client).query("devices.whatGoes", {"id": other.pk}))
    assert told[0] == {"kind": "readings", "count": 2, "isMore": False}
    kinds = {"readings", "alerts", "thresholds", "tokens", "commands", "status changes"}
    assert {each["kind"] for each in told} == kinds


def test_counting_ends_somewhere(client, monkeypatch):
    monkeypatch.setattr("devices.queries.MOST_COUNTED", 2)
    device = make_device()
    store(device, *((NOON + timedelta(seconds=second), 1.0) for second in range(9)))
    sign_in(client, make_user(role="technician"))

    assert what_goes([device.pk])["readings"] == 3
    told = data_of(Trpc(client).query("devices.whatGoes", {"id": device.pk}))
    assert told[0] == {"kind": "readings", "count": 2, "isMore": True}


def test_what_was_to_go_out_when_it_went_goes_out_when_it_is_back():
    device = make_device()
    Configuration.objects.update(push_at=None)
    set_desired(device=device, desired={"a": 1}, at=NOON)
    out_of_service(device, at=SOON)
    assert Configuration.objects.get().push_at is None

    reactivate_device(device=device, at=LATER)

    assert Configuration.objects.get().push_at == LATER
