"""Webhooks and Apprise against a real HTTP receiver."""

import base64
import hashlib
import hmac
import json
import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.models import Attempt, Delivery, Outage
from alerts.outbox.transports import TRANSPORTS
from alerts.services.delivering import send_delivery
from alerts.services.handling import resolve_alert
from alerts.services.sweeping import send_due
from tests import services
from tests.alerts.outbox import make_config, raise_trouble, statuses
from tests.builders import NOON, Trpc, data_of, make_device, make_user, sign_in

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture(scope="module")
def http():
    with services.http_receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(http, settings):
    settings.NOTIFY_LOCAL = True
    for old in http.folder.glob("*.json"):
        old.unlink()
    return http


def sent_to(url: str, **properties) -> Delivery:
    """The delivery of a new alert to a new webhook, after one try."""
    config = make_config(type="webhook", recipient=url, **properties)
    raise_trouble(message="Too hot")
    delivery = Delivery.objects.get(config=config)
    send_delivery(delivery_id=delivery.pk, at=NOON)
    delivery.refresh_from_db()
    return delivery


def verified(request: dict, secret: str) -> dict:
    """The body, once its signature is as https://www.standardwebhooks.com has it."""
    headers, body = request["headers"], request["body"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    return json.loads(body)


def test_a_webhook_gets_the_alert_as_the_api_tells_of_it_signed(receiver, client):
    config = make_config(type="webhook", recipient=f"{receiver.url}/hook?key=hidden")
    press = make_device(name="Press 3", external_id="press-3", zone="Hall B")
    alert = raise_trouble(severity="warning", device_id=press.pk, metric="temperature", value=95.5)

    assert send_due(at=NOON) == 1

    [request] = receiver.requests()
    body = verified(request, config.secret)
    sign_in(client, make_user())
    known = data_of(Trpc(client).query("alerts.getById", {"id": alert.pk}))
    del known["events"]
    assert request["path"] == "/hook?key=hidden"
    assert request["headers"]["content-type"] == "application/json"
    assert body == {
        "type": "alert.opened",
        "timestamp": "2026-06-01T12:00:00.000Z",
        "data": {
            "alert": known,
            "device": {"id": press.pk, "deviceId": "press-3", "name": "Press 3", "zone": "Hall B"},
        },
    }


def test_a_repetition_has_the_id_of_the_first_time_and_a_time_of_its_own(receiver):
    delivery = sent_to(f"{receiver.url}/429")
    send_due(at=NOON + timedelta(minutes=5))

    ids = [request["headers"]["webhook-id"] for request in receiver.requests()]
    times = [int(request["headers"]["webhook-timestamp"]) for request in receiver.requests()]
    assert ids == [f"delivery-{delivery.pk}"] * 2
    assert times[1] - times[0] == pytest.approx(300, abs=5)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/200", "sent", ""),
        ("/204", "sent", ""),
        ("/302", "failed", "302 Found. Redirects are not followed"),
        ("/400", "failed", "400 Bad Request"),
        ("/404", "failed", "404 Not Found"),
        ("/410", "failed", "410 Gone"),
        ("/408", "pending", "408 Request Timeout"),
        ("/429", "pending", "429 Too Many Requests"),
        ("/500", "pending", "500 Internal Server Error"),
        ("/503", "pending", "503 Service Unavailable"),
    ],
)
def test_what_the_receiver_says_decides_and_its_body_is_shown_to_nobody(receiver, path, status, words):
    delivery = sent_to(receiver.url + path)

    assert (delivery.status, delivery.error) == (status, words)
    assert [attempt.words for attempt in delivery.tries.all()] == [words]
    assert len(receiver.requests()) == 1
    assert Outage.objects.exists() is (path in {"/500", "/503"})


def test_one_who_asks_for_time_gets_it(receiver):
    assert sent_to(f"{receiver.url}/429").due_at >= NOON + timedelta(seconds=90)


def test_a_receiver_that_is_away_gets_everything_once_when_it_is_back(settings):
    settings.NOTIFY_LOCAL = True
    port = services.free_port()
    make_config(type="webhook", recipient=f"http://127.0.0.1:{port}/")
    for severity in ("info", "warning", "critical"):
        raise_trouble(severity=severity)
    assert send_due(at=NOON) == 0
    assert Delivery.objects.exclude(error="").get().error.startswith("The connection failed")

    with services.http_receiver(port) as receiver:
        assert send_due(at=NOON + timedelta(minutes=1)) == 3
        told = [json.loads(request["body"])["data"]["alert"]["severity"] for request in receiver.requests()]

    assert told == ["critical", "warning", "info"]


def test_a_message_that_a_receiver_cannot_stomach_does_not_hold_up_the_others_for_ever(receiver):
    config = make_config(type="webhook", recipient=f"{receiver.url}/500")
    raise_trouble()
    poison = Delivery.objects.get()
    for number in range(6):
        at = NOON + number * timedelta(minutes=11)
        send_due(at=at)
    assert poison.tries.count() == 6
    poison.refresh_from_db()
    assert (poison.status, poison.attempts) == ("pending", 0)
    assert poison.due_at >= at + timedelta(minutes=10), "it steps aside"

    config.recipient = f"{receiver.url}/200"  # as if it minded only that one
    config.save(update_fields=["sealed_recipient"])
    raise_trouble(severity="info", at=at)
    Outage.objects.update(retry_at=at)
    assert send_due(at=at) == 1
    assert Outage.objects.count() == 0


