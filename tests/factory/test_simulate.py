import asyncio
import json
import signal
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from devices.models import Credential, Device
from devices.services import delete_devices
from factory import processes
from factory.demo.kinds import BY_KEY
from factory.demo.machines import Plant
from factory.demo.schedule import Schedule
from factory.demo.seeding import seed_plant, simulated_devices
from factory.demo.server import TemporaryTokens, wait_asked_for
from factory.demo.simulator import KEPT_READINGS, Feed, Link, Simulator
from telemetry.models import Reading
from tests.builders import NOON
from tests.factory.running import free_port, server, start
from tests.services import wait_until


def alive_tokens(label="simulator"):
    return Credential.objects.filter(label=label).alive(timezone.now())


# What is kept while the server is away


def test_a_feed_keeps_the_newest_readings_up_to_a_limit():
    feed = Feed(1, "press-1", 0)
    for number in range(KEPT_READINGS + 5):
        feed.keep({"timestamp": number})

    assert [reading["timestamp"] for reading in feed.waiting] == list(range(5, KEPT_READINGS + 5))


def test_what_was_not_acknowledged_goes_back_to_its_place():
    feed = Feed(1, "press-1", 0)
    for number in range(3):
        feed.keep({"timestamp": number})
    batch = feed.take()
    feed.keep({"timestamp": 3})

    feed.give_back(batch)

    assert [reading["timestamp"] for reading in feed.take()] == [0, 1, 2, 3]


def test_a_server_that_is_away_is_tried_by_one_device_at_a_time_less_and_less_often():
    link = Link()
    link.failed(0.0, "gone")

    tries = [second for second in range(120) for _ in range(3) if link.may_try(float(second))]

    assert tries == [1, 3, 7, 15, 30, 45, 60, 75, 90, 105]
    link.worked()
    assert link.may_try(0.0)
    assert link.may_try(0.0)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0", 0), ("99999", 300), ("-3", 0), ("nan", 2), ("soon", 2), ("", 2)]
)
def test_retry_after_is_read_as_seconds(header, seconds):
    assert wait_asked_for(httpx.Response(429, headers={"retry-after": header}), otherwise=2) == seconds


def test_retry_after_is_read_as_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    assert 90 < wait_asked_for(httpx.Response(503, headers={"retry-after": later}), otherwise=2) <= 100


# Tokens


@pytest.mark.django_db
def test_temporary_tokens_are_renewed_in_time_and_revoked_in_the_end():
    seed_plant(count=3, seed=7, at=NOON)
    devices = list(simulated_devices())
    tokens = TemporaryTokens(devices, label="simulator")
    tokens.issue(at=NOON)
    first = [tokens[device.pk] for device in devices]

    assert not tokens.is_due(at=NOON + timedelta(minutes=29))
    assert tokens.is_due(at=NOON + timedelta(minutes=31))
    tokens.issue(at=NOON + timedelta(minutes=31))

    assert not set(first) & {tokens[device.pk] for device in devices}
    assert Credential.objects.filter(label="simulator", revoked_at=None).count() == 3
    tokens.revoke(at=NOON + timedelta(minutes=32))
    assert Credential.objects.filter(label="simulator", revoked_at=None).count() == 0


@pytest.mark.django_db
def test_a_deleted_device_is_told_when_its_token_is_renewed():
    seed_plant(count=2, seed=7, at=NOON)
    gone, stays = simulated_devices()
    tokens = TemporaryTokens([gone, stays], label="simulator")
    tokens.issue(at=NOON)
    gone_id = gone.pk
    delete_devices(devices=[gone])

    assert tokens.renew([gone_id, stays.pk], at=NOON) == [gone_id]


# Against a server that answers as it is told


