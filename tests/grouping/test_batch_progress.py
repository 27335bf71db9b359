"""How a batch stands, told live: a few times a second, and at the end."""

import json
from datetime import timedelta

import pytest
from django.core.cache import cache

from factory.live.broadcast import broadcaster
from factory.queueing import messenger
from grouping.queries import counts_of, get_batch
from grouping.services import batch_progress
from grouping.services.batch_progress import BATCH_STREAM, SLOT_SECONDS, tell_in_turn
from grouping.services.outcomes import settle_batch
from tests.builders import NOON, make_batch, make_device
from tests.grouping.batching import answer, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(monkeypatch):
    """What was handed to the broadcaster."""
    heard = []

    def send(group, message):
        if message["kind"] == BATCH_STREAM:
            heard.extend((key, json.loads(text)) for key, _, text in message["items"])

    monkeypatch.setattr(broadcaster, "send", send)
    return heard


@pytest.fixture
def later(monkeypatch):
    """What was put off to a moment later."""
    waiting = []
    monkeypatch.setattr(messenger, "hand_over", lambda task, kwargs: waiting.append((task, kwargs)))
    return waiting


def test_watchers_hear_where_the_devices_are(told, later):
    devices = [make_device() for _ in range(4)]
    batch = make_batch(devices=devices)
    work_off(batch)
    answer(batch, devices=devices[:1])
    answer(batch, "failed", devices=devices[1:2])

    tell_in_turn(batch_id=batch.pk, at=NOON)

    assert told == [
        (
            batch.pk,
            {
                "batchId": batch.pk,
                "status": "in_progress",
                "progress": 50,
                "total": 4,
                "pending": 0,
                "waiting": 2,
                "succeeded": 1,
                "failed": 1,
                "cancelled": 0,
                "timestamp": "2026-06-01T12:00:00.000Z",
            },
        )
    ]


def test_in_any_second_it_is_told_four_times_at_most_and_once_more_later(told, later):
    batch = make_batch(devices=[make_device()])
    later.clear()

    moments = [NOON + timedelta(milliseconds=number) for number in range(5_000)]
    told_at = []
    for at in moments:
        before = len(told)
        tell_in_turn(batch_id=batch.pk, at=at)
        told_at += [at] * (len(told) - before)

    for at in told_at:
        assert sum(at <= other < at + timedelta(seconds=1) for other in told_at) <= 4
    assert len(told_at) == len(later) == 15
    task, kwargs = later[0]
    assert (task.name, task.options["countdown"]) == ("grouping.tasks.tell_batch_progress", SLOT_SECONDS)
    assert kwargs == {"batch_id": batch.pk}


def test_the_end_is_told_whatever_was_told_just_before(told, later, django_capture_on_commit_callbacks):
    batch = make_batch(devices=[make_device()])
    work_off(batch)
    answer(batch)
    for _ in range(3):
        tell_in_turn(batch_id=batch.pk, at=NOON)
    told.clear()

    with django_capture_on_commit_callbacks(execute=True):
        assert settle_batch(batch_id=batch.pk, at=NOON)
        assert not settle_batch(batch_id=batch.pk, at=NOON)

    assert [(data["status"], data["progress"]) for _, data in told] == [("completed", 100)]


def test_without_redis_only_the_end_is_told_and_nothing_waits(told, later, monkeypatch):
    batch = make_batch(devices=[make_device()])
    asked = []

    def away(*args, **kwargs):
        asked.append(1)
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)
    monkeypatch.setattr(batch_progress, "_cache", batch_progress._Cache())
    later.clear()

    for _ in range(100):
        tell_in_turn(batch_id=batch.pk, at=NOON)

    assert (told, later, len(asked)) == ([], [], 1)


def test_looking_at_many_batches_costs_one_query(django_assert_num_queries):
    batches = [make_batch(devices=[make_device()]) for _ in range(3)]

    with django_assert_num_queries(1):
        counts = counts_of([batch.pk for batch in batches])

    assert [counts[batch.pk].progress for batch in batches] == [0, 0, 0]
    assert counts_of([]) == {}


def test_a_batch_that_is_gone_is_not_told_of(told):
    batch = make_batch(devices=[make_device()])
    get_batch(batch.pk).delete()

    tell_in_turn(batch_id=batch.pk, at=NOON)

    assert told == []
