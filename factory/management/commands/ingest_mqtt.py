"""`manage.py ingest_mqtt`: what devices say over MQTT is stored, by one process while another one stands by."""

import logging
import os
import signal
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from devices.courier import Courier
from factory import deadline, draining
from factory.live.lease import LeaseKeeper
from factory.mqtt_door import intake
from ota.courier import OfferCourier

logger = logging.getLogger(__name__)

LEASE = "mqtt-ingest"
SAID = {"active": logging.INFO, "standby": logging.INFO, "lost": logging.WARNING}
LAST_RESORT_SECONDS = 7.5  # after the signal: a database that hangs may hold anything up
ENDING_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Take in what devices say over MQTT and tell them what to do, until SIGTERM. A second one stands by."
    )
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        if not settings.MQTT_ENABLED:
            raise CommandError("There is no MQTT broker: MQTT_BROKER is none and MQTT_URL is not set.")
        deadline.wait_no_longer_than_statements()
        stop = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            stop.set()
            last_resort = threading.Timer(LAST_RESORT_SECONDS, os._exit, [1])
            last_resort.daemon = True
            last_resort.start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        keeper = LeaseKeeper(LEASE, on_change=lambda state: _say(state, keeper.holder))
        door = intake(may_serve=keeper.is_held)
        courier = Courier(door)
        renewing = threading.Thread(target=keeper.run, name="lease", daemon=True)
        serving = threading.Thread(target=door.run, name="mqtt", daemon=True)
        delivering = threading.Thread(target=courier.run, name="courier", daemon=True)
        offers = OfferCourier(door)
        offering = threading.Thread(target=offers.run, name="offers", daemon=True)
        for thread in (renewing, serving, delivering, offering):
            thread.start()
        stop.wait()
        courier.stop()
        offers.stop()
        door.stop_taking()
        draining.begin()  # finishes what was handed in; its acknowledgements are on their way to the broker
        door.stop()
        serving.join(ENDING_SECONDS)
        delivering.join(ENDING_SECONDS)
        offering.join(ENDING_SECONDS)
        keeper.stop()
        renewing.join(ENDING_SECONDS)
        try:
            keeper.release()
        except Error as error:  # then it runs out
            logger.warning("lease.not_released", extra={"error": str(error)})
        finally:
            connection.close()


def _say(state: str, holder: str) -> None:
    logger.log(SAID[state], "mqtt.%s", state, extra={"holder": holder})