class Hesitant(BaseHTTPRequestHandler):
    """Answers the first requests with what `refusals` holds, and takes everything after."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            status, headers = self.server.refusals.pop(0) if self.server.refusals else (200, {})
            (self.server.taken if status == 200 else self.server.refused).append(body)
        answer = b"{}"
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


@pytest.fixture
def hesitant():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hesitant) as http:
        http.daemon_threads = True
        http.lock = threading.Lock()
        http.refusals, http.taken, http.refused = [], [], []
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def simulate_until(http, is_enough, *, interval=0.05):
    """One press, measuring often, until the server has seen enough. Returns the timestamps measured."""
    seed_plant(count=1, seed=7, at=NOON)
    devices = list(simulated_devices())
    tokens = TemporaryTokens(devices, label="simulator")
    tokens.issue(at=timezone.now())

    async def run():
        simulator = Simulator(
            devices,
            plant=Plant([Schedule("press-1", BY_KEY["press"])], at=NOON, rng=Random(1)),
            tokens=tokens,
            url=f"http://127.0.0.1:{http.server_port}",
            interval=interval,
            speed=1,
            began=NOON,
        )
        running = asyncio.create_task(simulator.run())
        async with asyncio.timeout(30):
            while not is_enough():
                await asyncio.sleep(0.01)
        simulator.stop.set()
        await running

    asyncio.run(run())


def readings_in(bodies):
    return [reading for body in bodies for reading in body.get("readings", [body])]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("refusal", [(429, {"retry-after": "1"}), (503, {"retry-after": "1"}), (500, {})])
def test_what_the_server_puts_off_is_sent_as_a_batch_later_and_nothing_is_lost(hesitant, refusal):
    hesitant.refusals.append(refusal)

    simulate_until(hesitant, lambda: len(hesitant.taken) >= 3)

    first = hesitant.taken[0]
    assert len(first["readings"]) > 5
    times = [reading["timestamp"] for reading in readings_in(hesitant.taken)]
    assert times == sorted(set(times))


@pytest.mark.django_db(transaction=True)
def test_a_reading_that_the_server_will_never_take_is_not_sent_again(hesitant):
    hesitant.refusals.append((400, {}))

    simulate_until(hesitant, lambda: len(hesitant.taken) >= 2)

    refused = {reading["timestamp"] for reading in readings_in(hesitant.refused)}
    taken = readings_in(hesitant.taken)
    assert refused
    assert refused.isdisjoint(reading["timestamp"] for reading in taken)
    assert set(taken[0]["data"]) == {"temperature", "vibration", "power", "pressure", "parts", "rejects"}


# The command


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "Run manage.py seed_demo first"),
        ({"interval": 0.5}, "--interval 0.5 is not between 1 and 3600"),
        ({"interval": float("nan")}, "is not between"),
        ({"speed": 0.0}, "--speed 0 is not between"),
        ({"devices": 0}, "--devices 0 is not a number of devices"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line(options, reason):
    with pytest.raises(CommandError, match=reason) as refusal:
        call_command("simulate", **options)
    assert "\n" not in str(refusal.value)


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_simulated_devices_report_to_the_server_and_leave_no_token_behind(number, tmp_path):
    seed_plant(count=5, seed=7, at=NOON)
    everyone = set(Device.objects.values_list("pk", flat=True))

    with server() as url, (tmp_path / "log").open("wb") as log:
        child = start("simulate", "--url", url, "--interval", "1", port=free_port(), output=log)
        try:
            wait_until(
                lambda: set(Reading.objects.values_list("device_id", flat=True)) == everyone,
                what="a reading of every device",
            )
            assert alive_tokens().count() == 5
            processes.send(child, number)
            assert child.wait(10) == 0
        finally:
            processes.stop(child)

    assert alive_tokens().count() == 0
    assert (tmp_path / "log").read_text() == f"5 devices report every 1 s to {url}\n"
    assert set(Device.objects.values_list("status", flat=True)) == {"online"}


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_what_was_measured_while_the_server_was_away_arrives_when_it_is_back(tmp_path):
    seed_plant(count=2, seed=7, at=NOON)
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        child = start(
            "simulate", "--url", f"http://127.0.0.1:{port}", "--interval", "1", port=port, output=log
        )
        try:
            wait_until(lambda: b"server_away" in (tmp_path / "log").read_bytes(), what="the first failure")
            before = int(timezone.now().timestamp() * 1000)
            with server(port):
                kept = Reading.objects.filter(timestamp__lt=before)
                wait_until(kept.exists, what="the arrival of the old readings")
                processes.send(child, signal.SIGTERM)
                assert child.wait(10) == 0
        finally:
            processes.stop(child)

    told = (tmp_path / "log").read_text()
    assert "Traceback" not in told
    assert told.count("server_away") == told.count("server_back") == 1
