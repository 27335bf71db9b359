"""The whole road with real processes: server, worker, broker, database and mail server."""

import os
import threading
import time
from contextlib import contextmanager
from email import message_from_string, policy
from urllib.parse import urlsplit

import pytest

from tests import services
from tests.plant import ADMIN_SETTINGS, Api, as_admin, running

pytestmark = pytest.mark.integration
THREADS = 50


@contextmanager
def services_under_test(called="main_road"):
    """Nothing for the embedded default; else a database and a Redis number of their own on the servers under test."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("mysql:"):
        yield {}
        return
    import MySQLdb

    parts = urlsplit(url)
    name = f"{called}_{os.getpid()}"
    server = MySQLdb.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username,
        passwd=parts.password or "",
    )
    server.query(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        redis = urlsplit(os.environ.get("REDIS_URL", ""))
        chosen = {"REDIS_URL": redis._replace(path="/15").geturl()} if redis.scheme == "redis" else {}
        yield {"DATABASE_URL": parts._replace(path=f"/{name}").geturl(), **chosen}
    finally:
        server.query(f"DROP DATABASE {name}")
        server.close()


@pytest.fixture(scope="module")
def mailbox():
    with services.smtp() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def plant(tmp_path_factory, mailbox):
    chosen = {**ADMIN_SETTINGS, "EMAIL_URL": mailbox.url, "ALERT_EMAIL": "shift@example.com"}
    with (
        services_under_test() as those,
        running(tmp_path_factory.mktemp("plant"), **chosen, **those) as plant,
    ):
        yield plant.wait_ready()


@pytest.fixture(scope="module")
def admin(plant):
    return as_admin(plant)


def new_device(admin, name: str) -> dict:
    device = admin.data("devices.create", {"deviceId": name, "name": name, "type": "sensor"})
    admin.data("thresholds.create", {"deviceId": device["id"], "metric": "temperature", "maxValue": 90})
    return device


def test_fifty_threads_with_the_same_breach_are_one_open_alert_and_one_e_mail(plant, admin, mailbox):
    device = new_device(admin, "press-1")
    start, barrier, answers = time.time_ns() // 1_000_000, threading.Barrier(THREADS), []

    def post(number: int) -> None:
        api = Api(plant, device["token"])
        barrier.wait(20)
        answers.append(api.data("readings.create", {"temperature": 95, "timestamp": start + number}))

    threads = [threading.Thread(target=post, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    stored = {"success": True, "accepted": 1, "duplicates": 0, "rejected": []}
    assert answers == [stored] * THREADS
    alerts = admin.data("alerts.list", {"deviceId": device["id"]})
    assert [(alert["status"], alert["severity"]) for alert in alerts] == [("active", "critical")]
    rows = {"deviceId": device["id"], "startTime": start, "endTime": start + THREADS}
    assert len(admin.data("readings.getForDevice", rows)) == THREADS

    services.wait_until(lambda: len(mailbox.messages()) >= 1, what="an e-mail")
    time.sleep(18)  # longer than the sweeper's turn, which must find nothing left to send
    [mail] = [message_from_string(text, policy=policy.default) for text in mailbox.messages()]
    assert mail["X-Envelope-To"] == "shift@example.com"
    assert mail["Subject"].strip() == "[critical] press-1: Temperature 95 °C, over the limit of 90 °C"


def test_bad_input_is_named_and_costs_nothing_else(plant, admin):
    device = new_device(admin, "press-2")
    api = Api(plant, device["token"])
    now = time.time_ns() // 1_000_000

    def told(content: bytes) -> tuple[int, str]:
        response = api.post("readings.create", content)
        assert response.headers["content-type"] == "application/json"
        return response.status_code, response.json()["error"]["message"]

    assert told(b'{"temperature": NaN}')[0] == 400
    assert told(b'{"temperature": 1e999}')[0] == 400
    assert told(b'{"temperature": "hot"}') == (400, "data.temperature: must be a number")
    assert told(b'{"temperature": 1, "timestamp": %d}' % (now + 3_600_000)) == (
        400,
        "timestamp: is more than 5 minutes ahead of the server's clock",
    )
    assert told(b'{"temperature": 1, "deviceId": "press-1"}')[0] == 403
    assert told(b"{")[0] == 400
    assert told(b" " * 10_000_000)[0] == 413
    many = b",".join(b'{"power": 1, "timestamp": %d}' % (now - n) for n in range(10_000))
    assert told(b'{"readings": [%s]}' % many) == (400, "readings: holds 10000 items; at most 5000 at once")
    assert Api(plant, "fdt_wrong").post("readings.create", b'{"power": 1}').status_code == 401

    mixed = {"readings": [{"power": 1, "timestamp": now}, {"power": "x"}, {"rpm": 5, "timestamp": now}]}
    assert api.data("readings.create", mixed) == {
        "success": True,
        "accepted": 2,
        "duplicates": 0,
        "rejected": [{"index": 1, "reason": "data.power: must be a number"}],
    }
    latest = admin.data("readings.getLatest", {"deviceId": device["id"]})
    assert latest["data"] == {"power": 1, "rpm": 5}


def test_a_device_is_online_once_heard_and_readiness_says_all_is_well(plant, admin):
    device = new_device(admin, "press-3")
    assert admin.data("devices.getById", {"id": device["id"]})["status"] == "offline"

    Api(plant, device["token"]).data("readings.create", {"power": 1})

    assert admin.data("devices.getById", {"id": device["id"]})["status"] == "online"
    assert plant.get("/health/ready").json() == {"status": "ok", "down": []}
