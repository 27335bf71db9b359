"""MQTT: every topic x publish and subscribe x its own device, another one, a person, nobody."""

import pytest

from devices.mqtt_rights import PUBLISH, SUBSCRIBE, acl_text, may
from factory import mqtt_door
from tests.roles.table import TOPICS

OWN, OTHER = "press-1", "press-2"
# A person's e-mail and name, and no name at all: none of them is an account of the broker.
NOBODY = ["", "boss@example.com", "admin user", "#", "+", "factory~other"]


def test_every_topic_that_is_taken_in_has_a_line_in_the_table():
    taken = {topic.name for topic in mqtt_door.TOPICS}

    assert taken == {name for name, way in TOPICS.items() if way == PUBLISH}, (
        "Say it in tests/roles/table.py."
    )


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_a_topic_is_for_its_own_device_and_in_one_direction(name):
    topic = f"factory/{OWN}/{name}"

    assert may(OWN, PUBLISH, topic) is (TOPICS[name] == PUBLISH)
    assert may(OWN, SUBSCRIBE, topic)  # whatever lies below its own name it may hear
    for account in (OTHER, *NOBODY):
        assert not may(account, PUBLISH, topic)
        assert not may(account, SUBSCRIBE, topic)


def test_mosquitto_is_told_the_same():
    written = {line.rpartition("%u/")[2] for line in acl_text().splitlines() if "pattern write" in line}

    assert written == {name for name, way in TOPICS.items() if way == PUBLISH}
