"""An upgrade as docs/deployment.md has it: migrations beside the old code, then every process is ended and started.

The old code is a commit's (`--upgrade-from REF`), or that of the newest release; while there is none it is this code
too, and columns, an index and a table of a made-up next version come in place of migrations.
"""

import contextlib
import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests import services
from tests.chaos.measured import Device
from tests.chaos.run import bring_home, judge, tell_of_surprises
from tests.chaos.senders import OverHttp, OverMqtt, Sender, now_ms
from tests.chaos.units import OURS, Plant
from tests.chaos.versions import Code, exported, newest_release
from tests.chaos.watcher import Watcher
from tests.losses.probes import Listening

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
def place():
    with services.folder("upgrade") as place:
        yield place


@pytest.fixture
def old(request, place):
    """What the plant runs at first."""
    ref = request.config.getoption("--upgrade-from") or newest_release()
    return exported(ref, place / "old") if ref else Code()


@pytest.fixture
def plant(place, old):
    plant = Plant(place, random.Random(), code=old, NOTIFY_LOCAL="1")
    del plant.units["rollups"]  # a part of chaos, not of the plant
    try:
        yield plant
    finally:
        plant.close()


@pytest.fixture
def say():
    return partial(print, flush=True)


@pytest.fixture
def receiver():
    with services.http_receiver() as receiver:
        yield receiver


