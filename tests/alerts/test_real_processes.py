"""Alerts across processes: restarts in the middle of a delay, and one breach that comes in by every door at once."""

import json
import os
import signal
import threading
import time
from collections import Counter
from email import message_from_string, policy

import pytest

from tests import services
from tests.factory.mqtt_clients import Broker, client, let_in
from tests.factory.test_main_road import services_under_test
from tests.plant import ADMIN_SETTINGS, Api, as_admin, running

pytestmark = pytest.mark.integration
HOLD_SECONDS = 10
THREADS, MESSAGES = 200, 40
PEOPLE = ["ana@example.com", "ben@example.com", "cem@example.com"]


def kill_all(plant):
    """Power failure: nothing gets a last word."""
    pids = list(plant.processes())
    plant.process.kill()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    plant.process.wait(10)
    services.wait_until(lambda: not plant.processes(), what="the end of everything")


def envelopes(mailbox):
    mails = [message_from_string(text, policy=policy.default) for text in mailbox.messages()]
    return Counter(mail["X-Envelope-To"] for mail in mails)


def new_device(admin, name, **bounds):
    device = admin.data("devices.create", {"deviceId": name, "name": name, "type": "sensor"})
    admin.data(
        "thresholds.create", {"deviceId": device["id"], "metric": "temperature", "maxValue": 90, **bounds}
    )
    return device


def test_a_restart_of_everything_shortly_before_an_on_delay_is_over_changes_nothing(tmp_path):
    with services.smtp() as mailbox, services_under_test() as those:
        chosen = {
            **ADMIN_SETTINGS,
            **those,
            "EMAIL_URL": mailbox.url,
            "ALERT_EMAIL": "shift@example.com",
            "DEVICE_SILENT_SECONDS": "3600",  # that it is silent meanwhile is another alert
        }
        with running(tmp_path, **chosen) as plant:
            plant.wait_ready()
            admin = as_admin(plant)
            device = new_device(admin, "press-1", holdSeconds=HOLD_SECONDS)
            began = time.time_ns() // 1_000_000
            Api(plant, device["token"]).data("readings.create", {"temperature": 95, "timestamp": began})
            time.sleep(HOLD_SECONDS * 0.9)
            assert admin.data("alerts.list", {}) == []
            kill_all(plant)

        with running(tmp_path, **chosen) as plant:
            plant.wait_ready()
            admin = as_admin(plant)
            services.wait_until(lambda: admin.data("alerts.list", {}) != [], what="the alert")
            services.wait_until(lambda: mailbox.messages() != [], what="the e-mail")
            time.sleep(18)  # longer than any sweeper's turn: it fires and is told once

            [alert] = admin.data("alerts.list", {})
            fired = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((began + HOLD_SECONDS * 1000) / 1000))
            assert (alert["status"], alert["startedAt"][:19], alert["late"]) == ("active", fired, False)
            assert [
                event["kind"] for event in admin.data("alerts.getById", {"id": alert["id"]})["events"]
            ] == ["opened"]
            assert envelopes(mailbox) == {"shift@example.com": 1}


def test_one_breach_by_two_web_processes_and_mqtt_at_once_is_one_alert_and_one_message_each(tmp_path):
    with services.smtp() as mailbox, services.valkey() as redis, services_under_test() as those:
        port = services.free_port()
        chosen = {
            **ADMIN_SETTINGS,
            "REDIS_URL": redis,
            **those,
            "EMAIL_URL": mailbox.url,
            "MQTT_PORT": str(port),
            "SECRET_KEY": "of both web processes " * 3,
        }
        with running(tmp_path, **chosen) as plant:
            plant.wait_ready()
            with running(tmp_path, "serve", **chosen) as second:
                services.wait_until(lambda: services.listens(second.port), what="the second web process")
                admin = as_admin(plant)
                for person in PEOPLE:
                    admin.data("notifications.registerConfig", {"type": "email", "recipient": person})
                device = new_device(admin, "press-1")
                broker = Broker(port, "")
                services.wait_until(
                    lambda: let_in(broker, "press-1", device["token"]), what="the broker to know the device"
                )
                start = time.time_ns() // 1_000_000
                told = flood(device, [plant, second], broker, start)

                answers = {"success": True, "accepted": 1, "duplicates": 0, "rejected": []}
                assert told == [answers] * THREADS
                services.wait_until(
                    lambda: (
                        len(admin.data("readings.getForDevice", span_of(device, start))) == THREADS + MESSAGES
                    ),
                    what="the readings that came by MQTT",
                )
                [alert] = admin.data("alerts.list", {})
                assert (alert["status"], alert["severity"]) == ("active", "critical")
                assert len(admin.data("alerts.getById", {"id": alert["id"]})["events"]) == 1
                services.wait_until(lambda: len(mailbox.messages()) >= len(PEOPLE), what="the e-mails")
                time.sleep(18)  # longer than the sweeper's turn, which must find nothing left to send
                assert envelopes(mailbox) == dict.fromkeys(PEOPLE, 1)


def span_of(device, start):
    return {
        "deviceId": device["id"],
        "startTime": start,
        "endTime": start + THREADS + MESSAGES,
        "limit": 1000,
    }


def flood(device, plants, broker, start):
    """All at the same moment: what the web processes answered."""
    barrier, answers = threading.Barrier(THREADS + 1), []

    def post(number):
        api = Api(plants[number % 2], device["token"])
        barrier.wait(30)
        answers.append(api.data("readings.create", {"temperature": 95, "timestamp": start + number}))

    threads = [threading.Thread(target=post, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    with client(broker, "press-1", device["token"]) as mqtt:
        barrier.wait(30)
        for number in range(MESSAGES):
            message = {"data": {"temperature": 95}, "timestamp": start + THREADS + number}
            mqtt.say("factory/press-1/readings", json.dumps(message))
    for thread in threads:
        thread.join(60)
    return answers
