"""Commands and configuration over a real broker, with the real ingest process, which is killed now and then."""

import signal
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import Command, Configuration, RefusedMessage
from devices.services import Order, send_commands
from devices.services.configuration import set_desired
from tests.builders import make_device
from tests.factory.test_ingest_mqtt import broker, ingest  # noqa: F401 -- fixtures
from tests.live.device import Device
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


def send(*devices, name="restart", ttl=600):
    orders = [Order(device.pk, name, {"n": place}, ttl) for place, device in enumerate(devices)]
    return send_commands(orders=orders, at=timezone.now())


def statuses(commands):
    found = Command.objects.filter(pk__in=[command.pk for command in commands])
    return sorted(found.values_list("status", flat=True))


def come_online(device, row, generation=1):
    device.say("status", {"status": "online", "generation": generation}, retain=True)
    wait_until(lambda: row.presence.__class__.objects.get(pk=row.pk).silent_at is not None, what="the hello")


def test_a_device_that_is_there_gets_a_command_once_and_its_answers_count(broker, ingest):  # noqa: F811
    row, other = make_device(), make_device()
    ingest().wait_for("mqtt.connected")

    with Device(broker, row.external_id) as device, Device(broker, other.external_id) as stranger:
        come_online(device, row)
        (command,) = send(row)
        wait_until(lambda: device.told("commands"), what="the command")
        (told,) = device.told("commands")
        assert told == {
            "id": command.pk,
            "name": "restart",
            "parameters": {"n": 0},
            "expiresAt": command.expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        stranger.say("commands/ack", {"id": command.pk, "status": "succeeded"})
        device.say("commands/ack", {"id": command.pk, "status": "acknowledged"})
        device.say("commands/ack", {"id": command.pk, "status": "failed", "result": {"error": "jammed"}})
        wait_until(lambda: statuses([command]) == ["failed"], what="the result")
        wait_until(lambda: RefusedMessage.objects.count() == 1, what="the stranger's refusal")
        assert len(device.told("commands")) == 1
        assert stranger.told("commands") == []

    command.refresh_from_db()
    assert (command.result, command.attempts) == ({"error": "jammed"}, 1)
    assert RefusedMessage.objects.get().device_id == other.pk


def test_one_that_was_away_gets_it_on_return_and_what_has_expired_never(broker, ingest):  # noqa: F811
    row = make_device()
    ingest().wait_for("mqtt.connected")
    (waiting,), (late,) = send(row), send(row, ttl=1)
    time.sleep(1.2)

    with Device(broker, row.external_id) as device:
        device.say("status", {"status": "online", "generation": 1}, retain=True)
        wait_until(lambda: device.told("commands"), what="the command")
        # What is sent after it comes after it: by then the late one would have come, too.
        (last,) = send(row)
        wait_until(lambda: len(device.told("commands")) == 2, what="the last command")

    assert [told["id"] for told in device.told("commands")] == [waiting.pk, last.pk]
    assert statuses([late]) == ["queued"]


def test_a_device_with_a_session_at_the_broker_gets_what_came_while_it_was_away(broker, ingest):  # noqa: F811
    row = make_device()
    ingest().wait_for("mqtt.connected")
    with Device(broker, row.external_id) as device:
        come_online(device, row)
    (command,) = send(row)  # it is still held for there
    wait_until(lambda: statuses([command]) == ["sent"], what="the push")

    with Device(broker, row.external_id) as device:
        wait_until(lambda: device.told("commands"), what="what the broker has kept")
    assert [told["id"] for told in device.told("commands")] == [command.pk]


def test_killed_in_the_midst_of_many_nothing_is_lost_and_no_attempt_is_made_twice(broker, ingest):  # noqa: F811
    row = make_device()
    first = ingest("first").wait_for("mqtt.connected")
    standby = ingest("second").wait_for("mqtt.standby")

    with Device(broker, row.external_id) as device:
        come_online(device, row)
        commands = send(*[row] * 5000)
        wait_until(lambda: len(device.told("commands")) > 500, what="the first commands")
        first.kill()
        standby.wait_for("mqtt.active", seconds=15)
        wait_until(lambda: "queued" not in statuses(commands), what="the rest")
        # Those that were counted and not published are the next attempt, half a minute later.
        Command.objects.filter(push_at__gt=timezone.now()).update(push_at=timezone.now())
        wait_until(
            lambda: {told["id"] for told in device.told("commands")} == {c.pk for c in commands},
            what="all of them",
        )
        wait_until(lambda: not Command.objects.filter(attempts=1).exists(), what="the second attempts")

    pushed = {}
    for told in device.told("commands"):
        pushed[told["id"]] = pushed.get(told["id"], 0) + 1
    attempts = dict(Command.objects.values_list("pk", "attempts"))
    assert all(pushed[pk] <= attempts[pk] for pk in pushed)


def test_a_thousand_answers_at_once(broker, ingest):  # noqa: F811
    row = make_device()
    ingest().wait_for("mqtt.connected")

    with Device(broker, row.external_id) as device:
        come_online(device, row)
        commands = send(*[row] * 1000)
        wait_until(lambda: len(device.told("commands")) == 1000, what="the commands")
        for told in device.told("commands"):
            device.say(
                "commands/ack", {"id": told["id"], "status": "succeeded", "result": told["parameters"]}
            )
        wait_until(lambda: statuses(commands) == ["succeeded"] * 1000, what="the results")
    assert RefusedMessage.objects.count() == 0
    assert {command.result["n"] for command in Command.objects.all()} == set(range(1000))


def test_a_configuration_is_kept_for_a_device_that_comes_later(broker, ingest):  # noqa: F811
    row = make_device()
    ingest().wait_for("mqtt.connected")
    set_desired(device=row, desired={"interval": 5}, at=timezone.now())
    wait_until(lambda: Configuration.objects.get(pk=row.pk).push_at is None, what="its way out")

    with Device(broker, row.external_id) as device:
        wait_until(lambda: device.told("config"), what="the configuration")
        assert device.told("config") == [{"desired": {"interval": 5}, "version": 1}]
        device.say("config/reported", {"reported": {"interval": 5}, "version": 1})
        wait_until(
            lambda: Configuration.objects.get(pk=row.pk).reported == {"interval": 5}, what="the report"
        )
        device.say("config/reported", {"reported": {"interval": 5}, "version": 7})
        wait_until(lambda: RefusedMessage.objects.count() == 1, what="the refusal of a version never desired")


def test_the_broker_away_commands_wait_and_go_out_when_it_is_back(ingest, tmp_path):  # noqa: F811
    from tests import services

    row = make_device()
    port = services.free_port()
    url = f"mqtt://127.0.0.1:{port}"
    with services.mosquitto(port):
        process = ingest("one", url).wait_for("mqtt.connected")
        with Device(url, row.external_id) as device:
            come_online(device, row)
    process.wait_for("mqtt.connection_lost")
    (command,) = send(row)
    time.sleep(1)
    assert statuses([command]) == ["queued"]

    with services.mosquitto(port), Device(url, row.external_id) as device:
        wait_until(lambda: device.told("commands"), what="the command")
    assert process.child.poll() is None
    process.child.send_signal(signal.SIGTERM)
    assert process.child.wait(10) == 0
    assert Command.objects.get(pk=command.pk).expires_at > timezone.now() + timedelta(minutes=1)
