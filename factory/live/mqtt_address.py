"""Where the MQTT broker is, and who we are there: for whoever connects to it."""

from typing import NamedTuple

from django.conf import settings


class BrokerAddress(NamedTuple):
    host: str
    port: int
    tls: bool
    username: str
    password: str


def broker_address() -> BrokerAddress:
    """The configured broker, or the embedded one, with our own account."""
    return BrokerAddress(
        host=settings.MQTT_HOST,
        port=settings.MQTT_PORT,
        tls=settings.MQTT_TLS,
        username=settings.MQTT_USER,
        password=settings.MQTT_PASSWORD,
    )


def broker_url() -> str:
    """The same for people: without the password."""
    address = broker_address()
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{'mqtts' if address.tls else 'mqtt'}://{host}:{address.port}"
