"""`manage.py ingest_mqtt` with a real broker and real processes, some of which are killed."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from alerts.models import Alert
from devices.models import Credential, RefusedMessage
from devices.models import Device as DeviceRow
from factory import processes
from factory.demo.seeding import seed_plant
from telemetry.models import Reading
from tests import services
from tests.builders import NOON, make_device, make_threshold
from tests.factory.running import ROOT, environment, free_port, server
from tests.live.device import Device
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
BROKER = ("allow_anonymous true", "max_inflight_messages 1000", "max_queued_messages 0")


@pytest.fixture
def broker():
    with services.mosquitto(lines=BROKER) as url:
        yield url


class Ingest:
    """A running `manage.py ingest_mqtt`."""

    def __init__(self, url, log, env=None):
        self.log = log
        with log.open("ab") as output:
            self.child = processes.start(
                [sys.executable, ROOT / "manage.py", "ingest_mqtt"],
                env={**(env or environment(free_port())), "MQTT_URL": url},
                cwd=ROOT,
                output=output,
            )

    @property
    def output(self):
        return self.log.read_text()

    def wait_for(self, event, *, seconds=30.0):
        wait_until(lambda: f" {event} " in self.output, what=f"{event}:\n{self.output}", seconds=seconds)
        return self

    def kill(self):
        processes.send(self.child, signal.SIGKILL)
        self.child.wait()

    def end(self):
        """Stop it in order; how long that took."""
        began = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(10) == 0
        return time.monotonic() - began


@pytest.fixture
def ingest(broker, tmp_path):
    """Starts one after the other; all are gone in the end."""
    with contextlib.ExitStack() as started:

        def start(name="one", url=broker, env=None):
            one = Ingest(url, tmp_path / f"{name}.log", env)
            started.callback(processes.stop, one.child, patience=10)
            return one

        yield start


@pytest.fixture
def at_broker(broker, settings):
    """What this process takes for the broker of its settings."""
    address = urlsplit(broker)
    settings.MQTT_ENABLED = True
    settings.MQTT_HOST, settings.MQTT_PORT = address.hostname, address.port
    return broker


def stored(device):
    rows = Reading.objects.filter(device_id=device.pk).order_by("timestamp")
    return [data["power"] for data in rows.values_list("data", flat=True)]


def now():
    return time.time_ns() // 1_000_000


def test_a_reading_is_in_the_database_when_its_device_is_told(broker, ingest):
    row = make_device()
    ingest().wait_for("mqtt.connected")

    with Device(broker, row.external_id) as device:
        device.say("readings", {"data": {"power": 1}, "timestamp": now(), "ref": "first"})
        device.wait_for_refs(["first"])
        assert stored(row) == [1]


def test_bad_messages_are_kept_for_a_look_and_block_nothing(broker, ingest):
    row = make_device()
    ingest().wait_for("mqtt.connected")

    with Device(broker, row.external_id) as device, Device(broker, "nobody") as nobody:
        nobody.say("readings", {"power": 1})
        for bad in (b"{", b"\xff" * 200_000, b"[]", b'{"deviceId": "other", "power": 1}'):
            device.say("readings", bad)
        device.say("status", b"perhaps")
        device.say("readings", {"power": 1, "ref": "good"})
        device.wait_for_refs(["good"])

    wait_until(lambda: RefusedMessage.objects.count() == 5, what="what was refused")
    assert set(RefusedMessage.objects.values_list("device_id", flat=True)) == {row.pk}
    assert stored(row) == [1]


def test_a_device_comes_with_hello_and_goes_with_goodbye_or_its_will(broker, ingest):
    row = make_device(firmware_version="1.0")
    ingest().wait_for("mqtt.connected")

    def status():
        return tuple(DeviceRow.objects.values_list("status", "firmware_version").get(pk=row.pk))

    with Device(broker, row.external_id) as device:
        device.say("status", {"status": "online", "generation": 1, "firmwareVersion": "2.0"}, retain=True)
        wait_until(lambda: status() == ("online", "2.0"), what="the hello")
        # A last word right after the last readings comes after them.
        for number in range(200):
            device.say("readings", {"power": number, "timestamp": now() - 1000 + number})
        device.say("status", "offline", retain=True)
        wait_until(lambda: status() == ("offline", "2.0"), what="the goodbye")
        assert len(stored(row)) == 200

    will = b'{"status":"offline","generation":2}'
    device = Device(broker, row.external_id, will=will).__enter__()
    device.say("status", {"status": "online", "generation": 2}, retain=True)
    wait_until(lambda: status() == ("online", "2.0"), what="the second hello")
    device.vanish()
    wait_until(lambda: status() == ("offline", "2.0"), what="the will")


def test_what_the_broker_has_kept_does_not_undo_what_was_heard_since(broker, ingest):
    row, fresh = make_device(), make_device()
    first = ingest("first").wait_for("mqtt.connected")

    with Device(broker, row.external_id) as device:
        device.say("status", "offline", retain=True)
        device.say("readings", {"power": 1, "timestamp": now(), "ref": 1}, retain=True)
        device.wait_for_refs([1])
        first.end()
        with Device(broker, fresh.external_id) as unheard:
            unheard.say("status", "online", retain=True)
        ingest("second").wait_for("mqtt.connected")  # and is told again all that the broker has kept
        device.wait_for_refs([1])
        wait_until(lambda: len(device.answers) == 2, what="the kept reading's second answer")
    wait_until(lambda: DeviceRow.objects.get(pk=fresh.pk).status == "online", what="the kept hello")

    assert device.answers[1]["duplicates"] == 1
    assert DeviceRow.objects.get(pk=row.pk).status == "online"


def test_the_standby_takes_over_from_one_that_was_killed_and_nothing_is_lost(broker, ingest):
    row = make_device()
    first = ingest("first").wait_for("mqtt.connected")
    standby = ingest("second").wait_for("mqtt.standby")
    assert "mqtt.connected" not in standby.output

    with Device(broker, row.external_id) as device:
        begin, sent = now() - 30_000, 0
        while sent < 1000:
            device.say("readings", {"power": sent, "timestamp": begin + sent, "ref": sent})
            sent += 1
            if sent == 500:
                wait_until(lambda: device.answers, what="the first answers")
                first.kill()
                killed = time.monotonic()
        standby.wait_for("mqtt.active", seconds=10)
        assert time.monotonic() - killed < 8
        device.wait_for_refs(range(1000))
    assert stored(row) == list(range(1000))


def test_one_that_is_told_to_end_finishes_what_it_has_and_the_next_begins_at_once(broker, ingest):
    row = make_device()
    first = ingest("first").wait_for("mqtt.connected")
    second = ingest("second").wait_for("mqtt.standby")

    with Device(broker, row.external_id) as device:
        begin = now() - 30_000
        for number in range(3000):
            device.say("readings", {"power": number, "timestamp": begin + number, "ref": number})
        wait_until(lambda: device.answers, what="the first answers")
        assert first.end() < 8
        told = {answer["ref"] for answer in device.answers}
        assert told <= set(stored(row))
        second.wait_for("mqtt.active", seconds=3)
        device.wait_for_refs(range(3000))
    assert stored(row) == list(range(3000))
    assert "Traceback" not in first.output + second.output


def test_a_broker_that_comes_back_with_nothing_left_is_found_and_told_again_what_we_want(ingest):
    row, port = make_device(), free_port()
    ingesting = ingest(url=f"mqtt://127.0.0.1:{port}").wait_for("mqtt.connection_failed")

    with services.mosquitto(port, lines=BROKER) as url, Device(url, row.external_id) as device:
        ingesting.wait_for("mqtt.connected")
        device.say("readings", {"power": 1, "ref": "before"})
        device.wait_for_refs(["before"])
    with services.mosquitto(port, lines=BROKER) as url, Device(url, row.external_id) as device:
        wait_until(lambda: ingesting.output.count(" mqtt.connected ") == 2, what="the connection")
        device.say("readings", {"power": 2, "ref": "after"})
        device.wait_for_refs(["after"])

    assert stored(row) == [1, 2]


def test_an_outage_of_the_database_loses_nothing_and_nobody_is_told_too_early(broker, ingest, tmp_path):
    if connection.vendor != "mysql":
        pytest.skip("SQLite is never away")
    import MySQLdb

    port = free_port()
    data = tmp_path / "mariadb"
    data.mkdir()
    env = {
        **environment(free_port()),
        "DATABASE_URL": f"mysql://root@127.0.0.1:{port}/factory",
        "FACTORY_DATA": os.environ["FACTORY_DATA"],
    }

    def rows():
        with contextlib.closing(
            MySQLdb.connect(host="127.0.0.1", port=port, user="root", database="factory")
        ) as session:
            cursor = session.cursor()
            cursor.execute("SELECT JSON_VALUE(data, '$.power') FROM telemetry_reading ORDER BY timestamp")
            return [int(float(value)) for (value,) in cursor.fetchall()]

    with services.mariadb(data=data, port=port):
        register = (
            "from django.utils import timezone; from devices.services import register_device;"
            "register_device(external_id='press-1', name='x', type='sensor', at=timezone.now())"
        )
        for arguments in (["migrate", "-v0"], ["shell", "-v0", "-c", register]):
            subprocess.run([sys.executable, ROOT / "manage.py", *arguments], env=env, check=True, cwd=ROOT)
        ingesting = ingest(env=env).wait_for("mqtt.connected")
        device = Device(broker, "press-1").__enter__()
        begin = now() - 50_000
        for number in range(300):
            device.say("readings", {"power": number, "timestamp": begin + number, "ref": number})
        wait_until(lambda: device.answers, what="the first answers")
    try:
        for number in range(300, 600):
            device.say("readings", {"power": number, "timestamp": begin + number, "ref": number})
        ingesting.wait_for("mqtt.lost")
        told = {answer["ref"] for answer in device.answers}
        for number in range(600, 900):
            device.say("readings", {"power": number, "timestamp": begin + number, "ref": number})
        time.sleep(1)
        assert {answer["ref"] for answer in device.answers} == told

        with services.mariadb(data=data, port=port):
            assert told <= set(rows())
            device.wait_for_refs(range(900))
            assert rows() == list(range(900))
            ingesting.end()
    finally:
        device.__exit__()


# The demo's devices


RECORDING = ROOT / "tests" / "data" / "machine_temperature.csv"


def replay(device, **options):
    out = StringIO()
    call_command(
        "replay", str(RECORDING), device=device.external_id, metric="temperature", stdout=out, **options
    )
    return out.getvalue()


def rows_of(device):
    return list(
        Reading.objects.filter(device_id=device.pk).order_by("timestamp").values_list("timestamp", "data")
    )


def alerts_of(device):
    return list(
        Alert.objects.filter(device=device)
        .order_by("started_at")
        .values_list("metric", "severity", "status", "value", "started_at", "ended_at")
    )


def test_a_recording_gives_exactly_the_rows_and_alerts_over_mqtt_that_it_gives_over_http(at_broker, ingest):
    over_http, over_mqtt = make_device(), make_device()
    for device in (over_http, over_mqtt):
        make_threshold(device, min_value=20, max_value=100)

    with server() as url:
        told_over_http = replay(over_http, url=url)
    ingest().wait_for("mqtt.connected")
    first = replay(over_mqtt, mqtt=True)
    again = replay(over_mqtt, mqtt=True)

    assert len(rows_of(over_http)) == 22_683
    assert rows_of(over_mqtt) == rows_of(over_http)
    assert len(alerts_of(over_http)) > 10
    assert alerts_of(over_mqtt) == alerts_of(over_http)
    assert first == told_over_http.replace(over_http.external_id, over_mqtt.external_id)
    assert again.startswith("Sent 22,695: accepted 24, duplicates 22,671, rejected 0.\n22,683 readings of ")
    assert not Credential.objects.filter(label="replay").alive(timezone.now()).exists()


def test_a_recording_outlives_the_death_of_the_one_that_takes_it_in(at_broker, ingest):
    device = make_device()
    first = ingest("first").wait_for("mqtt.connected")
    ingest("second").wait_for("mqtt.standby")
    killed = threading.Thread(
        target=lambda: (
            wait_until(lambda: "mqtt.connected" in first.output, what="its work"),
            time.sleep(0.5),
            first.kill(),
        )
    )
    killed.start()

    told = replay(device, mqtt=True, batch=50)
    killed.join()

    assert "rejected 0.\n22,683 readings of " in told
    assert len(rows_of(device)) == 22_683


def test_a_broker_that_is_not_there_is_one_line_and_leaves_no_token(settings):
    settings.MQTT_ENABLED = True
    settings.MQTT_HOST, settings.MQTT_PORT = "127.0.0.1", free_port()

    with pytest.raises(CommandError, match=r"The broker at mqtt://127\.0\.0\.1:\d+ does not answer\.$"):
        replay(make_device(), mqtt=True)
    assert not Credential.objects.filter(label="replay").alive(timezone.now()).exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mqtt_share": 1.5}, "--mqtt-share 1.5 is not between 0 and 1"),
        ({"mqtt_share": float("nan")}, "is not between 0 and 1"),
        ({"mqtt": True}, "There is no MQTT broker"),
    ],
)
def test_what_cannot_be_simulated_over_mqtt_is_refused_in_one_line(settings, options, reason):
    settings.MQTT_ENABLED = False

    with pytest.raises(CommandError, match=reason):
        call_command("simulate", **options)


def test_simulated_devices_speak_mqtt_and_keep_what_nobody_has_stored(broker, ingest, tmp_path):
    seed_plant(count=4, seed=7, at=NOON)
    everyone = set(DeviceRow.objects.values_list("pk", flat=True))
    arguments = ("simulate", "--mqtt", "--interval", "1")
    with (tmp_path / "simulate.log").open("wb") as log:
        child = processes.start(
            [sys.executable, ROOT / "manage.py", *arguments],
            env={**environment(free_port()), "MQTT_URL": broker},
            cwd=ROOT,
            output=log,
        )
        try:
            told = tmp_path / "simulate.log"
            wait_until(lambda: "devices report" in told.read_text(), what="the start of the devices")
            time.sleep(3)
            begun = now()
            ingest().wait_for("mqtt.connected")
            early = Reading.objects.filter(timestamp__lt=begun)
            # Nobody was there to take them, so the broker has dropped them: they are said again.
            wait_until(
                lambda: set(early.values_list("device_id", flat=True)) == everyone,
                what="the old ones",
                seconds=60,
            )
            assert set(DeviceRow.objects.values_list("status", flat=True)) == {"online"}
            processes.send(child, signal.SIGTERM)
            assert child.wait(10) == 0
            wait_until(
                lambda: set(DeviceRow.objects.values_list("status", flat=True)) == {"offline"},
                what="the goodbyes",
            )
        finally:
            processes.stop(child)

    assert not Credential.objects.filter(label="simulator").alive(timezone.now()).exists()
    assert "Traceback" not in (tmp_path / "simulate.log").read_text()
