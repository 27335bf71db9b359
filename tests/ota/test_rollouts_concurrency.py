"""Workers, devices and people at the same time, on a real database."""

import threading
from collections import Counter
from functools import partial

import pytest
from django.db import connection

from factory.retrying import again_after_deadlock
from grouping.queries import counts_of
from ota.models import Deployment, Rollout, RolloutDevice
from ota.queries.rollouts import counts_by_wave, get_rollout, in_all
from ota.services.advancing import advance_rollout, advance_rollouts
from ota.services.rollout_guards import RolloutMovedOn
from ota.services.rollout_steps import cancel_rollout, pause_rollout, retry_rollout
from ota.services.rollouts import start_rollout
from tests.builders import NOON, make_batch, make_firmware, make_user
from tests.grouping.test_concurrency import at_once
from tests.ota.rolling import begin, make_plant, make_rollout, report, statuses

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


def go_on(rollout):
    return partial(advance_rollout, rollout_id=rollout.pk, at=NOON)


def test_two_workers_that_advance_at_once_deploy_nobody_twice(monkeypatch):
    monkeypatch.setattr("ota.services.advancing.AT_ONCE", 7)
    for turn in range(ROUNDS):
        rollout = make_rollout(
            devices=make_plant(40, prefix=f"p{turn}"), firmware=make_firmware(version=f"2.{turn}.0")
        )
        start_rollout(rollout=rollout, at=NOON)

        at_once(*[go_on(rollout)] * 3)

        assert statuses(rollout) == {"deploying": 40}
        told = Deployment.objects.filter(rollout=rollout).values_list("device_id", flat=True)
        assert set(Counter(told).values()) == {1}


def test_two_workers_keep_to_the_parallel_limit_together():
    rollout = make_rollout(devices=make_plant(20), max_parallel=6)
    start_rollout(rollout=rollout, at=NOON)

    at_once(*[go_on(rollout)] * 4)

    assert statuses(rollout) == {"deploying": 6, "planned": 14}


@pytest.mark.parametrize("step", [start_rollout, cancel_rollout])
def test_of_two_who_take_the_same_step_one_wins(step):
    for turn in range(ROUNDS):
        rollout = make_rollout(
            devices=make_plant(3, prefix=f"p{turn}"), firmware=make_firmware(version=f"2.{turn}.0")
        )

        told = at_once(*[partial(step, rollout=rollout, at=NOON)] * 2)

        assert Counter(type(answer) for answer in told) == {Rollout: 1, RolloutMovedOn: 1}
        assert (
            Counter(RolloutDevice.objects.filter(rollout=rollout).values_list("status", flat=True)).total()
            == 3
        )


def test_cancelling_while_workers_begin_updates_leaves_nobody_undecided(monkeypatch):
    monkeypatch.setattr("ota.services.advancing.AT_ONCE", 5)
    for turn in range(ROUNDS):
        rollout = make_rollout(
            devices=make_plant(30, prefix=f"p{turn}"), firmware=make_firmware(version=f"2.{turn}.0")
        )
        start_rollout(rollout=rollout, at=NOON)

        at_once(go_on(rollout), go_on(rollout), partial(cancel_rollout, rollout=rollout, at=NOON))

        advance_rollouts(at=NOON)
        assert statuses(rollout) == {"cancelled": 30}
        assert get_rollout(rollout.pk).completed_at == NOON
        assert not Deployment.objects.active().exists()


def test_pausing_while_workers_begin_updates_begins_none_afterwards(monkeypatch):
    monkeypatch.setattr("ota.services.advancing.AT_ONCE", 3)
    rollout = make_rollout(devices=make_plant(30))
    start_rollout(rollout=rollout, at=NOON)

    at_once(go_on(rollout), partial(pause_rollout, rollout=rollout, reason="Stop.", at=NOON))
    begun = Deployment.objects.count()
    advance_rollouts(at=NOON)

    assert Deployment.objects.count() == begun
    assert get_rollout(rollout.pk).paused_because == "Stop."


def test_two_rollouts_that_begin_at_once_on_the_same_devices_give_each_one_update():
    devices = make_plant(20)
    first, second = (
        make_rollout(devices=devices, firmware=make_firmware(version=f"{n}.0.0")) for n in (2, 3)
    )
    for rollout in (first, second):
        start_rollout(rollout=rollout, at=NOON)

    at_once(go_on(first), go_on(second), go_on(first), go_on(second))

    assert Deployment.objects.active().count() == 20
    both = Counter(statuses(first)) + Counter(statuses(second))
    assert both == {"deploying": 20, "planned": 20}


def test_the_counts_add_up_at_every_moment_and_each_device_has_one_outcome(monkeypatch):
    """Workers, devices that answer and somebody who looks, all at once; a batch hears all of it."""
    monkeypatch.setattr("ota.services.advancing.AT_ONCE", 10)
    devices = make_plant(90)
    bad = [device.pk for device in devices[::13]]
    batch = make_batch(
        operation="firmware_update",
        parameters={
            "firmwareVersionId": make_firmware(version="2.0.0").pk,
            "waves": [20, 100],
            "maxParallel": 25,
        },
        devices=devices,
        by=make_user(role="technician"),
    )
    rollout = Rollout.objects.get(batch=batch)
    over, looks = threading.Event(), []

    def work():
        while not over.is_set():
            again_after_deadlock(go_on(rollout))

    def devices_answer():
        while get_rollout(rollout.pk).status != "completed":
            again_after_deadlock(partial(report, rollout, "failed", devices=bad))
            good = [device.pk for device in devices if device.pk not in bad]
            again_after_deadlock(partial(report, rollout, devices=good))
        over.set()

    def look():
        while not over.is_set():
            looks.append(
                (
                    in_all(counts_by_wave([rollout.pk])[rollout.pk]).total,
                    counts_of([batch.pk])[batch.pk].total,
                )
            )

    at_once(work, work, devices_answer, look)

    assert set(looks) == {(90, 90)}
    assert statuses(rollout) == {"succeeded": 83, "failed": 7}
    counts = counts_of([batch.pk])[batch.pk]
    assert (counts.succeeded, counts.failed) == (83, 7)
    assert Deployment.objects.count() == 90
    connection.close()


def test_of_two_who_retry_at_once_the_failed_are_done_again_once():
    for turn in range(ROUNDS):
        rollout = begin(
            devices=make_plant(4, prefix=f"p{turn}"), firmware=make_firmware(version=f"2.{turn}.0")
        )
        report(rollout, "failed")

        told = at_once(*[partial(retry_rollout, rollout=rollout, at=NOON)] * 2)
        at_once(go_on(rollout), go_on(rollout))

        assert Counter(type(answer) for answer in told) == {Rollout: 1, RolloutMovedOn: 1}
        assert set(RolloutDevice.objects.filter(rollout=rollout).values_list("attempt", flat=True)) == {2}
        assert Deployment.objects.filter(rollout=rollout).count() == 8
