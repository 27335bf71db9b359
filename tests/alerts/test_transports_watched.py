"""Where Apprise connects to in the end, whatever its URLs say; and what is told of them."""

import json
import socket
import threading

import httpx
import pytest
import requests
from apprise.plugins.telegram import NotifyTelegram

from alerts.models import Attempt, Delivery, Outage
from alerts.outbox.transports import TRANSPORTS
from alerts.outbox.transports.hosts import problem_with_address, watched
from alerts.services.delivering import send_delivery
from alerts.services.sweeping import send_due
from factory.limits.addresses import read_networks
from tests import services
from tests.alerts.outbox import make_config, raise_trouble
from tests.builders import NOON, make_device

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

OURSELVES = "the host is this server itself, to which nothing is sent."


@pytest.fixture(scope="module")
def http():
    with services.http_receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(http):
    for old in http.folder.glob("*.json"):
        old.unlink()
    return http


@pytest.fixture
def own_address() -> str:
    """One of this machine's, not loopback. To find it nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        address: str = probe.getsockname()[0]
        return address


def pushed_to(recipient: str) -> Delivery:
    """The delivery of a new alert to a new push config, after one try."""
    config = make_config(type="push", recipient=recipient)
    raise_trouble()
    delivery = Delivery.objects.get(config=config)
    send_delivery(delivery_id=delivery.pk, at=NOON)
    delivery.refresh_from_db()
    return delivery


def test_a_redirect_is_not_followed_even_if_the_url_asks_for_it(receiver, settings):
    settings.NOTIFY_LOCAL = True
    host = receiver.url.removeprefix("http://")

    delivery = pushed_to(f"gotify://{host}/302/hiddentoken?redirect=yes")

    assert (delivery.status, delivery.error) == ("failed", "Gotify: 302 Found")
    assert len(receiver.requests()) == 1


def test_a_host_that_hides_in_another_part_of_the_url_is_not_connected_to():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        delivery = pushed_to(f"zulip://bot@127.0.0.1%3A{port}%2Fx/{'a' * 32}")
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()

    assert (delivery.status, delivery.error) == ("failed", f"Zulip: {OURSELVES}")


def test_a_name_that_means_this_server_by_now_is_not_connected_to(receiver, settings):
    settings.NOTIFY_LOCAL = True
    make_config(type="push", recipient=f"gotify://localhost:{receiver.url.rpartition(':')[2]}/hiddentoken")
    raise_trouble()
    settings.NOTIFY_LOCAL = False

    assert send_due(at=NOON) == 0
    assert Delivery.objects.get().error == f"Gotify: {OURSELVES}"
    assert receiver.requests() == []


def test_only_the_thread_that_is_watched_is_kept_from_connecting(receiver):
    inside: list[int] = []

    def ask() -> None:
        inside.append(httpx.post(receiver.url, trust_env=False).status_code)

    with watched() as refused:
        with pytest.raises(requests.ConnectionError):
            requests.post(receiver.url, timeout=5)
        other = threading.Thread(target=ask)
        other.start()
        other.join()
    assert (refused, inside) == (["is this server itself"], [200])

    ask()
    assert inside == [200, 200], "afterwards it may again"


def test_what_is_no_address_is_not_connected_to_either(tmp_path):
    path = str(tmp_path / "socket")
    with (
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
        watched() as refused,
    ):
        server.bind(path)
        server.listen()
        with pytest.raises(OSError, match="is no IP address"):
            client.connect(path)
    assert refused == ["is no IP address"]


def test_this_servers_own_address_in_the_network_is_this_server_itself(own_address, settings):
    assert problem_with_address(own_address) == "is this server itself"
    assert problem_with_address(f"::ffff:{own_address}") == "is this server itself"
    assert problem_with_address("203.0.113.1") is None

    settings.NOTIFY_NETWORKS = read_networks(["0.0.0.0/0"])
    assert problem_with_address(own_address) == "is this server itself"
    settings.NOTIFY_NETWORKS, settings.NOTIFY_LOCAL = [], True
    assert problem_with_address(own_address) is None


def test_ipv6_hosts_are_reached_and_refused_like_others(settings):
    recipient = f"gotify://[::1]:{services.free_port()}/hiddentoken"
    assert TRANSPORTS["push"].problem(recipient) == "::1 is this server itself, to which nothing is sent"

    settings.NOTIFY_LOCAL = True
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        make_config(type="push", recipient=f"gotify://[::1]:{server.getsockname()[1]}/hiddentoken")
        raise_trouble()
        sending = threading.Thread(target=_answer, args=(server,), daemon=True)
        sending.start()
        assert send_due(at=NOON) == 1
        sending.join(5)


def _answer(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as lines:
        size = 0
        while line := lines.readline().strip():
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        lines.read(size)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


@pytest.mark.parametrize(
    "recipient", ["ntfy://hiddentopic", f"matrix://{'hidden12' * 8}", "lametric://hiddenkey@hiddendevice"]
)
def test_what_stands_where_others_have_a_host_is_neither_looked_up_nor_shown(recipient, caplog, monkeypatch):
    looked_up: list[str] = []

    def nobody(host: str, *_: object, **__: object) -> list[object]:
        looked_up.append(host)
        raise socket.gaierror("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    make_config(type="push", recipient=recipient)
    assert looked_up == []
    raise_trouble()
    caplog.set_level("INFO")

    assert send_due(at=NOON) == 0

    rows = [
        *Delivery.objects.values_list("recipient", "error", "way"),
        *Attempt.objects.values_list("words"),
        *Outage.objects.values_list("transport", "error"),
    ]
    assert "no connection." in str(rows)
    assert "hidden" not in str(rows)
    ours = [record for record in caplog.records if record.name != "apprise"]  # nothing of which is kept
    assert ours
    assert "hidden" not in str([(record.getMessage(), vars(record)) for record in ours])


def test_markup_in_a_name_stays_text(receiver, settings, monkeypatch):
    settings.NOTIFY_LOCAL = True
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{receiver.url}/bot")
    make_config(type="push", recipient=f"tgram://123456789:{'a' * 35}/12345678")
    device = make_device(name="Press <b>3</b>")
    raise_trouble(device_id=device.pk, message="<a href='http://evil.example'>Too hot</a> & more")

    assert send_due(at=NOON) == 1

    [request] = receiver.requests()
    sent = json.loads(request["body"])
    assert sent["parse_mode"] == "HTML"
    assert "Press &lt;b&gt;3&lt;/b&gt;" in sent["text"]
    assert "&lt;a href=" in sent["text"]
    assert "<a" not in sent["text"]


def test_markup_in_a_title_stays_text_where_titles_are_rendered(receiver, settings, monkeypatch):
    settings.NOTIFY_LOCAL = True
    sent: list[dict] = []

    def keep(url: str, **about: str) -> requests.Response:
        sent.append(json.loads(about["data"]))
        return requests.request("POST", receiver.url, data=about["data"], timeout=5)

    monkeypatch.setattr("apprise.plugins.workflows.requests.post", keep)
    make_config(type="push", recipient="workflows://192.0.2.9:443/flow/signature")
    raise_trouble(message="[Too hot](http://evil.example)")

    assert send_due(at=NOON) == 1
    texts = [block.get("text", "") for block in sent[0]["attachments"][0]["content"]["body"]]
    assert any(r"\[Too hot\]\(http" in text for text in texts)
    assert "[Too hot](" not in str(texts)


@pytest.mark.parametrize("port", ["0", "99999", "65536"])
def test_a_webhook_on_a_port_that_cannot_be_is_no_url(port):
    problem = TRANSPORTS["webhook"].problem(f"http://hooks.invalid:{port}/")

    assert problem == "is no URL such as https://host/path"
