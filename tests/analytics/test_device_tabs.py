import re

import pytest
from django.utils import timezone

from devices.models import Command, Configuration, Credential, Device
from devices.services import (
    Order,
    deactivate_devices,
    report_configuration,
    send_commands,
    set_command_type,
    set_desired,
)
from tests.analytics.looking import NASTY, ROLES, make_alert, words
from tests.builders import NOON, make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
TABS = ("live", "alerts", "commands", "configuration", "firmware", "credentials", "groups")
SPEED = {
    "type": "object",
    "properties": {
        "speed": {"type": "number", "minimum": 0, "maximum": 100},
        "ramp": {"enum": ["soft", "hard", 3]},
        "store": {"type": "boolean"},
        "note": {"type": "string", "maxLength": 10},
    },
    "required": ["speed"],
    "additionalProperties": False,
}


def command(device: Device, name: str = "restart", **parameters) -> Command:
    return send_commands(
        orders=[Order(device_id=device.pk, name=name, parameters=parameters)], at=timezone.now()
    )[0]


@pytest.mark.parametrize("role", ROLES)
def test_every_tab_has_its_address_and_anything_else_is_the_live_one(client, role):
    sign_in(client, make_user(role=role))
    device = make_device()

    shown = {
        tab: client.get(f"/devices/{device.pk}/?tab={tab}").context["tab"] for tab in (*TABS, "nonsense")
    }

    assert shown == {**{tab: tab for tab in TABS}, "nonsense": "live"}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("tab", "queries"),
    [
        ("alerts", 6),
        ("commands", 8),
        ("configuration", 6),
        ("firmware", 7),
        ("credentials", 5),
        ("groups", 8),
    ],
)
def test_a_tab_costs_the_same_for_any_number_of_rows(
    client, tess, rows, tab, queries, django_assert_num_queries
):
    device = make_device()
    for number in range(rows):
        command(device, note=number)
        set_desired(device=device, desired={"speed": number}, at=NOON)
        make_group(devices=[device])
    make_alert(device)

    with django_assert_num_queries(queries):
        assert client.get(f"/devices/{device.pk}/?tab={tab}").status_code == 200


def test_what_a_role_may_not_do_it_is_neither_shown_nor_allowed(client):
    device = make_device()
    steps = {
        "commands": {"send": "restart", "name": "restart"},
        "configuration": {"desired": "{}", "version": "0"},
        "token": {"overlap": "0"},
        "tokens/new": {"label": "x"},
        "delete": {},
    }
    may = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        may[role] = [
            step
            for step, form in steps.items()
            if client.post(f"/devices/{device.pk}/{step}", form).status_code != 403
        ]

    assert may == {
        "user": [],
        "operator": ["commands", "configuration"],
        "technician": ["commands", "configuration", "token", "tokens/new"],
        "admin": ["commands", "configuration", "token", "tokens/new", "delete"],
    }


def test_a_viewer_sees_no_token_of_a_device(client, mira):
    device = make_device()

    page = client.get(f"/devices/{device.pk}/?tab=credentials")

    assert "Technicians look after tokens." in words(page)
    assert page.context["credentials"] == []


# Commands


def test_a_restart_is_sent_once_however_often_it_is_pressed(client, omar):
    device = make_device()
    page = client.get(f"/devices/{device.pk}/?tab=commands&send=restart")
    key = re.search(r'name="key" value="(\w+)"', page.text)[1]
    form = {"send": "restart", "name": "restart", "key": key}

    answers = [client.post(f"/devices/{device.pk}/commands", form) for _ in range(2)]

    sent = Command.objects.get()
    assert {answer["Location"] for answer in answers} == {f"/devices/{device.pk}/?tab=commands"}
    assert (sent.name, sent.parameters, sent.created_by) == ("restart", {}, omar)