@dataclass
class Scene:
    """The plant, and who is there all the while: devices, a dashboard, a socket, webhooks."""

    plant: Plant
    receiver: services.Receiver
    told: dict
    senders: list[Sender] = field(default_factory=list)
    hooks: dict[str, int] = field(default_factory=dict)  # the ids of their configs

    def begin(self) -> None:
        for number, each in enumerate(self.told["devices"]):
            device = Device(**each, rate=20.0, seed=number, now=now_ms())
            over_mqtt = number % 2
            self.senders.append(
                OverMqtt(device, self.plant.mqtt_port) if over_mqtt else OverHttp(device, self.plant.urls)
            )
        devices = [sender.device for sender in self.senders]
        self.watcher = Watcher(self.plant.urls, self.told["admin"], devices, seed=1)
        self.socket = Listening(self.plant.urls[1], self.told["admin"])
        for each in (*self.senders, self.watcher, self.socket):
            each.start()

    def end(self) -> None:
        for each in (*self.senders, self.watcher, self.socket):
            each.stop()

    def complaints(self) -> list[str]:
        said = [complaint for each in (*self.senders, self.watcher) for complaint in each.complaints]
        return [*said, *self.plant.complaints]

    def asked(self, procedure: str, input: dict) -> dict:
        """As the admin, at granian."""
        headers = {"authorization": f"Bearer {self.told['admin']}"}
        url = f"{self.plant.urls[0]}/api/trpc/notifications.{procedure}"
        response = httpx.post(url, json=input, headers=headers, timeout=35, trust_env=False)
        assert response.status_code == 200, response.text
        return response.json()["result"]["data"]

    def add_hook(self, name: str) -> None:
        wanted = {"type": "webhook", "recipient": f"{self.receiver.url}/{name}"}
        self.hooks[name] = self.asked("registerConfig", wanted)["configId"]

    def wait_for(self, holds, what: str, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while not holds():
            self.plant.look_after()
            assert time.monotonic() < end, f"{what}\n{self.plant.last_words(*OURS)}"
            time.sleep(0.05)

    def all_is_well(self) -> None:
        """Every device is answered, and the socket hears of it."""
        since = time.monotonic()
        self.wait_for(
            lambda: all(sender.answered_at > since for sender in self.senders), "a device has no answer"
        )
        self.wait_for(
            lambda: any(at > since and kind.startswith("sensor_") for at, kind in self.socket.heard),
            "nothing is heard at the socket",
        )

    def all_hooks_ring(self) -> None:
        """Each webhook is told something new. A person may ask for this five times a minute."""
        rung = Counter(self.rung())
        for config in self.hooks.values():
            self.asked("test", {"configId": config})
        self.wait_for(lambda: set(Counter(self.rung()) - rung) >= set(self.hooks), "a webhook hears nothing")

    def rung(self) -> list[str]:
        return [request["path"].strip("/") for request in self.receiver.requests()]


def end_and_start(plant, unit):
    """As systemd does: the main process is told, and decides about its children. Its exit code."""
    unit.is_up, unit.is_stopped = False, True
    os.kill(unit.child.pid, signal.SIGTERM)
    code = unit.child.wait(ENDED_WITHIN)
    plant.renew(unit.name)
    unit.start()
    plant.wait_up(unit.name)
    return code


def migrate(plant, old):
    """What came to the tables beside the old processes, one line each."""
    done = re.findall(r"Applying (\S+?)\.\.\. OK", plant.manage("migrate"))
    if old == Code():
        made_up = json.loads(plant.run(sys.executable, "-m", "tests.chaos.next_version"))
        assert len(made_up) == 5
        done += made_up
    plant.manage("migrate", "--check")
    return done


@contextlib.contextmanager
def a_scene(plant, receiver, capsys, say):
    """From the first reading to the verdict: all that was acknowledged is there, once, and nothing else."""
    with capsys.disabled():
        scene = Scene(plant, receiver, json.loads(plant.start(4)))
        scene.begin()
        try:
            yield scene
            bring_home(plant, scene.senders, say)
        finally:
            scene.end()
        stored = sum(len(sender.device.acknowledged) for sender in scene.senders)
        answers = sum((sender.answers for sender in scene.senders), Counter())
        not_well = {name: count for name, count in answers.items() if name not in WELL}
        say(f"{stored:,} readings were acknowledged; what else devices were told: {not_well}")
        problems = judge(plant, scene.told["admin"], [sender.device for sender in scene.senders], say)
        tell_of_surprises(Path(plant.folder), say)
    assert problems == []
    assert scene.complaints() == []


def one_by_one(scene, names, say, after_each=lambda name: None):
    ended = {}
    for name in names:
        began = time.monotonic()
        ended[name] = end_and_start(scene.plant, scene.plant.units[name])
        scene.all_is_well()
        say(f"{name}: all is well {time.monotonic() - began:.1f} s after it was told to end")
        after_each(name)
    assert ended == dict.fromkeys(names, 0)


def test_an_upgrade_under_load_refuses_no_reading_for_its_migrations_and_loses_none_for_its_restarts(
    plant, old, receiver, capsys, say
):
    def meet_what_the_new_code_writes(name):
        if name == "granian":  # while older processes read
            scene.add_hook("of-the-new")
            scene.all_hooks_ring()

    with a_scene(plant, receiver, capsys, say) as scene:
        say(f"\nfrom {old.name} to this code")
        scene.add_hook("of-the-old")
        scene.all_is_well()
        scene.all_hooks_ring()

        plant.code = Code()
        before = [sender.answers.copy() for sender in scene.senders]
        say(f"migrated beside the old code: {', '.join(migrate(plant, old)) or 'nothing'}")
        scene.all_is_well()
        refused = [
            {name: count for name, count in (sender.answers - then).items() if name not in WELL}
            for sender, then in zip(scene.senders, before, strict=True)
        ]
        assert [each for each in refused if each] == []

        one_by_one(scene, OURS, say, meet_what_the_new_code_writes)
        scene.all_hooks_ring()


def test_the_way_back_needs_no_migration_undone(plant, old, receiver, capsys, say):
    if old == Code():
        pytest.skip("there is no release yet to go back to; --upgrade-from names a commit")
    plant.code = Code()
    for name in OURS:
        plant.renew(name)
    with a_scene(plant, receiver, capsys, say) as scene:
        say(f"\nfrom this code back to {old.name}")
        scene.all_is_well()
        plant.code = old
        one_by_one(scene, OURS[::-1], say)