def test_a_receiver_that_drips_its_answer_holds_up_nobody(receiver, monkeypatch):
    monkeypatch.setitem(TRANSPORTS, "webhook", replace(TRANSPORTS["webhook"], seconds=0.5))

    delivery = sent_to(f"{receiver.url}/drip")

    assert (delivery.status, delivery.error) == ("pending", "No answer within 0.5 seconds.")


def test_a_host_that_has_become_this_server_itself_is_not_sent_to(receiver, settings):
    make_config(type="webhook", recipient=f"{receiver.url}/")
    raise_trouble()
    settings.NOTIFY_LOCAL = False

    assert send_due(at=NOON) == 0
    assert Delivery.objects.get().error == "127.0.0.1 is this server itself, to which nothing is sent."
    assert receiver.requests() == []


def test_a_webhook_goes_to_the_address_that_was_looked_at_and_asks_for_the_name(receiver, monkeypatch):
    port = receiver.url.rpartition(":")[2]
    config = make_config(type="webhook", recipient=f"http://hooks.invalid:{port}/hook")
    real, asked = socket.getaddrinfo, []

    def rebound(host: str, *about, **more) -> list:
        """A name that means the receiver now, and another machine to whoever asks again."""
        if host == "hooks.invalid":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return real(host, *about, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    raise_trouble()

    assert send_due(at=NOON) == 1
    [request] = receiver.requests()
    assert (asked, request["headers"]["host"]) == (["hooks.invalid"], f"hooks.invalid:{port}")
    assert Delivery.objects.get(config=config).status == "sent"


def test_a_name_with_one_address_inside_is_refused_as_a_whole(receiver, settings, monkeypatch):
    settings.NOTIFY_LOCAL = True
    port = int(receiver.url.rpartition(":")[2])
    make_config(type="webhook", recipient=f"http://hooks.invalid:{port}/hook")
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.1", "10.0.0.7")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    raise_trouble()

    assert send_due(at=NOON) == 0
    assert "hooks.invalid is in a private network" in Delivery.objects.get().error
    assert receiver.requests() == []


def test_a_host_that_is_not_found_is_an_outage():
    delivery = sent_to("https://nowhere.invalid/hook")

    assert (delivery.status, delivery.error) == ("pending", "The host nowhere.invalid was not found.")


def test_what_a_webhook_was_held_back_from_comes_as_a_digest(receiver):
    config = make_config(
        type="webhook", recipient=f"{receiver.url}/", quiet_hours={"start": "11:00", "end": "13:00"}
    )
    first = raise_trouble(severity="info")
    second = raise_trouble(severity="critical")
    resolve_alert(alert=first, by=make_user(role="operator"), at=NOON)

    send_due(at=NOON + timedelta(hours=1))

    [request] = receiver.requests()
    body = verified(request, config.secret)
    told = [(each["event"], each["alert"]["id"], each["alert"]["status"]) for each in body["data"]["alerts"]]
    assert (body["type"], body["data"]["total"]) == ("alerts.digest", 2)
    assert told == [("opened", second.pk, "active"), ("opened", first.pk, "resolved")]


def test_apprise_reaches_a_push_server_of_the_plants_own(receiver):
    make_config(type="push", recipient=f"ntfy://user:pass@{receiver.url.removeprefix('http://')}/presses")
    alert = raise_trouble(message="Too hot", device_id=make_device(name="Press 3").pk)

    assert send_due(at=NOON) == 1

    [request] = receiver.requests()
    body = json.loads(request["body"])
    assert (body["topic"], body["title"]) == ("presses", "[critical] Press 3: Too hot")
    assert f"/alerts/{alert.pk}/" in body["message"]
    assert "Acknowledge: " in body["message"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("403", "failed", "ntfy: 403 Forbidden"), ("500", "pending", "ntfy: 500 Internal Server Error")],
)
def test_what_a_push_service_says_is_told_without_the_secrets_of_its_url(
    receiver, path, status, words, caplog
):
    host = receiver.url.removeprefix("http://")
    make_config(type="push", recipient=f"gotify://{host}/{path}/hiddentoken")
    raise_trouble()

    send_due(at=NOON)

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.recipient) == (status, "gotify://…")
    assert delivery.error == words.replace("ntfy", "Gotify")
    assert "hiddentoken" not in caplog.text
    assert list(Attempt.objects.values_list("words", flat=True)) == [delivery.error]


def test_a_push_server_that_is_away_is_an_outage(settings):
    settings.NOTIFY_LOCAL = True
    make_config(type="push", recipient=f"ntfy://127.0.0.1:{services.free_port()}/presses")
    raise_trouble()

    assert send_due(at=NOON) == 0
    assert (statuses(), Outage.objects.get().error) == (["pending"], "ntfy: no connection.")


def test_secrets_of_a_webhook_are_in_no_log_and_no_row(receiver, caplog):
    caplog.set_level("DEBUG")
    for path in ("/500/hidden?key=hidden", "/404/hidden", "/200/hidden"):
        sent_to(receiver.url + path)

    rows = [
        *Delivery.objects.values_list("recipient", "error", "way"),
        *Attempt.objects.values_list("words"),
        *Outage.objects.values_list("transport", "error"),
    ]
    assert "hidden" not in str(rows)
    ours = [
        record for record in caplog.records if not record.name.startswith(("httpcore", "httpx", "urllib3"))
    ]
    assert "hidden" not in "\n".join(record.getMessage() + str(vars(record)) for record in ours)
