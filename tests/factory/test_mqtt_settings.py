"""Where the broker is: what the settings make of the environment."""

import json
import subprocess

import pytest

from tests.plant import MANAGE, plain_environment

SHOW = (
    "import json; from django.conf import settings as s; from factory.live.mqtt_address import *;"
    "print(json.dumps([*broker_address(), broker_url(), s.MQTT_ENABLED, s.MQTT_EMBEDDED]))"
)


def shell(folder, **chosen):
    return subprocess.run(
        [*MANAGE, "shell", "-v0", "-c", SHOW],
        env=plain_environment(FACTORY_DATA=str(folder), **chosen),
        capture_output=True,
        text=True,
        check=False,
    )


def read(folder, **chosen):
    shown = shell(folder, **chosen)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def test_without_a_word_the_broker_is_our_own(tmp_path):
    host, port, tls, user, password, url, enabled, embedded = read(tmp_path)

    assert (host, port, tls, user) == ("127.0.0.1", 1883, False, "factory~ingest")
    assert password == (tmp_path / "mqtt_password").read_text()
    assert (tmp_path / "mqtt_password").stat().st_mode & 0o077 == 0
    assert (url, enabled, embedded) == ("mqtt://127.0.0.1:1883", True, True)


def test_a_server_for_every_address_reaches_its_own_broker(tmp_path):
    host, port, *_ = read(tmp_path, HOST="0.0.0.0", PUBLIC_URL="http://plant.test", MQTT_PORT="1999")

    assert (host, port) == ("127.0.0.1", 1999)


def test_an_address_says_all(tmp_path):
    found = read(tmp_path, MQTT_URL="mqtts://plant:w%40rd@broker.test:9000")

    assert found == ["broker.test", 9000, True, "plant", "w@rd", "mqtts://broker.test:9000", True, False]


@pytest.mark.parametrize(("url", "port"), [("mqtt://broker.test", 1883), ("mqtts://broker.test", 8883)])
def test_an_address_may_leave_out_the_port_and_who_we_are(tmp_path, url, port):
    _, found, _, user, password, *_ = read(tmp_path, MQTT_URL=url)

    assert (found, user) == (port, "factory~ingest")
    assert password == (tmp_path / "mqtt_password").read_text()


def test_there_may_be_no_mqtt(tmp_path):
    *_, enabled, embedded = read(tmp_path, MQTT_BROKER="none")

    assert (enabled, embedded) == (False, False)
    assert not (tmp_path / "mqtt_password").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT_URL", "http://broker.test"),
        ("MQTT_URL", "mqtt://"),
        ("MQTT_URL", "mqtt://broker.test:many"),
        ("MQTT_URL", "mqtt://broker.test/path"),
        ("MQTT_PORT", "0"),
        ("MQTT_PORT", "high"),
        ("MQTT_BROKER", "emqx"),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path, name, value):
    shown = shell(tmp_path, **{name: value})

    assert shown.returncode == 2
    assert shown.stderr.startswith(f"error: {name}={value!r} is not ")
