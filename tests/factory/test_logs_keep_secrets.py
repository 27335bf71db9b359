"""Whatever goes well or wrong: no line of the log has a password, a token, a code or an address with one in it."""

import logging

import pytest
from django.urls import reverse

from alerts.services.sweeping import send_due
from factory.logs import JsonFormatter, LineFormatter
from factory.settings import LOGGING
from tests.accounts.second_factors import make_phone
from tests.alerts.outbox import make_config, raise_trouble
from tests.builders import NOON, PASSWORD, Trpc, data_of, make_user, sign_in
from tests.services import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(caplog):
    """What a plant's log would hold: all that its own settings let through, in both formats, tracebacks included."""
    caplog.set_level("INFO")
    for name, about in LOGGING["loggers"].items():
        if "level" in about:
            caplog.set_level(about["level"], name)
    formats = [JsonFormatter(), LineFormatter()]

    def told() -> str:
        kept = [
            record for record in caplog.records if logging.getLogger(record.name).isEnabledFor(record.levelno)
        ]
        return "\n".join(each.format(record) for record in kept for each in formats)

    return told


def test_no_line_tells_a_secret(client, lines, settings, monkeypatch):
    settings.NOTIFY_LOCAL = True
    client.raise_request_exception = False
    secrets: dict[str, str] = {"password": PASSWORD, "wrong password": "a-wrong-password-of-mine"}
    user = make_user(role="admin")

    # Signing in: rightly, wrongly, by the page, with a second factor
    login = {"email": user.email, "password": PASSWORD}
    secrets["session"] = data_of(Trpc(client).mutate("auth.login", login))["token"]
    statuses = [
        Trpc(client).mutate("auth.login", {**login, "password": secrets["wrong password"]}).status_code,
        client.post("/sign-in", {**login, "password": secrets["wrong password"]}).status_code,
    ]
    phone = make_phone()
    secrets |= {"phone": phone.secret, "recovery": phone.recovery_codes[0]}
    given = {"email": phone.owner.email, "password": PASSWORD, "code": secrets["recovery"]}
    statuses += [
        Trpc(client).mutate("auth.login", each).status_code for each in ({**given, "code": "000000"}, given)
    ]

    # Tokens of devices: made, used, used with nonsense beside them, unknown
    sign_in(client, user)
    api = Trpc(client)
    device = data_of(api.mutate("devices.create", {"deviceId": "press-1", "name": "P", "type": "sensor"}))
    secrets["device"] = device["token"]
    secrets["unknown device"] = device["token"][:-6] + "AAAAAA"
    for token in (secrets["device"], secrets["unknown device"]):
        for body in ({"temperature": 20}, {"temperature": "hot", "token": token}, []):
            statuses.append(Trpc(client, bearer=token).mutate("readings.create", body).status_code)
    wanted = {"name": "ERP", "scope": "read", "expiresInDays": 30, "password": PASSWORD}
    secrets["API token"] = data_of(api.mutate("auth.createApiToken", wanted))["token"]
    statuses.append(Trpc(client, bearer=secrets["API token"]).mutate("devices.create", {}).status_code)
    secrets["claim code"] = data_of(api.mutate("devices.createClaimCode", {"label": "hall"}))["code"]
    hook = {"username": "press-1", "password": secrets["device"]}
    settings.MQTT_HOOK_SECRET = secrets["hook"] = "the-secret-of-the-broker-hook"
    for bearer in (secrets["hook"], "another"):
        headers = {"authorization": f"Bearer {bearer}"}
        statuses.append(
            client.post("/api/mqtt/auth", hook, content_type="application/json", headers=headers).status_code
        )

    # A message to a webhook and to a push service that are not there
    url = f"http://127.0.0.1:{free_port()}/hidden-path?key=hidden-key"
    secrets["signing"] = make_config(type="webhook", recipient=url).secret
    make_config(type="push", recipient=f"gotify://127.0.0.1:{free_port()}/hidden-token")
    secrets |= {"path": "hidden-path", "key": "hidden-key", "push": "hidden-token"}
    raise_trouble()
    send_due(at=NOON)

    # A bug while a password is at hand
    monkeypatch.setattr("factory.accounts.services.check_credentials", lambda **given: 1 / 0)
    monkeypatch.setattr("factory.accounts.pages.sign_in", lambda **given: 1 / 0, raising=False)
    client.cookies.clear()
    statuses.append(Trpc(client).mutate("auth.login", login).status_code)
    client.post(reverse("sign-in"), login)

    log = lines()
    assert {401, 400, 500} <= set(statuses)
    assert "ZeroDivisionError" in log
    assert "delivery." in log
    assert [name for name, secret in secrets.items() if secret in log] == []
