"""`manage.py mqtt_broker`: the embedded MQTT broker, until SIGTERM."""

import os
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from factory.broker.choice import AMQTT, embedded_broker
from factory.listening import listen


class Command(BaseCommand):
    help = "Run the embedded MQTT broker (a local mosquitto, or amqtt) on HOST:MQTT_PORT, until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.MQTT_EMBEDDED:
            raise CommandError("There is no embedded broker: see MQTT_URL and MQTT_BROKER.", returncode=2)
        os.umask(0o077)
        kind = embedded_broker()
        listen(settings.HOST, settings.MQTT_PORT).close()  # says in one line why it cannot be
        self.stdout.write(f"{kind} on {settings.HOST}:{settings.MQTT_PORT}")
        self.stdout.flush()
        if kind == AMQTT:
            from factory.broker import amqtt  # noqa: PLC0415 -- takes a second to load

            amqtt.run()
            return
        from factory.broker import mosquitto  # noqa: PLC0415 -- the other one

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        mosquitto.run(stop)
