"""The plant as its people meet it at scale: through nginx, with processes dying behind it."""

import contextlib
import json
import re
import threading
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests import services
from tests.deploy.scaled import LIVE, WEB, scaled
from tests.plant import ADMIN

pytestmark = pytest.mark.integration
FIRMWARE = bytes(range(256)) * 16_000  # 4 MB


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    try:
        with scaled(tmp_path_factory.mktemp("scaled")) as plant:
            yield plant
    except (services.NotInstalled, ImportError) as missing:
        pytest.skip(f"not installed: {missing}")


@pytest.fixture(scope="module")
def token(plant):
    return plant.admins_token()


@pytest.fixture
def admin(plant, token):
    with plant.client(token) as client:
        yield client


@pytest.fixture
def device(plant, admin, request):
    name = re.sub(r"[^A-Za-z0-9]", "-", request.node.name)[-60:]
    return plant.data(admin, "devices.create", {"deviceId": name, "name": "P", "type": "sensor"})


def send(plant, device, value):
    with plant.client(device["token"]) as client:
        reading = {"data": {"temperature": value}, "timestamp": time.time_ns() // 1_000_000}
        assert plant.data(client, "readings.create", reading)["accepted"] == 1


@contextlib.contextmanager
def listening(plant, token):
    """A person's WebSocket that hears readings."""
    with connect(
        plant.url.replace("https", "wss") + "/ws",
        ssl=plant.tls_of_sockets,
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
    ) as live:
        live.send(json.dumps({"type": "subscribe", "channels": ["readings"], "batch": False}))
        hear(live, lambda message: message["type"] == "subscription_confirm")
        yield live


def hear(live, wanted):
    end = time.monotonic() + 15
    while time.monotonic() < end:
        message = json.loads(live.recv(timeout=15))
        if wanted(message):
            return message
    raise AssertionError("never heard")


def temperature_of(message):
    return message["data"]["data"]["temperature"] if message["type"] == "sensor_data" else None


@contextlib.contextmanager
def subscribed(plant, token):
    """What comes as server-sent events, line by line."""
    with (
        plant.client(token) as client,
        client.stream(
            "GET", "/api/trpc/readings.onReading", headers={"accept": "text/event-stream"}
        ) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "event: connected"
        yield stream, lines


# What goes through


def test_plain_http_is_sent_to_https_with_its_method(plant):
    answer = httpx.post(
        f"http://127.0.0.1:{plant.ports['http']}/api/trpc/auth.login?a=1",
        headers={"host": "localhost"},
        trust_env=False,
    )

    assert (answer.status_code, answer.headers["location"]) == (
        308,
        "https://localhost/api/trpc/auth.login?a=1",
    )


def test_a_person_signs_in_and_is_told_to_stay_on_https(plant):
    with plant.client() as browser:
        answer = browser.post("/api/trpc/auth.login", json=ADMIN, headers={"origin": plant.url})

        cookie = answer.headers["set-cookie"]
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        page = browser.get("/")
        assert page.status_code == 200
        assert page.headers["strict-transport-security"].startswith("max-age=31536000")


def test_a_write_is_taken_from_a_page_of_this_address_and_refused_from_another_site(plant):
    with plant.client() as browser:
        browser.post("/api/trpc/auth.login", json=ADMIN)

        evil = browser.post("/api/trpc/auth.logout", json={}, headers={"origin": "https://evil.example"})
        own = browser.post("/api/trpc/auth.logout", json={}, headers={"origin": plant.url})

    assert (evil.status_code, own.status_code) == (403, 200)


def test_a_reading_is_seen_at_once_on_a_socket_and_in_an_event_stream(plant, token, device):
    with listening(plant, token) as live, subscribed(plant, token) as (stream, lines):
        assert stream.headers["content-type"].startswith("text/event-stream")

        send(plant, device, 71.5)

        assert hear(live, lambda message: temperature_of(message) == 71.5)
        heard = next(line for line in lines if line.startswith("data:") and "71.5" in line)
        assert json.loads(heard.removeprefix("data:"))["deviceId"] == device["id"]


def test_a_device_speaks_over_its_own_socket(plant, device):
    with connect(
        plant.url.replace("https", "wss") + "/ws",
        ssl=plant.tls_of_sockets,
        additional_headers={"Authorization": f"Bearer {device['token']}"},
        proxy=None,
    ) as live:
        live.send(json.dumps({"type": "reading", "data": {"temperature": 20}}))

        assert hear(live, lambda message: message["type"] == "reading_ack")["data"]["accepted"] == 1


def test_firmware_is_uploaded_and_fetched_in_ranges(plant, admin):
    answer = admin.post(
        "/api/trpc/firmware.create",
        data={"version": "1.0.0", "deviceType": "sensor"},
        files={"file": ("sensor.bin", FIRMWARE)},
    )
    assert answer.status_code == 200, answer.text
    path = f"/api/firmware/{answer.json()['result']['data']['id']}/file"

    whole = admin.get(path)
    part = admin.get(path, headers={"range": "bytes=1000000-1999999", "if-range": whole.headers["etag"]})

    assert (whole.status_code, whole.content) == (200, FIRMWARE)
    assert (part.status_code, part.content) == (206, FIRMWARE[1_000_000:2_000_000])
    assert part.headers["content-range"] == f"bytes 1000000-1999999/{len(FIRMWARE)}"


@pytest.mark.parametrize(
    ("path", "size"), [("/api/trpc/readings.create", 6_000_000), ("/api/trpc/firmware.create", 12_000_000)]
)
def test_what_is_too_big_is_refused(plant, admin, path, size):
    try:
        answer = admin.post(path, content=b"x" * size, headers={"content-type": "application/json"})
    except httpx.WriteError:
        return  # cut off while it was still sending
    assert answer.status_code == 413


def test_styles_are_kept_for_ever_under_the_hash_of_what_they_are(plant):
    with plant.client() as browser:
        page = browser.get("/sign-in").text
        address = re.search(r"/static/factory/[\w/-]+\.[0-9a-f]{12}\.(css|js)", page).group()

        hashed = browser.get(address, headers={"accept-encoding": "gzip"})
        plain = browser.get("/static/factory/app.js")

    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-encoding"] == "gzip"
    assert "strict-transport-security" in hashed.headers
    assert plain.headers["cache-control"] == "public, max-age=60"


def test_who_claims_to_come_from_elsewhere_is_still_known_by_the_connection(plant, admin):
    spoofed = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9", "x-real-ip": "203.0.113.9"}

    plant.data(admin, "auth.me", None)
    admin.post("/api/trpc/auth.login", json=ADMIN, headers=spoofed)

    sessions = plant.manage(
        "shell",
        "-c",
        "from factory.accounts.models import Session as S;"
        "print(S.objects.filter(address__contains='203.0.113').count(),"
        " S.objects.filter(address='127.0.0.1').count() > 0)",
    )
    assert sessions.split()[-2:] == ["0", "True"]


def test_metrics_are_nobodys_business_out_there(plant, admin):
    assert admin.get("/metrics").status_code == 404


# What dies behind it


def test_a_killed_web_process_costs_nobody_a_reading(plant, device):
    failed, sent = [], []

    def post_all(lane):
        with plant.client(device["token"]) as client:
            for number in range(150):
                at = time.time_ns() // 1_000_000
                reading = {"data": {f"t{lane}": number}, "timestamp": at}
                answer = client.post("/api/trpc/readings.create", json=reading)
                (sent if answer.status_code == 200 else failed).append((lane, number, answer.status_code))
                time.sleep(0.01)

    lanes = [threading.Thread(target=post_all, args=(lane,)) for lane in range(4)]
    for lane in lanes:
        lane.start()
    time.sleep(0.7)
    plant.kill(WEB[0])
    for lane in lanes:
        lane.join()
    try:
        assert (len(sent), failed) == (600, [])
    finally:
        plant.start_processes(WEB[0])


def test_who_was_on_a_killed_live_process_is_served_by_the_other_one(plant, token, device):
    with contextlib.ExitStack() as sockets:
        lives = [sockets.enter_context(listening(plant, token)) for _ in range(4)]
        plant.kill(LIVE[0])
        try:
            send(plant, device, 33.25)
            cut_off = [live for live in lives if not still_hears(live, 33.25)]
            assert 0 < len(cut_off) < len(lives)
            for _ in cut_off:
                again = sockets.enter_context(listening(plant, token))
                send(plant, device, 34.5)
                assert hear(again, lambda message: temperature_of(message) == 34.5)
        finally:
            plant.start_processes(LIVE[0])


def still_hears(live, value):
    try:
        return bool(hear(live, lambda message: temperature_of(message) == value))
    except ConnectionClosed:
        return False


def test_an_event_stream_goes_on_where_it_was_when_its_process_was_killed(plant, token, device):
    with plant.client(token) as client:
        last = ""
        send(plant, device, 1.5)
        for killed in LIVE:
            with contextlib.suppress(httpx.RemoteProtocolError), subscribed(plant, token) as (_, lines):
                send(plant, device, 2.5)
                for line in lines:
                    if line.startswith("id:"):
                        last = line.removeprefix("id:").strip()
                        break
                plant.kill(killed)
            plant.start_processes(killed)
        send(plant, device, 77.75)  # while nobody listens

        with client.stream(
            "GET",
            "/api/trpc/readings.onReading",
            headers={"accept": "text/event-stream", "last-event-id": last},
        ) as stream:
            assert next(line for line in stream.iter_lines() if "77.75" in line)


def test_with_nobody_behind_it_says_so_in_each_ones_own_words(plant):
    for name in WEB:
        plant.kill(name)
    try:
        with plant.client() as client:
            api = client.post("/api/trpc/readings.create", json={})
            page = client.get("/devices/")
    finally:
        plant.start_processes(*WEB)

    assert (api.status_code, api.headers["retry-after"]) == (503, "2")
    assert api.json()["error"]["data"] == {"code": "SERVICE_UNAVAILABLE", "httpStatus": 503}
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    with plant.client() as client:
        assert client.get("/health/live").status_code == 200
