"""An upgrade as docs/deployment.md has it: migrations beside the old code, then every process is ended and started."""

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.chaos import verdict
from tests.chaos.measured import Device
from tests.chaos.senders import OverHttp, OverMqtt, now_ms
from tests.chaos.units import Plant
from tests.services import folder

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("_programs")]
ENDED_WITHIN = 10  # seconds, for each process
WELL = {
    "200",
    "readings",
    "answered",
    "answered again",
    "sent again",
    "disconnected",
}  # some of it by the devices


@pytest.fixture
def plant():
    with folder("upgrade") as place:
        plant = Plant(Path(place), random.Random())
        del plant.units["rollups"]  # a part of chaos, not of the plant
        try:
            yield plant
        finally:
            plant.close()


def wait_for(plant, holds, what, seconds=90):
    end = time.monotonic() + seconds
    while not holds():
        plant.look_after()
        assert time.monotonic() < end, f"{what}\n{plant.last_words(*plant.down())}"
        time.sleep(0.05)


def all_answered(plant, senders):
    since = time.monotonic()
    wait_for(plant, lambda: all(sender.answered_at > since for sender in senders), "a device has no answer")


def end_and_start(plant, unit):
    """As systemd does: the main process is told, and decides about its children. Its exit code."""
    unit.is_up, unit.is_stopped = False, True
    os.kill(unit.child.pid, signal.SIGTERM)
    code = unit.child.wait(ENDED_WITHIN)
    unit.start()
    plant.wait_up(unit.name)
    return code


def test_an_upgrade_under_load_refuses_no_reading_for_its_migrations_and_loses_none_for_its_restarts(plant):
    told = json.loads(plant.start(4))
    senders = []
    for number, each in enumerate(told["devices"]):
        device = Device(**each, rate=20.0, seed=number, now=now_ms())
        senders.append(OverMqtt(device, plant.mqtt_port) if number % 2 else OverHttp(device, plant.urls))
    for sender in senders:
        sender.start()
    all_answered(plant, senders)

    before = [sender.answers.copy() for sender in senders]
    took = json.loads(plant.run(sys.executable, "-m", "tests.chaos.next_version"))
    refused = [
        {name: count for name, count in (sender.answers - then).items() if name not in WELL}
        for sender, then in zip(senders, before, strict=True)
    ]

    ended = {}
    for name in ("granian", "serve", "ingest-a", "ingest-b", "worker", "messages", "beat", "credentials"):
        ended[name] = end_and_start(plant, plant.units[name])
        all_answered(plant, senders)

    for sender in senders:
        sender.finish()
    wait_for(plant, lambda: all(sender.is_done() for sender in senders), "a device has readings left")
    with contextlib.closing(verdict.Database(plant.db_port)) as database:
        lost = list(verdict.problems_with_readings(database, [sender.device for sender in senders]))
    assert len(took) == 5
    assert [each for each in refused if each] == []
    assert ended == dict.fromkeys(ended, 0)
    assert lost == []
    assert plant.complaints == []
    assert [complaint for sender in senders for complaint in sender.complaints] == []
