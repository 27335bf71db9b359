"""Which program is the embedded broker, and on which port it may listen."""

import shutil
import socket
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from factory.listening import listen

MOSQUITTO, AMQTT = "mosquitto", "amqtt"
PORTS_TRIED = 100
PINGREQ = b"\xc0\x00"
PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")


def mosquitto_program() -> str | None:
    """A local mosquitto. Debian keeps it where only root's PATH looks."""
    found = shutil.which("mosquitto")
    return found or next((place for place in PLACES if Path(place).exists()), None)


def embedded_broker() -> str:
    """`mosquitto` where MQTT_BROKER allows it and it is there, else `amqtt`."""
    wanted = settings.MQTT_BROKER
    if wanted == AMQTT:
        return AMQTT
    if mosquitto_program() is not None:
        return MOSQUITTO
    if wanted == MOSQUITTO:
        raise CommandError("MQTT_BROKER='mosquitto', but there is no program mosquitto here.", returncode=2)
    return AMQTT


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or the next one that nobody listens on."""
    last: CommandError | None = None
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        try:
            listen(host, port).close()
        except CommandError as refusal:
            last = refusal
            continue
        return port
    raise last or CommandError(f"MQTT_PORT={wanted} cannot be used.", returncode=2)


def answers(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def responds(host: str, port: int) -> bool:
    """Whether what listens there is alive. A program that hangs still has its connections accepted by the kernel.

    A ping before anybody has said hello must be answered by hanging up (MQTT 3.1.1, section 3.1); over TLS it is
    as good as any nonsense.
    """
    try:
        with socket.create_connection((host, port), timeout=1) as line:
            line.sendall(PINGREQ)
            line.recv(1)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    except OSError:
        return False
    return True
