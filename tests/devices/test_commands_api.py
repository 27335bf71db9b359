"""The procedures under `commands.`: for people and for devices."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.identity import known_tokens
from devices.models import Command, CommandType
from tests.builders import Trpc, data_of, make_device, make_token, make_user, refusal_of, sign_in
from tests.devices.commanding import answer, make_command

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_remembered_tokens():
    known_tokens.clear()


@pytest.fixture
def api(client):
    sign_in(client, make_user(role="operator"))
    return Trpc(client)


@pytest.fixture
def device():
    return make_device(external_id="press-1", type="actuator")


@pytest.fixture
def speaking(client, device):
    return Trpc(client, bearer=make_token(device, at=timezone.now()))


def fields_of(response):
    assert response.status_code == 400, response.content
    return response.json()["error"]["data"]["fieldErrors"]


# Sending


def test_an_operator_sends_a_command_to_a_device_by_either_id(api, device):
    for reference in (device.pk, "press-1"):
        body = {
            "deviceId": reference,
            "name": "open_valve",
            "parameters": {"percentOpen": 5},
            "ttlSeconds": 60,
        }
        told = data_of(api.mutate("commands.send", body))
        command = Command.objects.get(pk=told["id"])
        assert {**told, "expiresAt": None, "createdAt": None, "updatedAt": None} == {
            "id": command.pk,
            "deviceId": device.pk,
            "name": "open_valve",
            "parameters": {"percentOpen": 5},
            "status": "queued",
            "result": None,
            "attempts": 0,
            "expiresAt": None,
            "createdAt": None,
            "updatedAt": None,
        }
        assert command.expires_at - command.created_at == timedelta(minutes=1)
        assert command.created_by.role == "operator"


def test_one_key_is_one_command_of_one_person(api, client, device):
    body = {"deviceId": device.pk, "name": "restart", "idempotencyKey": "now"}

    first, again = [data_of(api.mutate("commands.send", body))["id"] for _ in range(2)]
    other = refusal_of(api.mutate("commands.send", {**body, "name": "ping"}))
    sign_in(client, make_user(role="operator"))
    of_another = data_of(api.mutate("commands.send", body))["id"]

    assert first == again != of_another
    assert other[:2] == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"deviceId": None}, "deviceId"),
        ({"deviceId": True}, "deviceId"),
        ({"name": "1"}, "name"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"parameters": [1]}, "parameters"),
        ({"parameters": {"a": "x" * 66_000}}, "parameters"),
        ({"ttlSeconds": 0}, "ttlSeconds"),
        ({"ttlSeconds": "60"}, "ttlSeconds"),
        ({"idempotencyKey": "x" * 65}, "idempotencyKey"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(api, device, change, field):
    response = api.mutate("commands.send", {"deviceId": device.pk, "name": "restart", **change})

    assert list(fields_of(response)) == [field]
    assert Command.objects.count() == 0


def test_an_unknown_device_is_not_found(api):
    told = refusal_of(api.mutate("commands.send", {"deviceId": "nobody", "name": "restart"}))

    assert told[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("role", ["user", "technician"])
def test_who_may_send(client, device, role):
    sign_in(client, make_user(role=role))

    response = Trpc(client).mutate("commands.send", {"deviceId": device.pk, "name": "restart"})

    assert response.status_code == (403 if role == "user" else 200)


# Looking


def test_commands_are_listed_newest_first_by_device_and_status_with_their_total(api, device):
    other = make_device()
    mine, done, theirs = make_command(device), make_command(device), make_command(other)
    answer(done, "succeeded", result={"ok": True})

    def listed(**wanted):
        response = api.query("commands.list", wanted)
        return [row["id"] for row in data_of(response)], response.headers["X-Total-Count"]

    assert listed() == ([theirs.pk, done.pk, mine.pk], "3")
    assert listed(deviceId="press-1") == ([done.pk, mine.pk], "2")
    assert listed(deviceId=device.pk, status="succeeded") == ([done.pk], "1")
    assert listed(limit=1, offset=1) == ([done.pk], "3")
    assert refusal_of(api.query("commands.list", {"status": "done"}))[0] == 400
    assert refusal_of(api.query("commands.list", {"deviceId": "nobody"}))[0] == 404


@pytest.mark.parametrize("commands", [1, 3])
def test_a_list_costs_the_same_for_any_number(api, device, commands, django_assert_num_queries):
    expected = {make_command(make_device()).pk for _ in range(commands)}
    api.query("auth.me")

    with django_assert_num_queries(3):  # session with its user, count, commands
        response = api.query("commands.list")

    assert {row["id"] for row in data_of(response)} == expected


# Devices


def test_a_device_asks_and_answers_for_itself_only(speaking, device):
    mine, theirs = make_command(device, at=timezone.now()), make_command(make_device(), at=timezone.now())

    for _ in range(2):
        told = data_of(speaking.query("commands.pending"))
        assert [(row["id"], row["status"]) for row in told] == [(mine.pk, "sent")]
    data_of(speaking.mutate("commands.ack", {"id": mine.pk, "status": "acknowledged"}))
    told = data_of(speaking.mutate("commands.ack", {"id": mine.pk, "status": "failed", "result": "jammed"}))
    assert (told["status"], told["result"]) == ("failed", "jammed")
    assert data_of(speaking.query("commands.pending")) == []

    assert refusal_of(speaking.mutate("commands.ack", {"id": mine.pk, "status": "acknowledged"})) == (
        409,
        "CONFLICT",
        f"Command {mine.pk} is failed already.",
    )
    assert refusal_of(speaking.mutate("commands.ack", {"id": theirs.pk, "status": "failed"}))[:2] == (
        403,
        "FORBIDDEN",
    )
    assert refusal_of(speaking.mutate("commands.ack", {"id": 10**12, "status": "failed"}))[:2] == (
        404,
        "NOT_FOUND",
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [({"status": "expired"}, "status"), ({"status": None}, "status"), ({"id": "1"}, "id"), ({"id": 0}, "id")],
)
def test_bad_answers_are_refused_by_the_name_of_their_field(speaking, device, change, field):
    command = make_command(device)

    response = speaking.mutate("commands.ack", {"id": command.pk, "status": "failed", **change})

    assert list(fields_of(response)) == [field]


# Named commands

SPEED = {
    "type": "object",
    "properties": {"speed": {"type": "number", "maximum": 100}},
    "required": ["speed"],
    "additionalProperties": False,
}


@pytest.fixture
def technician(client):
    sign_in(client, make_user(role="technician"))
    return Trpc(client)


def declare(api, **what):
    return api.mutate("commands.setType", {"name": "set_speed", "schema": SPEED, **what})


def test_declared_parameters_are_checked_before_sending(technician, device):
    assert data_of(declare(technician, deviceType="actuator", label="Set speed")) == {
        "name": "set_speed",
        "deviceType": "actuator",
        "label": "Set speed",
        "description": "",
        "schema": SPEED,
        "ttlSeconds": 3600,
        "enabled": True,
    }

    def send(parameters, to=device):
        body = {"deviceId": to.pk, "name": "set_speed", "parameters": parameters}
        return technician.mutate("commands.send", body)

    assert fields_of(send({"speed": 120})) == {"parameters.speed": ["120 is greater than the maximum of 100"]}
    assert fields_of(send({})) == {"parameters": ["'speed' is a required property"]}
    assert data_of(send({"speed": 99}))["parameters"] == {"speed": 99}
    assert data_of(send({"anything": 1}, to=make_device(type="sensor")))["status"] == "queued"


def test_of_two_declarations_that_of_the_type_holds_and_one_that_is_off_refuses(technician, device):
    declare(technician, schema={})
    declare(technician, deviceType="actuator", enabled=False)

    def send(to):
        return technician.mutate("commands.send", {"deviceId": to.pk, "name": "set_speed"})

    assert fields_of(send(device)) == {"name": ["set_speed is switched off for devices of type actuator"]}
    assert data_of(send(make_device(type="sensor")))["name"] == "set_speed"
    names = [(row["name"], row["deviceType"]) for row in data_of(technician.query("commands.types"))]
    assert names == [("set_speed", None), ("set_speed", "actuator")]
    (in_force,) = data_of(technician.query("commands.types", {"deviceType": "actuator"}))
    assert in_force["enabled"] is False


def test_where_only_declared_ones_may_be_sent_restart_is_known_all_the_same(technician, device, settings):
    settings.COMMANDS_DECLARED_ONLY = True
    declare(technician, deviceType="sensor")

    def send(name):
        return technician.mutate("commands.send", {"deviceId": device.pk, "name": name})

    assert data_of(send("restart"))["name"] == "restart"
    for name in ("set_speed", "ping"):
        assert fields_of(send(name)) == {
            "name": [f"no command {name} is declared for devices of type actuator"]
        }


def test_changing_a_declaration_leaves_what_is_not_named(technician):
    declare(technician, description="How fast", ttlSeconds=90)

    told = data_of(technician.mutate("commands.setType", {"name": "set_speed", "label": "Speed"}))

    assert (told["description"], told["ttlSeconds"], told["label"]) == ("How fast", 90, "Speed")
    assert CommandType.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "no good"}, "name"),
        ({"schema": {"type": "objekt"}}, "schema.type"),
        ({"schema": {"properties": {"a": {"pattern": "("}}}}, "schema.properties.a.pattern"),
        ({"schema": {"$ref": "https://example.com/schema"}}, "schema"),
        ({"schema": {"$ref": "#"}}, "schema"),
        ({"schema": {"$ref": "#/$defs/none"}}, "schema"),
        ({"schema": {"$schema": "http://json-schema.org/draft-07/schema#"}}, "schema.$schema"),
        ({"schema": {"description": "x" * 40_000}}, "schema"),
        ({"schema": []}, "schema"),
        ({"ttlSeconds": 0}, "ttlSeconds"),
        ({"deviceType": "robot"}, "deviceType"),
    ],
)
def test_a_declaration_that_could_not_be_used_is_refused(technician, change, field):
    assert list(fields_of(declare(technician, **change))) == [field]
    assert CommandType.objects.count() == 0


def test_an_admin_forgets_a_declaration_and_only_once(client, technician):
    declare(technician, deviceType="sensor")
    refused = technician.mutate("commands.deleteType", {"name": "set_speed", "deviceType": "sensor"})
    sign_in(client, make_user(role="admin"))

    assert refusal_of(refused)[1] == "FORBIDDEN"
    assert refusal_of(technician.mutate("commands.deleteType", {"name": "set_speed"}))[1] == "NOT_FOUND"
    body = {"name": "set_speed", "deviceType": "sensor"}
    assert data_of(technician.mutate("commands.deleteType", body)) is True
    assert refusal_of(technician.mutate("commands.deleteType", body))[1] == "NOT_FOUND"
