"""The simulated devices of the demo do what they are told, over MQTT and over HTTP."""

import sys

import pytest
from django.utils import timezone

from devices.models import Command, Configuration, Presence
from devices.services import Order, send_commands
from devices.services.configuration import set_desired
from factory import processes
from factory.demo.seeding import seed_plant, simulated_devices
from tests.builders import NOON
from tests.factory.mqtt_clients import embedded_broker
from tests.factory.running import ROOT, environment, free_port, server
from tests.factory.test_ingest_mqtt import Ingest
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plant(tmp_path):
    """Four devices, two of which speak MQTT, with everything that they speak to."""
    seed_plant(count=4, seed=7, at=NOON)
    with embedded_broker(tmp_path / "broker", "mosquitto") as broker, server() as url:
        env = {
            **environment(free_port()),
            "FACTORY_DATA": str(tmp_path / "broker"),
            "MQTT_PORT": str(broker.port),
        }
        ingest = Ingest("", tmp_path / "ingest.log", env)
        argv = [sys.executable, ROOT / "manage.py", "simulate", "--url", url, "--mqtt-share", "0.5"]
        with (tmp_path / "plant.log").open("wb") as log:
            devices = processes.start([*argv, "--interval", "1"], env=env, cwd=ROOT, output=log)
        try:
            ingest.wait_for("mqtt.connected")
            wait_until(
                lambda: Presence.objects.filter(generation__isnull=False).count() == 2, what="two hellos"
            )
            wait_until(
                lambda: not Presence.objects.filter(last_seen_at=None).exists(), what="everybody's readings"
            )
            yield list(simulated_devices())
        finally:
            for child in (devices, ingest.child):
                processes.stop(child, patience=10)


def test_commands_and_configurations_come_to_an_end(plant):
    lives = dict(Presence.objects.values_list("pk", "generation"))
    orders = [Order(device.pk, name) for device in plant for name in ("ping", "restart")]
    send_commands(orders=orders, at=timezone.now())
    for device in plant:
        set_desired(device=device, desired={"interval": 5}, at=timezone.now())

    wait_until(
        lambda: set(Command.objects.values_list("status", flat=True)) == {"succeeded"},
        what="an end of all commands",
        seconds=60,
    )
    wait_until(
        lambda: set(Configuration.objects.values_list("in_sync", "reported_version")) == {(True, 1)},
        what="configurations in sync",
        seconds=60,
    )
    newer = dict(Presence.objects.values_list("pk", "generation"))
    assert (
        sum(newer[pk] != lives[pk] for pk in lives) == 2
    )  # those that speak MQTT say in which life they are
