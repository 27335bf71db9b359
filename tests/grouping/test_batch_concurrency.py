"""People, workers and devices at the same time, on a real database."""

import threading
from collections import Counter

import pytest

from devices.models import Command
from devices.services import Ack, hear_acks
from factory.retrying import again_after_deadlock
from grouping.models import BatchItem, BatchOperation
from grouping.queries import counts_of, get_batch
from grouping.services import (
    BatchMovedOn,
    IdempotencyKeyTaken,
    TooManyBatches,
    cancel_batch,
    create_batch,
    retry_failed,
)
from grouping.services.batch_sweeping import sweep_batches
from grouping.services.working import CLAIM
from tests.builders import NOON, make_batch, make_device, make_group, make_user
from tests.grouping.batching import answer, statuses, work_off
from tests.grouping.test_concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def fleet(devices):
    return [make_device() for _ in range(devices)]


def test_the_same_request_by_several_at_once_is_one_batch():
    devices, by = fleet(3), make_user(role="operator")
    for number in range(ROUNDS):
        key = f"night {number}"

        told = at_once(*[lambda key=key: make_batch(devices=devices, by=by, idempotency_key=key)] * 4)

        assert len({batch.pk for batch in told}) == 1
        assert BatchItem.objects.filter(batch=told[0]).count() == 3
        cancel_batch(batch=told[0], at=NOON)
    other = make_batch(devices=devices[:1], by=by, idempotency_key="other")
    told = at_once(
        lambda: make_batch(devices=devices[:1], by=by, idempotency_key="other"),
        lambda: make_batch(devices=devices, by=by, idempotency_key="other"),
    )
    assert told[0] == other
    assert isinstance(told[1], IdempotencyKeyTaken)


@pytest.mark.parametrize("is_group", [True, False])
def test_at_once_no_more_are_begun_than_may_run(is_group):
    devices, by = fleet(2), make_user(role="operator")
    whom = {"group": make_group(devices=devices)} if is_group else {"devices": devices}

    told = at_once(*[lambda: make_batch(by=by, **whom)] * 6)

    assert Counter(type(answer) for answer in told) == {BatchOperation: 3, TooManyBatches: 3}


def test_several_workers_claim_no_device_twice(monkeypatch):
    monkeypatch.setattr("grouping.services.working.AT_ONCE", 7)
    monkeypatch.setattr("grouping.services.working.WINDOW", 28)
    batch = make_batch(devices=fleet(60))

    at_once(*[lambda: work_off(batch)] * 4)
    work_off(batch)  # a worker that found all that is left in others' hands did not wait

    assert statuses(batch) == {"waiting": 60}
    assert Command.objects.count() == 60
    assert Command.objects.values("device").distinct().count() == 60


@pytest.mark.parametrize("again", [False, True])
def test_of_two_who_cancel_or_retry_at_once_one_wins(again):
    for _ in range(ROUNDS):
        batch = make_batch(devices=fleet(2))
        do = cancel_batch
        if again:
            work_off(batch)
            answer(batch, "failed")
            batch, do = get_batch(batch.pk), retry_failed
            assert batch.status == "failed"

        told = at_once(*[lambda batch=batch, do=do: do(batch=batch, at=NOON)] * 2)

        assert Counter(type(answer) for answer in told) == {BatchOperation: 1, BatchMovedOn: 1}
        assert set(BatchItem.objects.filter(batch=batch).values_list("attempt", flat=True)) == {1 + again}
        if again:
            cancel_batch(batch=batch, at=NOON)


def test_whoever_cancels_while_workers_work_leaves_nothing_undecided(monkeypatch):
    monkeypatch.setattr("grouping.services.working.AT_ONCE", 5)
    for _ in range(ROUNDS):
        batch = make_batch(devices=fleet(30))

        at_once(
            lambda batch=batch: work_off(batch),
            lambda batch=batch: work_off(batch),
            lambda batch=batch: cancel_batch(batch=batch, at=NOON),
            lambda: sweep_batches(at=NOON + CLAIM),
        )

        sweep_batches(at=NOON)
        assert statuses(batch) == {"cancelled": 30}
        assert get_batch(batch.pk).completed_at is not None
        assert not Command.objects.unfinished().exists()


def test_the_counts_add_up_at_every_moment_and_each_device_has_one_outcome(monkeypatch):
    """Workers, devices that answer, the sweeper and somebody who looks, all at once; then the failed ones again."""
    monkeypatch.setattr("grouping.services.working.AT_ONCE", 10)
    devices = fleet(120)
    bad = {device.pk for device in devices[::14]}
    batch = make_batch(devices=devices)
    over, looks = threading.Event(), []

    def look():
        while not over.is_set():
            looks.append(counts_of([batch.pk])[batch.pk])

    def act():
        """The devices' side: each does each of its commands once."""
        done = set()
        while len(done) < 120:
            sent = Command.objects.exclude(pk__in=done).order_by("pk")[:17]
            acks = [
                Ack(command.device_id, command.pk, "failed" if command.device_id in bad else "succeeded")
                for command in sent
            ]
            assert all(isinstance(told, Command) for told in hear_acks(acks=acks, at=NOON))
            done |= {ack.command_id for ack in acks}
        over.set()

    def sweep():
        while not over.is_set():
            sweep_batches(at=NOON)

    at_once(look, act, sweep, *[lambda: again_after_deadlock(lambda: work_off(batch))] * 2)
    work_off(batch)

    assert len(looks) > 3
    assert {counts.total for counts in looks} == {120}
    assert statuses(batch) == {"succeeded": 120 - len(bad), "failed": len(bad)}
    assert get_batch(batch.pk).status == "completed"
    retry_failed(batch=batch, at=NOON)
    work_off(batch)
    assert Counter(Command.objects.values_list("device", flat=True)) == {
        device.pk: 1 + (device.pk in bad) for device in devices
    }
    answer(batch)
    assert statuses(batch) == {"succeeded": 120}


def test_devices_deleted_while_a_batch_is_made_and_worked_off_are_in_no_ones_way():
    from devices.services import delete_devices

    for number in range(ROUNDS):
        devices, by = fleet(12), make_user(role="operator")
        ids = [device.pk for device in devices]

        def begin(ids=ids, by=by):
            return create_batch(operation="restart", parameters={}, device_ids=ids, by=by, at=NOON)

        made, _ = at_once(begin, lambda devices=devices: delete_devices(devices=devices[:3]))
        batch = made if isinstance(made, BatchOperation) else make_batch(devices=devices[3:], by=by)
        at_once(
            lambda batch=batch: work_off(batch),
            lambda devices=devices: delete_devices(devices=devices[6:]),
        )
        sweep_batches(at=NOON + CLAIM)
        work_off(batch)

        told = statuses(batch)
        assert told["waiting"] == 3, number
        assert told["failed"] == batch.total - 3
