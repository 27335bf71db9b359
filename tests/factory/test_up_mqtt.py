"""The embedded broker comes and goes with the server, and its absence is said."""

import contextlib
import os
import signal
import socket
import threading

import pytest
from django.test import Client

from factory import health
from factory.broker.choice import mosquitto_program
from tests.plant import running
from tests.services import NotInstalled, free_port, listens, mosquitto, wait_until

KINDS = [
    pytest.param("mosquitto", marks=pytest.mark.skipif(mosquitto_program() is None, reason="no mosquitto")),
    "amqtt",
]


def mosquittos(plant):
    return [pid for pid, line in plant.processes().items() if "mosquitto -c" in line]


def status(plant):
    return plant.get("/health/ready").json()


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_said_and_is_gone_with_the_server(tmp_path, kind):
    port = free_port()
    with running(tmp_path, MQTT_PORT=str(port), MQTT_BROKER=kind) as plant:
        plant.wait_ready()
        assert plant.lines.index(f"mqtt: mqtt://127.0.0.1:{port}") < plant.lines.index(f"ready: {plant.url}")
        assert listens(port)
        assert len(mosquittos(plant)) == (kind == "mosquitto")

        assert plant.end() < 10

    assert not plant.processes()
    assert not listens(port)
    assert "Traceback" not in plant.output


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_server_leaves_no_broker(tmp_path, kind):
    with running(tmp_path, MQTT_BROKER=kind) as plant:
        plant.wait_ready()

        plant.end(signal.SIGKILL)

        wait_until(lambda: not plant.processes(), what="the end of all children", seconds=5)


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_broker_is_missed_and_started_again(tmp_path, kind):
    with running(tmp_path, MQTT_BROKER=kind) as plant:
        plant.wait_ready()

        os.kill(plant.pid_of("mqtt_broker"), signal.SIGKILL)
        wait_until(lambda: status(plant) == {"status": "degraded", "down": ["mqtt"]}, what="its being missed")

        wait_until(lambda: status(plant)["status"] == "ok", what="its being back")
        assert len(mosquittos(plant)) == (kind == "mosquitto")


@pytest.mark.integration
def test_a_killed_mosquitto_is_started_again(tmp_path):
    if mosquitto_program() is None:
        pytest.skip("no mosquitto")
    with running(tmp_path, MQTT_BROKER="mosquitto") as plant:
        plant.wait_ready()
        (killed,) = mosquittos(plant)

        os.kill(killed, signal.SIGKILL)

        wait_until(lambda: mosquittos(plant) not in ([], [killed]), what="a successor")
        wait_until(lambda: status(plant)["status"] == "ok", what="readiness")


@pytest.mark.integration
def test_a_port_in_use_gives_way_to_the_next_free_one(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        with running(tmp_path, MQTT_PORT=str(port)) as plant:
            plant.wait_ready()

            (line,) = [line for line in plant.lines if line.startswith("mqtt: ")]
            chosen = int(line.rpartition(":")[2])
            assert port < chosen < port + 100
            assert listens(chosen)
            assert status(plant)["status"] == "ok"


@pytest.mark.integration
def test_without_mqtt_there_is_no_word_of_it(tmp_path):
    with running(tmp_path, MQTT_BROKER="none") as plant:
        plant.wait_ready()

        assert not [line for line in plant.lines if line.startswith("mqtt:")]
        assert not any(" mqtt_broker" in line for line in plant.processes().values())
        assert not mosquittos(plant)
        assert status(plant)["status"] == "ok"


@pytest.mark.integration
def test_a_broker_elsewhere_is_used_and_none_is_started(tmp_path):
    try:
        with mosquitto() as url, running(tmp_path, MQTT_URL=url) as plant:
            plant.wait_ready()

            assert f"mqtt: {url}" in plant.lines
            assert not any("mqtt_broker" in line for line in plant.processes().values())
            assert status(plant)["status"] == "ok"
    except NotInstalled as missing:
        pytest.skip(f"no {missing}")


@pytest.fixture
def at_port(settings, monkeypatch):
    """Readiness as it is with a broker at a port."""

    def set_up(port):
        health.USEFUL["mqtt"].ask_anew()
        settings.MQTT_ENABLED, settings.MQTT_HOST, settings.MQTT_PORT = True, "127.0.0.1", port

    return set_up


@pytest.mark.django_db
def test_readiness_says_when_the_broker_is_away(at_port):
    at_port(free_port())

    answer = Client().get("/health/ready")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "mqtt" in answer.json()["down"]


@pytest.mark.django_db
def test_readiness_asks_the_broker_once_a_second_at_most(at_port):
    with socket.create_server(("127.0.0.1", 0)) as broker:
        at_port(broker.getsockname()[1])
        asked = []

        def hang_up_on_everybody():
            with contextlib.suppress(OSError):  # closed below
                while True:
                    broker.accept()[0].close()
                    asked.append(True)

        door = threading.Thread(target=hang_up_on_everybody)
        door.start()
        for _ in range(5):
            assert "mqtt" not in Client().get("/health/ready").json()["down"]
        broker.shutdown(socket.SHUT_RDWR)
        door.join()

    assert len(asked) == 1


@pytest.mark.django_db
def test_a_broker_that_takes_connections_and_answers_nobody_is_named(at_port):
    with socket.create_server(("127.0.0.1", 0)) as broker:  # the kernel accepts for it
        at_port(broker.getsockname()[1])

        assert "mqtt" in Client().get("/health/ready").json()["down"]


@pytest.mark.django_db
def test_readiness_does_not_ask_where_there_is_no_mqtt(at_port, settings):
    at_port(free_port())
    settings.MQTT_ENABLED = False

    assert "mqtt" not in Client().get("/health/ready").json()["down"]
