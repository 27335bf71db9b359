"""Which topics are served and by whom: the front desk of MQTT, as factory.asgi is that of HTTP and `/ws`."""

from collections.abc import Callable

from django.utils import timezone

from devices import mqtt as devices_topics
from devices.refused import keep_refused_message
from factory.live.mqtt import Broker, Intake
from factory.live.mqtt_address import broker_address
from ota import mqtt as ota_topics
from telemetry import mqtt as telemetry_topics

TOPICS = [*telemetry_topics.topics, *devices_topics.topics, *ota_topics.topics]
CLIENT_ID = "factory-ingest"  # where the broker lets clients be called other than their users


def own_broker() -> Broker:
    """The broker of these settings, asked for anew at every connection: its account may change."""
    host, port, tls, username, password = broker_address()
    return Broker(host, port, tls=tls, username=username, password=password)


def intake(*, may_serve: Callable[[], bool], broker: Callable[[], Broker] = own_broker) -> Intake:
    """The connection that takes in what devices say. One fixed name, so that the broker keeps one session."""
    return Intake(
        TOPICS,
        broker=broker,
        client_id=broker().username or CLIENT_ID,
        may_serve=may_serve,
        keep_refused=lambda **what: keep_refused_message(at=timezone.now(), **what),
    )
