"""What brokers that ask over HTTP are told."""

import json

import pytest
from django.utils import timezone

from devices import services

pytestmark = pytest.mark.django_db
SECRET = "a shared secret of two machines"
SERVICE = "factory~ingest"
HALF = b'{"username": "\\ud800", "clientid": "\\ud800", "password": "\\ud800", "topic": "\\ud800"}'


@pytest.fixture(autouse=True)
def _open(settings):
    settings.MQTT_HOOK_SECRET = SECRET


@pytest.fixture
def token():
    _, token = services.register_device(external_id="press-1", name="Press", type="sensor", at=timezone.now())
    return token


@pytest.fixture
def ask(client):
    def ask(door, body, *, secret=SECRET, form=False, query=""):
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {secret}"}
        return client.post(f"/api/mqtt/{door}{query}", data, content_type=kind, headers=headers)

    return ask


def connecting(token, **other):
    return {"username": "press-1", "clientid": "press-1", "password": token, **other}


def using(action, topic, **other):
    return {"username": "press-1", "clientid": "press-1", "action": action, "topic": topic, **other}


def test_a_device_with_its_token_may_connect(ask, token):
    answer = ask("auth", connecting(token))

    assert (answer.status_code, answer.json()) == (200, {"result": "allow"})


@pytest.mark.parametrize(
    "other",
    [
        {"password": "wrong"},
        {"password": ""},
        {"username": "press-2", "clientid": "press-2"},
        {"clientid": "press-2"},
        {"username": SERVICE, "clientid": SERVICE},
        {"username": 7},
        {"password": None},
    ],
)
def test_a_stranger_may_not(ask, token, other):
    answer = ask("auth", connecting(token, **other))

    assert (answer.status_code, answer.json()) == (200, {"result": "deny"})


def test_our_own_account_may_connect(ask, settings):
    body = {"username": SERVICE, "clientid": SERVICE, "password": settings.MQTT_PASSWORD}

    assert ask("auth", body).json() == {"result": "allow"}


def test_a_form_is_understood_as_well(ask, token):
    body = f"username=press-1&clientid=press-1&password={token}".encode()

    assert ask("auth", body, form=True).json() == {"result": "allow"}


def test_a_broker_may_judge_by_the_status(ask, token):
    assert ask("auth", connecting(token), query="?status=1").status_code == 200
    assert ask("auth", connecting("wrong"), query="?status=1").status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"\xff", b'"press-1"', HALF])
@pytest.mark.parametrize("door", ["auth", "acl"])
def test_nonsense_is_denied(ask, door, body):
    assert ask(door, body).json() == {"result": "deny"}


@pytest.mark.parametrize("door", ["auth", "acl"])
def test_a_wrong_secret_learns_nothing(ask, token, door):
    for secret in ("", "wrong", SECRET + "x", "gehé"):
        answer = ask(door, connecting(token), secret=secret)

        assert answer.status_code == 401
        assert "result" not in answer.json()


@pytest.mark.parametrize("door", ["auth", "acl"])
def test_without_a_secret_there_is_no_such_address(ask, settings, door):
    settings.MQTT_HOOK_SECRET = ""

    assert ask(door, {}, secret="").status_code == 404


def test_reading_is_not_asking(client):
    assert client.get("/api/mqtt/auth").status_code == 405


def test_own_topics_are_allowed_and_others_denied(ask, token):
    def judged(*said):
        return ask("acl", using(*said)).json()["result"]

    assert judged("publish", "factory/press-1/readings") == "allow"
    assert judged("subscribe", "factory/press-1/#") == "allow"
    assert judged("subscribe", "$share/any/factory/press-1/commands") == "allow"
    assert judged("publish", "factory/press-1/commands") == "deny"
    assert judged("publish", "factory/press-2/readings") == "deny"
    assert judged("subscribe", "factory/press-2/commands") == "deny"
    assert judged("subscribe", "#") == "deny"
    assert judged("subscribe", "$share/any/#") == "deny"
    assert judged("dance", "factory/press-1/readings") == "deny"


@pytest.mark.parametrize(
    ("acc", "rest", "result"),
    [
        (2, "readings", "allow"),
        (1, "commands", "allow"),
        (4, "commands", "allow"),
        (3, "readings", "allow"),
        (2, "commands", "deny"),
        (3, "commands", "deny"),
        (7, "commands", "deny"),
        (0, "commands", "deny"),
    ],
)
def test_access_may_be_asked_for_by_number(ask, token, acc, rest, result):
    body = {"username": "press-1", "clientid": "press-1", "acc": acc, "topic": f"factory/press-1/{rest}"}

    assert ask("acl", body).json() == {"result": result}


def test_a_client_id_of_another_is_denied(ask, token):
    answer = ask("acl", using("publish", "factory/press-1/readings", clientid="press-2"))

    assert answer.json() == {"result": "deny"}


def test_our_own_account_may_use_every_topic(ask):
    body = {"username": SERVICE, "clientid": SERVICE, "action": "subscribe", "topic": "factory/+/readings"}

    assert ask("acl", body).json() == {"result": "allow"}


def test_a_device_without_a_living_token_has_no_rights_left(ask, token):
    services.revoke_token(token=token, at=timezone.now())

    assert ask("acl", using("publish", "factory/press-1/readings")).json() == {"result": "deny"}
