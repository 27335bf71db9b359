"""The one place that says who may use which topic, and that Mosquitto's file says the same."""

import re

import pytest

from devices.mqtt_rights import DEVICE_PUBLISHES, acl_text, may

SERVICE = "factory~ingest"
OWN = ["readings", "status", "commands/ack", "ota/status", "config/reported"]
TOLD = ["readings/ack", "commands", "ota", "config"]
ODD = ["", "factory", "factory/", "factory/press-1", "factory/press-10/readings", "other/press-1/readings"]
FILTERS = ["#", "+/+/commands", "factory/#", "factory/+/commands", "factory/press-2/#", "$SYS/#"]


@pytest.mark.parametrize("rest", OWN)
def test_a_device_says_what_is_a_devices_to_say(rest):
    assert may("press-1", "publish", f"factory/press-1/{rest}")
    assert not may("press-1", "publish", f"factory/press-2/{rest}")


@pytest.mark.parametrize("rest", TOLD)
def test_a_device_hears_what_we_say_and_cannot_say_it(rest):
    assert may("press-1", "subscribe", f"factory/press-1/{rest}")
    assert not may("press-1", "publish", f"factory/press-1/{rest}")
    assert not may("press-1", "subscribe", f"factory/press-2/{rest}")


def test_a_device_may_listen_to_everything_of_its_own():
    assert may("press-1", "subscribe", "factory/press-1/#")
    assert may("press-1", "subscribe", "factory/press-1/+/ack")


@pytest.mark.parametrize("topic", FILTERS)
def test_a_device_may_not_listen_more_widely(topic):
    assert not may("press-1", "subscribe", topic)


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "factory~other", "press 1", "press-1\n", "x" * 65])
def test_what_cannot_be_a_device_id_may_nothing(name):
    assert not may(name, "publish", f"factory/{name}/readings")
    assert not may(name, "subscribe", f"factory/{name}/commands")


@pytest.mark.parametrize("action", ["", "write", "all", "PUBLISH"])
def test_an_unknown_action_is_refused(action):
    assert not may("press-1", action, "factory/press-1/readings")
    assert not may(SERVICE, action, "factory/press-1/readings")


def test_our_own_account_may_use_everything_below_the_root():
    assert may(SERVICE, "publish", "factory/press-1/commands")
    assert may(SERVICE, "subscribe", "factory/+/readings")
    assert not may(SERVICE, "subscribe", "$SYS/#")
    assert not may(SERVICE, "publish", "elsewhere")


def test_our_own_account_is_none_where_the_broker_knows_us_by_another(settings):
    settings.MQTT_USER = "plant"

    assert not may(SERVICE, "publish", "factory/press-1/commands")
    assert may("plant", "publish", "factory/plant/readings")  # a device that happens to be called so
    assert not may("plant", "publish", "factory/press-1/readings")


def allowed_by_file(text, username, access, topic):
    """Mosquitto's reading of an ACL file, for topics without wildcards."""
    user = None
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "user":
            user = rest
        if word == "pattern" or (word == "topic" and user == username):
            granted, pattern = rest.split(" ", 1)
            levels = re.escape(pattern.replace("%u", username)).replace("/\\#", "(/.*)?")
            if granted in {access, "readwrite"} and re.fullmatch(levels, topic):
                return True
    return False


@pytest.mark.parametrize("username", ["press-1", "a", SERVICE])
def test_mosquittos_file_says_the_same(username):
    names = ["press-1", "press-2", "a"]
    topics = [f"factory/{name}/{rest}" for name in names for rest in [*OWN, *TOLD, "else", "readings/x"]]
    for topic in [*topics, *ODD]:
        for action, access in (("publish", "write"), ("subscribe", "read")):
            assert allowed_by_file(acl_text(), username, access, topic) == may(username, action, topic), topic


def test_the_topics_a_device_publishes_are_those_of_the_contract():
    assert sorted(DEVICE_PUBLISHES) == sorted(OWN)
