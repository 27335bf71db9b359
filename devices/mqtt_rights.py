"""Who may do what on which MQTT topic. Every broker asks this, or a file that is made from it."""

import re

from django.conf import settings

from devices.models import EXTERNAL_ID

ROOT = "factory"
DEVICE_PUBLISHES = ("readings", "status", "commands/ack", "ota/status", "config/reported")
PUBLISH, SUBSCRIBE = "publish", "subscribe"


def may(username: str, action: str, topic: str) -> bool:
    """Whether an account may publish to a topic, or subscribe to a topic or filter and receive what is sent there.

    A device reads everything below its own name, and writes what is a device's to say.
    """
    if action not in {PUBLISH, SUBSCRIBE}:
        return False
    if is_service(username):
        return topic == ROOT or topic.startswith(f"{ROOT}/")
    if not re.match(EXTERNAL_ID, username):
        return False
    own = f"{ROOT}/{username}"
    if action == PUBLISH:
        return topic in {f"{own}/{rest}" for rest in DEVICE_PUBLISHES}
    return topic == own or topic.startswith(f"{own}/")


def is_service(username: str) -> bool:
    """Whether this is our own account. It is one only where MQTT_URL names no other."""
    return username == settings.MQTT_SERVICE_USER == settings.MQTT_USER


def acl_text() -> str:
    """The same rights in Mosquitto's words: it puts the user name in place of %u."""
    lines = [
        "# Made by manage.py; changes are overwritten.",
        f"user {settings.MQTT_SERVICE_USER}",
        f"topic readwrite {ROOT}/#",
        "",
        f"pattern read {ROOT}/%u/#",
        *(f"pattern write {ROOT}/%u/{rest}" for rest in DEVICE_PUBLISHES),
    ]
    return "\n".join(lines) + "\n"
