"""What Python can hold and JSON cannot say: refused at every door, and in nobody's way where it got in earlier."""

from datetime import timedelta

import pytest
from django.db import connection

from devices.courier import Courier
from devices.models import Command, Configuration, Device, TypeDefaults
from devices.services import import_devices, set_command_type, set_type_defaults
from devices.services.configuration import report_configuration, set_desired
from devices.shapes import why_misshapen
from factory.errors import InvalidInput
from factory.trpc.fields import NO_JSON
from tests.builders import NOON, Trpc, make_device, make_user, sign_in
from tests.devices.commanding import answer, be_there, make_command
from tests.devices.test_courier import said
from tests.live.desk import Counter

pytestmark = pytest.mark.django_db(transaction=True)
UNSAYABLE = [2**64, -(2**63) - 1, "\ud800", float("inf")]
KEPT = UNSAYABLE[:2] if connection.vendor == "mysql" else UNSAYABLE[:3]  # MariaDB takes no half characters
TYPED = ['{"serial": 18446744073709551616}', '{"serial": "\\ud800"}']


@pytest.mark.parametrize("value", UNSAYABLE)
def test_no_door_of_the_services_lets_it_in(value):
    device = make_device()
    command = make_command(device)
    doors = {
        "parameters": lambda: make_command(device, "dance", parameters={"a": [value]}),
        "desired": lambda: set_desired(device=device, desired={"a": value}, at=NOON),
        "reported": lambda: report_configuration(
            device_id=device.pk, reported={"a": value}, version=0, at=NOON
        ),
        "schema": lambda: set_command_type(name="dance", schema={"default": value}),
        "metadata": lambda: set_type_defaults(type="sensor", metadata={"a": value}),
        "config": lambda: set_type_defaults(type="sensor", configuration={"a": value}),
    }

    for field, door in doors.items():
        with pytest.raises(InvalidInput) as refused:
            door()
        assert refused.value.fields == {field: [NO_JSON]}
    assert answer(command, "succeeded", result={"a": value}).fields == {"result": [NO_JSON]}
    assert Command.objects.count() == 1
    assert not TypeDefaults.objects.exists()


def test_half_a_character_is_no_tag():
    assert why_misshapen(tags=["\ud800"], metadata={}) == {"tags": NO_JSON}


def test_numbers_of_64_bits_and_whole_characters_may_be_said():
    device = make_device()
    parameters = {"most": 2**64 - 1, "least": -(2**63), "text": "é \U0001f527"}

    make_command(device, "dance", parameters=parameters)

    assert Command.objects.get().parameters == parameters


@pytest.mark.parametrize("text", TYPED)
def test_what_is_typed_in_a_page_is_refused_there(client, text):
    sign_in(client, make_user(role="operator"))
    device = make_device()

    sent = client.post(f"/devices/{device.pk}/commands", {"send": "-", "name": "dance", "parameters": text})
    wished = client.post(f"/devices/{device.pk}/configuration", {"desired": text, "version": "0"})

    assert [sent.status_code, wished.status_code] == [422, 422]
    assert not Command.objects.exists()
    assert Configuration.objects.get(pk=device.pk).version == 0


@pytest.mark.parametrize("text", TYPED)
def test_a_cell_of_a_file_is_refused_by_its_row(text):
    cell = text.replace('"', '""')

    done = import_devices(text=f'deviceId,name,type,metadata\nx,X,sensor,"{cell}"\n', at=NOON)

    assert [(e.row, e.field, e.message) for e in done.errors] == [(2, "metadata", NO_JSON)]
    assert not Device.objects.exists()


# What was kept before it was refused


@pytest.mark.parametrize("value", KEPT)
def test_one_command_that_cannot_be_said_keeps_no_other_back(value):
    bad, good = make_device(), make_device()
    be_there(bad, good)
    make_command(bad)
    Command.objects.update(parameters={"a": value})
    command = make_command(good)
    desk = Counter()

    Courier(desk, now=lambda: NOON).look()

    assert [(device, body["id"]) for device, body in said(desk)] == [(good.external_id, command.pk)]


@pytest.mark.parametrize("value", KEPT)
def test_one_configuration_that_cannot_be_said_keeps_no_other_back(value):
    bad, good = make_device(), make_device()
    Configuration.objects.update(push_at=None)
    Configuration.objects.filter(pk=bad.pk).update(desired={"a": value}, version=1, push_at=NOON)
    set_desired(device=good, desired={"a": 1}, at=NOON + timedelta(seconds=1))
    desk = Counter()
    courier = Courier(desk, now=lambda: NOON + timedelta(seconds=2))

    courier.look()

    assert said(desk, "config") == [(good.external_id, {"desired": {"a": 1}, "version": 1})]
    courier.look()
    assert not Configuration.objects.exclude(push_at=None).exists()


@pytest.mark.skipif(connection.vendor == "mysql", reason="MariaDB takes no half characters")
def test_the_file_of_all_devices_is_whole(client):
    sign_in(client, make_user())
    device, _ = make_device(external_id="a"), make_device(external_id="b")
    Device.objects.filter(pk=device.pk).update(metadata={"serial": "\ud800"})

    response = Trpc(client).query("devices.exportCsv", {"sort": "deviceId"})

    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines[1].endswith(r'"{""serial"": ""\ud800""}"')
    assert [line.partition(",")[0] for line in lines] == ["deviceId", "a", "b"]
