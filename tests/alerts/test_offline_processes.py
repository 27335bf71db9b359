"""Silence with a real broker, and with workers that are killed in the middle of a turn."""

import signal
import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.models import Alert, AlertEvent, OfflineWatch
from alerts.services.offline import watch_silence
from devices.models import Device as DeviceRow
from devices.models import Presence
from devices.services import note_seen, notice_silent_devices
from factory import processes
from tests import services
from tests.builders import NOON, make_device
from tests.factory.running import ROOT, environment, free_port
from tests.factory.test_ingest_mqtt import BROKER, Ingest
from tests.live.device import Device
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def broker(tmp_path):
    """A broker whose messages are taken in."""
    with services.mosquitto(lines=BROKER) as url:
        ingest = Ingest(url, tmp_path / "ingest.log")
        try:
            ingest.wait_for("mqtt.connected")
            yield url
        finally:
            processes.stop(ingest.child, patience=10)


def wait_for_status(row, status, version=""):
    def is_so():
        found = DeviceRow.objects.values_list("status", "firmware_version").get(pk=row.pk)
        return found == (status, version)

    wait_until(is_so, what=f"{row.name} being {status}")


def hello(generation, version=""):
    return {"status": "online", "generation": generation, "firmwareVersion": version or None}


def will(generation):
    return b'{"status":"offline","generation":%d}' % generation


def test_a_will_is_an_alert_after_the_tolerance_until_the_device_is_back(broker):
    row = make_device(name="Press 3")
    device = Device(broker, row.external_id, will=will(1)).__enter__()
    device.say("status", hello(1), retain=True)
    wait_for_status(row, "online")

    device.vanish()
    wait_for_status(row, "offline")
    gone = Presence.objects.get(device=row).went_silent_at
    watch_silence(at=gone + timedelta(seconds=59))
    assert not Alert.objects.exists()
    watch_silence(at=gone + timedelta(seconds=60))
    alert = Alert.objects.get()
    assert (alert.type, alert.device_id, alert.started_at) == ("device_offline", row.pk, gone)

    with Device(broker, row.external_id, will=will(2)) as device:
        device.say("status", hello(2), retain=True)
        wait_for_status(row, "online")
        # The broker of another node gives the first connection up only now; what follows is handled after it.
        device.say("status", will(1), retain=True)
        device.say("status", hello(2, "2.0"), retain=True)
        wait_for_status(row, "online", "2.0")
        assert Presence.objects.get(device=row).went_silent_at is None
        watch_silence(at=timezone.now() + timedelta(minutes=1))

    assert list(alert.events.order_by("pk").values_list("kind", "note")) == [
        ("opened", ""),
        ("resolved", "It reports again."),
    ]


def test_a_zone_whose_devices_all_vanish_is_one_alert(broker):
    rows = [make_device(zone="Hall B") for _ in range(4)]
    devices = []
    for row in rows:
        device = Device(broker, row.external_id, will=will(1)).__enter__()
        device.say("status", hello(1), retain=True)
        wait_for_status(row, "online")
        devices.append(device)

    for device in devices:
        device.vanish()
    for row in rows:
        wait_for_status(row, "offline")
    watch_silence(at=timezone.now() + timedelta(minutes=1))

    assert list(Alert.objects.values_list("message", "occurrences")) == [
        ("4 devices in Hall B went silent", 4)
    ]


WORKER = """
from datetime import datetime
from alerts.services.offline import watch_silence
while True:
    watch_silence(at=datetime.fromisoformat({at!r}))
    print("turn", flush=True)
"""


def turns_that_are_killed(at, *, strikes, log):
    """Workers one after the other, each killed as soon as it has committed something; a last one that finishes."""
    code = WORKER.format(at=at.isoformat())
    env = environment(free_port())
    for strike in range(strikes + 1):
        before = committed()
        with log.open("wb") as output:
            child = processes.start(
                [sys.executable, ROOT / "manage.py", "shell", "-v0", "-c", code],
                env=env,
                cwd=ROOT,
                output=output,
            )
        try:
            end = time.monotonic() + 60
            while "turn" not in log.read_text() and (strike == strikes or committed() == before):
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.002)
        finally:
            processes.send(child, signal.SIGKILL)
            child.wait()


def committed():
    return AlertEvent.objects.count(), OfflineWatch.objects.count()


def test_killed_in_the_middle_of_a_turn_nobody_is_forgotten_or_told_of_twice(tmp_path):
    rows = [make_device(zone="Hall B" if number % 2 else "") for number in range(400)]
    ids = [row.pk for row in rows]
    note_seen(device_ids=ids, at=NOON)
    notice_silent_devices(at=NOON + timedelta(minutes=5))
    due, log = NOON + timedelta(minutes=7), tmp_path / "worker.log"

    turns_that_are_killed(due, strikes=4, log=log)

    assert OfflineWatch.objects.exclude(alert=None).count() == 400
    assert Alert.objects.get(zone="Hall B").occurrences == 200
    assert Alert.objects.open().values("device").distinct().count() == 201
    assert list(AlertEvent.objects.values_list("kind", flat=True)) == ["opened"] * 201

    back = due + timedelta(minutes=1)
    note_seen(device_ids=ids, at=back)
    turns_that_are_killed(back, strikes=4, log=log)

    assert not OfflineWatch.objects.exists()
    assert not Alert.objects.open().exists()
    assert AlertEvent.objects.filter(kind="resolved").count() == 201