def test_a_declared_command_is_filled_in_field_by_field(client, omar):
    set_command_type(name="set_speed", schema=SPEED)
    device = make_device()
    form = {
        "send": "set_speed",
        "name": "set_speed",
        "p_speed": "40.5",
        "p_ramp": "3",
        "p_store": "false",
        "p_note": "",
    }

    client.post(f"/devices/{device.pk}/commands", {**form, "ttl": "900"})

    sent = Command.objects.get()
    assert sent.parameters == {"speed": 40.5, "ramp": 3, "store": False}
    assert (sent.expires_at - sent.created_at).total_seconds() == 900


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"p_speed": ""}, "p_speed"),
        ({"p_speed": "fast"}, "p_speed"),
        ({"p_speed": "120"}, "p_speed"),
        ({"p_speed": "1", "p_ramp": '"other"'}, "p_ramp"),
        ({"p_speed": "1", "p_note": "far too long a note"}, "p_note"),
        ({"p_speed": "1", "ttl": "7"}, "ttl"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(client, omar, given, field):
    set_command_type(name="set_speed", schema=SPEED)
    device = make_device()

    answer = client.post(
        f"/devices/{device.pk}/commands", {"send": "set_speed", "name": "set_speed", **given}
    )

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "dance", "parameters": "{"}, "parameters"),
        ({"name": "dance", "parameters": "[1]"}, "parameters"),
        ({"name": "dance", "parameters": '{"a": NaN}'}, "parameters"),
        ({"name": "dance", "parameters": "[" * 100_000}, "parameters"),
        ({"name": "no name", "parameters": ""}, "name"),
        ({"parameters": "{}"}, "name"),
    ],
)
def test_another_command_is_written_as_json_and_refused_where_it_is_none(client, omar, given, field):
    device = make_device()

    answer = client.post(f"/devices/{device.pk}/commands", {"send": "-", **given})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not Command.objects.exists()


def test_another_command_goes_out_with_its_json(client, omar):
    device = make_device()

    client.post(
        f"/devices/{device.pk}/commands", {"send": "-", "name": "dance", "parameters": '{"steps": [1, 2]}'}
    )

    assert Command.objects.get().parameters == {"steps": [1, 2]}


def test_only_what_its_type_understands_is_offered(client, omar):
    set_command_type(name="calibrate", device_type="sensor", schema={})
    set_command_type(name="dose", device_type="actuator", schema={})
    set_command_type(name="blink", schema={}, enabled=False)
    device = make_device(type="sensor")

    known = client.get(f"/devices/{device.pk}/?tab=commands").context["known"]

    assert list(known) == ["calibrate"]
    assert client.post(f"/devices/{device.pk}/commands", {"send": "blink"}, follow=True).status_code in (
        200,
        422,
    )


def test_the_history_says_in_words_where_each_command_stands(client, mira):
    device = make_device()
    for status in Command.Status.values:
        Command.objects.filter(pk=command(device, note=status).pk).update(
            status=status, result={"note": NASTY}
        )

    page = client.get(f"/devices/{device.pk}/?tab=commands")

    assert NASTY not in page.text
    assert [
        row.status for row in client.get(f"/devices/{device.pk}/?tab=commands&status=failed").context["rows"]
    ] == ["failed"]
    assert "waits for it to be back" in words(page)


def test_a_device_out_of_service_is_told_nothing(client, omar):
    device = make_device()
    deactivate_devices(device_ids=[device.pk], at=NOON)

    page = client.get(f"/devices/{device.pk}/?tab=commands&send=restart")
    answer = client.post(f"/devices/{device.pk}/commands", {"send": "restart", "name": "restart"})

    assert "Have it do something" not in words(page)
    assert (answer.status_code, Command.objects.count()) == (422, 0)


# Configuration


def test_what_is_apart_is_marked_beside_what_is_reported(client, mira):
    device = make_device()
    set_desired(device=device, desired={"pump": {"speed": 60, "mode": "eco"}}, at=NOON)
    report_configuration(
        device_id=device.pk, reported={"pump": {"speed": 40, "mode": "eco"}, "up": 1}, version=1, at=NOON
    )

    twin = client.get(f"/devices/{device.pk}/?tab=configuration").context["twin"]

    assert [(row.path, row.desired, row.reported, row.differs) for row in twin.rows] == [
        ("pump.speed", "60", "40", True),
        ("pump.mode", '"eco"', '"eco"', False),
        ("up", "", "1", False),
    ]


