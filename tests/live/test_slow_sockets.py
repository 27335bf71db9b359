"""Sockets that hardly read, beside others that do. `script/bench sockets` is the same with thousands."""

import asyncio
from collections import Counter

import pytest

from bench.sockets import Story, people, watch_story
from factory.live import broadcast
from factory.live.outgoing import CLOSE_BEHIND
from tests.factory.running import free_port, server

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


def as_the_server_has_it(layer):
    """The channel layer without the prefix of the tests."""
    return {**layer, "CONFIG": {name: value for name, value in layer["CONFIG"].items() if name != "prefix"}}


def test_who_does_not_read_is_closed_and_nobody_misses_an_alert(monkeypatch, settings):
    monkeypatch.setenv("WS_BEHIND", "1")
    settings.CHANNEL_LAYERS = {"default": as_the_server_has_it(settings.CHANNEL_LAYERS["default"])}
    monkeypatch.setattr(broadcast, "broadcaster", broadcast.Broadcaster())
    story, crowd, port = Story(words=256 * 1024), people(30), free_port()

    with server(port):
        outcome = asyncio.run(watch_story(port, crowd, story, steps=12, apart=0.3))

    assert outcome.problems == []
    assert len(outcome.delays) == 12 * 20
    assert outcome.codes == Counter({f"dripping {CLOSE_BEHIND}": 5, f"stuck {CLOSE_BEHIND}": 5})
