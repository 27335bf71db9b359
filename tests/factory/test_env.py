"""Wrong settings stop the start with the name and the reason, on one line."""

import subprocess
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from factory.env import Env
from tests.plant import MANAGE, plain_environment

WRONG = [
    ("LOG_FORMAT", "xml", "LOG_FORMAT='xml' is not one of json, line."),
    ("SLOW_QUERY_MS", "-1", "SLOW_QUERY_MS='-1' is not between 0 and 600000."),
    ("DISK_FREE_MB", "much", "DISK_FREE_MB='much' is not a whole number."),
    ("PORT", "http", "PORT='http' is not a whole number."),
    ("PORT", "70000", "PORT='70000' is not between 1 and 65535."),
    ("PORT", "0", "PORT='0' is not between 1 and 65535."),
    (
        "PUBLIC_URL",
        "factory.example",
        "PUBLIC_URL='factory.example' is not a URL starting with http://, https://.",
    ),
    ("FACTORY_DEMO", "perhaps", "FACTORY_DEMO='perhaps' is not a switch (1 or 0)."),
    ("FACTORY_ADMIN_EMAIL", "boss", "FACTORY_ADMIN_EMAIL='boss' is not an e-mail address."),
    (
        "DATABASE_URL",
        "postgres://x/y",
        "DATABASE_URL='postgres://x/y' is not a URL starting with mysql://, sqlite://.",
    ),
    (
        "REDIS_URL",
        "localhost:6379",
        "REDIS_URL='localhost:6379' is not a URL starting with redis://, rediss://, unix://.",
    ),
    (
        "PLANT_TIME_ZONE",
        "Mars/Olympus",
        "PLANT_TIME_ZONE='Mars/Olympus' is not a time zone such as Europe/Berlin.",
    ),
    ("PLANT_LANGUAGE", "fr", "PLANT_LANGUAGE='fr' is not one of de, en."),
    ("REGISTRATION", "maybe", "REGISTRATION='maybe' is not one of closed, open."),
    ("LOG_LEVEL", "LOUD", "LOG_LEVEL='LOUD' is not one of DEBUG, ERROR, INFO, WARNING."),
    ("REQUEST_TIMEOUT", "-1", "REQUEST_TIMEOUT='-1' is not between 1 and 600."),
]


@pytest.mark.integration
@pytest.mark.parametrize(("name", "value", "reason"), WRONG)
def test_a_wrong_setting_is_refused_on_one_line(tmp_path, name, value, reason):
    env = plain_environment(FACTORY_DATA=str(tmp_path), **{name: value})

    ended = subprocess.run([*MANAGE, "check"], env=env, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"error: {reason}\n")


@pytest.mark.integration
def test_an_unknown_host_is_refused_on_one_line(tmp_path):
    env = plain_environment(FACTORY_DATA=str(tmp_path), HOST="203.0.113.77")

    ended = subprocess.run([*MANAGE, "up"], env=env, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "HOST='203.0.113.77' is not an address of this machine." in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_what_is_not_set_has_its_default():
    env = Env({})

    assert env.text("A", "x") == "x"
    assert env.flag("B", default=True) is True
    assert env.integer("C", 7) == 7
    assert env.words("D") == []
    assert env.folder("E", Path("/data")) == Path("/data")
    assert env.email("F") == ""
    assert env.names == set("ABCDEF")


def test_empty_means_the_default():
    env = Env({"PORT": "  ", "WORDS": " , "})

    assert env.integer("PORT", 8000) == 8000
    assert env.words("WORDS") == []


@pytest.mark.parametrize(
    ("text", "meant"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False)]
)
def test_switches_are_read_as_people_write_them(text, meant):
    assert Env({"A": text}).flag("A", default=not meant) is meant


def test_numbers_are_held_to_their_range():
    env = Env({"A": "5", "B": "x"})

    assert env.integer("A", 1, low=5, high=5) == 5
    with pytest.raises(ImproperlyConfigured, match="A='5' is not between 6 and 9"):
        env.integer("A", 1, low=6, high=9)
    with pytest.raises(ImproperlyConfigured, match="B='x' is not a whole number"):
        env.integer("B", 1)