def test_an_operator_wishes_another_version(client, omar):
    device = make_device()

    answer = client.post(f"/devices/{device.pk}/configuration", {"desired": '{"speed": 5}', "version": "0"})

    twin = Configuration.objects.get(pk=device.pk)
    assert answer["Location"] == f"/devices/{device.pk}/?tab=configuration"
    assert (twin.desired, twin.version) == ({"speed": 5}, 1)


def test_who_opened_an_older_version_is_shown_both_and_overwrites_only_knowingly(client, omar):
    device = make_device()
    set_desired(device=device, desired={"speed": 1}, at=NOON)
    set_desired(device=device, desired={"speed": 2}, at=NOON)
    path = f"/devices/{device.pk}/configuration"

    refused = client.post(path, {"desired": '{"speed": 9}', "version": "1"})
    kept = Configuration.objects.get(pk=device.pk).desired
    version = re.search(r'name="version" value="(\d+)"', refused.text)[1]
    client.post(path, {"desired": '{"speed": 9}', "version": version})

    assert (refused.status_code, kept, version) == (409, {"speed": 2}, "2")
    assert '{ "speed": 2 }' in words(refused)
    assert '{"speed": 9}' in words(refused)
    assert Configuration.objects.get(pk=device.pk).desired == {"speed": 9}


@pytest.mark.parametrize("desired", ["{", "5", '{"a": Infinity}', '{"a": "' + "x" * 66_000 + '"}'])
def test_what_is_no_configuration_is_said_at_the_field(client, omar, desired):
    device = make_device()

    answer = client.post(f"/devices/{device.pk}/configuration", {"desired": desired, "version": "0"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["desired"])


# Tokens and service


def test_tokens_overlap_when_it_is_wanted_and_the_new_one_is_shown_once(client, tess):
    device = make_device()

    answer = client.post(f"/devices/{device.pk}/token", {"overlap": "86400"})

    old, new = Credential.objects.order_by("pk")
    assert (old.revoked_at, old.expires_at is None, new.expires_at) == (None, False, None)
    assert answer.context["token"] in words(answer)
    assert answer.context["token"] not in client.get(f"/devices/{device.pk}/?tab=credentials").text


def test_an_extra_token_leaves_the_others_alone_and_can_be_ended(client, tess):
    device = make_device()
    client.post(f"/devices/{device.pk}/tokens/new", {"label": "Bench", "lifetime": "3600"})
    own, extra = Credential.objects.order_by("pk")

    client.post(f"/devices/{device.pk}/tokens/{extra.pk}/revoke")

    extra.refresh_from_db()
    own.refresh_from_db()
    assert (extra.label, extra.revoked_at is None, own.revoked_at) == ("Bench", False, None)


def test_a_token_of_another_device_is_not_ended_from_here(client, tess):
    device, other = make_device(), make_device()

    answer = client.post(f"/devices/{device.pk}/tokens/{other.credentials.get().pk}/revoke")

    assert answer.status_code in (302, 404)
    assert other.credentials.get().revoked_at is None


def test_a_device_leaves_service_and_comes_back_with_another_token(client, tess):
    device = make_device()
    client.post("/devices/deactivate", {"devices": device.pk, "sure": "1"})
    away = client.get(f"/devices/{device.pk}/?tab=credentials")

    back = client.post(f"/devices/{device.pk}/reactivate")

    device.refresh_from_db()
    assert "Out of service since" in words(away)
    assert back.context["token"] in words(back)
    assert device.deactivated_at is None


def test_deleting_says_what_goes_and_wants_the_id_typed(client, boss):
    device = make_device(external_id="press-3")
    command(device)

    asked = client.get(f"/devices/{device.pk}/delete")
    refused = client.post(f"/devices/{device.pk}/delete", {"confirm": "press"})
    there = Device.objects.count()
    gone = client.post(f"/devices/{device.pk}/delete", {"confirm": "press-3"})

    assert "Commands 1" in words(asked)
    assert (refused.status_code, there, gone["Location"]) == (422, 1, "/devices/")
    assert not Device.objects.exists()
