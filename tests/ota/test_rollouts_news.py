"""How a rollout stands, told live: a few times a second; and who has it go on."""

import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache

from factory.live.broadcast import broadcaster
from factory.queueing import messenger
from ota.models import Rollout
from ota.services import rollout_news
from ota.services.advancing import advance_rollout
from ota.services.rollout_news import ROLLOUT_STREAM, look_after, tell_in_turn, tell_status
from ota.turns import Turns
from tests.builders import NOON
from tests.live.sockets import a_viewer
from tests.ota.rolling import begin, make_plant, make_rollout, report, under_way

COUNTS = ("total", "planned", "deploying", "succeeded", "failed", "cancelled", "skipped")


@pytest.fixture
def told(monkeypatch):
    """What was handed to the broadcaster."""
    heard = []

    def send(group, message):
        if message["kind"] == ROLLOUT_STREAM:
            heard.extend((key, json.loads(text)) for key, _, text in message["items"])

    monkeypatch.setattr(broadcaster, "send", send)
    return heard


@pytest.fixture
def later(monkeypatch):
    """What was handed to workers."""
    waiting = []
    monkeypatch.setattr(messenger, "hand_over", lambda task, kwargs: waiting.append((task, kwargs)))
    return waiting


def counts(*numbers):
    return dict(zip(COUNTS, numbers, strict=True))


@pytest.mark.django_db
def test_watchers_hear_where_the_devices_are_wave_by_wave(told, later):
    rollout = begin(50, 100, devices=make_plant(4))
    report(rollout, "failed", devices=under_way(rollout)[:1])
    told.clear()

    tell_status(rollout_id=rollout.pk, at=NOON)

    assert told == [
        (
            rollout.pk,
            {
                "rolloutId": rollout.pk,
                "status": "running",
                "pausedBecause": "",
                "currentWave": 1,
                "progress": 25,
                **counts(4, 2, 1, 0, 1, 0, 0),
                "waves": [
                    {"wave": 1, **counts(2, 0, 1, 0, 1, 0, 0)},
                    {"wave": 2, **counts(2, 2, 0, 0, 0, 0, 0)},
                ],
                "timestamp": "2026-06-01T12:00:00.000Z",
            },
        )
    ]


@pytest.mark.django_db
def test_in_any_second_it_is_told_four_times_at_most_and_once_more_later(told, later):
    rollout = make_rollout(devices=make_plant(1))
    told_at = []
    for at in [NOON + timedelta(milliseconds=10 * number) for number in range(500)]:
        before = len(told)
        tell_in_turn(rollout_id=rollout.pk, at=at)
        told_at += [at] * (len(told) - before)

    for at in told_at:
        assert sum(at <= other < at + timedelta(seconds=1) for other in told_at) <= 4
    assert len(told_at) == len(later) == 15
    assert {task.name for task, _ in later} == {"ota.tasks.tell_rollout_status"}


@pytest.mark.django_db
def test_a_pause_is_told_whatever_was_told_just_before(told, later, django_capture_on_commit_callbacks):
    rollout = begin(devices=make_plant(2), failure=0)
    report(rollout, "failed")
    for _ in range(3):
        tell_in_turn(rollout_id=rollout.pk, at=NOON)
    told.clear()

    with django_capture_on_commit_callbacks(execute=True):
        advance_rollout(rollout_id=rollout.pk, at=NOON)

    assert [(data["status"], data["pausedBecause"]) for _, data in told] == [
        ("paused", "Wave 1: 2 of 2 devices (100.0 %) failed, 0 % are allowed.")
    ]


@pytest.mark.django_db
def test_however_many_devices_end_their_update_one_worker_looks_now_and_one_a_moment_later(
    told, later, django_capture_on_commit_callbacks
):
    rollout = begin(devices=make_plant(30))
    for device_id in under_way(rollout):
        with django_capture_on_commit_callbacks(execute=True):
            report(rollout, devices=[device_id])

    advances = [task for task, _ in later if "advance" in task.name]
    assert [(task.name, getattr(task, "options", {}).get("countdown")) for task in advances] == [
        ("ota.tasks.advance_rollout", None),
        ("ota.tasks.advance_rollout", 1),
    ]


@pytest.mark.django_db
def test_without_redis_nothing_waits_and_beat_goes_on(
    told, later, monkeypatch, django_capture_on_commit_callbacks
):
    rollout = begin(50, 100, devices=make_plant(2))
    asked = []

    def away(*args, **kwargs):
        asked.append(1)
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)
    for name in ("_telling", "_advancing"):
        monkeypatch.setattr(rollout_news, name, Turns(seconds=1))
    later.clear()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(50):
            look_after([rollout.pk], at=NOON)
    assert (later, len(asked)) == ([], 2)

    report(rollout)
    advance_rollout(rollout_id=rollout.pk, at=NOON)
    assert Rollout.objects.get().current_wave == 2


@pytest.mark.django_db
def test_a_rollout_that_is_gone_is_not_told_of(told, later):
    tell_in_turn(rollout_id=987, at=NOON)
    advance_rollout(rollout_id=987, at=NOON)

    assert told == []


@pytest.mark.django_db(transaction=True)
async def test_over_the_socket():
    rollout = await sync_to_async(lambda: make_rollout(devices=make_plant(1)))()
    channel = f"rollout:{rollout.pk}"
    async with await a_viewer() as socket:
        await socket.subscribe(channel, "rollout:987")
        assert await socket.next("subscription_confirm") == ("subscription_confirm", {"channels": [channel]})

        await sync_to_async(tell_status)(rollout_id=rollout.pk, at=NOON)

        _, data = await socket.next("rollout_status")
        assert (data["rolloutId"], data["status"], data["planned"]) == (rollout.pk, "draft", 1)
