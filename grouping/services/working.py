"""How a batch is worked off: some devices at a time, by as many workers as there are.

A worker first claims devices, which is committed, and then carries out, which commits together with what came of
it, and only while the claim stands. So one killed between the two has done nothing, and its devices are claimed
anew when the claim has run out; one killed after that has left nothing undone.
"""

import logging
from datetime import datetime, timedelta
from functools import partial
from time import monotonic, sleep
from typing import NamedTuple

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction

from devices.models import Device, Presence
from factory.errors import DomainError, Unavailable
from factory.queueing import enqueue_on_commit
from factory.retrying import again_after_deadlock
from grouping import tasks
from grouping.models import BatchItem, BatchOperation
from grouping.operations import Failed, Operation, Outcome, get_operation
from grouping.services.outcomes import (
    DELETED,
    OUT_OF_SERVICE,
    end_items,
    keep_outcomes,
    locked,
    look_after,
    settle_batch,
)

logger = logging.getLogger(__name__)
Status = BatchItem.Status

AT_ONCE = 500
WORKERS = 2
# Looked through for devices that no other worker is just claiming.
WINDOW = 4 * AT_ONCE
# With the sweeper's 15 seconds this is how long the devices of a killed worker wait. A slow one loses nothing:
# while it carries out, its rows are locked.
CLAIM = timedelta(seconds=12)
# SQLite has one writer at a time, and those who wait for it look again every 100 ms at the least often. Without a
# rest they would wait for the end of the whole batch: the courier, devices that answer, leases. So a turn rests half as
# long as it took, and no shorter than that.
SQLITE_REST_SECONDS, SQLITE_REST_SHARE = 0.12, 0.5


class Claim(NamedTuple):
    """Devices of a batch that one worker has in hand."""

    batch_id: int
    name: str
    ids: list[int]


def work_on_batch(*, batch_id: int, claim: str, at: datetime) -> int:
    """Carry a batch out for its next devices, and have the rest follow; returns how many had their turn."""
    began = monotonic()
    taken = again_after_deadlock(partial(claim_items, batch_id=batch_id, claim=claim, at=at))
    if not taken.ids:
        settle_batch(batch_id=batch_id, at=at)
        return 0
    carry_out_claim(claim=taken, at=at)
    _let_others_write(monotonic() - began)
    if BatchItem.objects.filter(batch_id=batch_id, status=Status.PENDING).exists():
        enqueue_on_commit(tasks.work_on_batch, batch_id=batch_id)
    return len(taken.ids)


def workers_for(devices: int) -> int:
    """How many begin on so many devices at once; each has another one follow while something is left."""
    most = 1 if connection.vendor == "sqlite" else WORKERS
    return min(most, -(-devices // AT_ONCE))


def _let_others_write(took: float) -> None:
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        sleep(max(SQLITE_REST_SECONDS, took * SQLITE_REST_SHARE))


@transaction.atomic
def claim_items(*, batch_id: int, claim: str, at: datetime) -> Claim:
    """Take the next devices of a batch in hand, under the claim's name; none when nothing is left."""
    batches = BatchOperation.objects.filter(pk=batch_id)
    batches.filter(status=BatchOperation.Status.PENDING).update(
        status=BatchOperation.Status.IN_PROGRESS, started_at=at
    )
    pending = BatchItem.objects.filter(batch_id=batch_id, status=Status.PENDING).order_by("pk")
    window = list(pending.values_list("pk", flat=True)[:WINDOW])
    free = BatchItem.objects.select_for_update(
        skip_locked=connection.features.has_select_for_update_skip_locked
    )
    mine = free.filter(pk__in=window, status=Status.PENDING).order_by("pk")
    ids = list(mine.values_list("pk", flat=True)[:AT_ONCE])
    BatchItem.objects.filter(pk__in=ids, status=Status.PENDING).update(
        status=Status.WORKING, claim=claim, claimed_until=at + CLAIM, updated_at=at
    )
    return Claim(batch_id, claim, ids)


def carry_out_claim(*, claim: Claim, at: datetime) -> None:
    """Do it for the devices in hand; what cannot be done has failed, and the others go on."""
    work = partial(again_after_deadlock, partial(_carry_out, claim, at))
    try:
        try:
            work()
        except IntegrityError:  # a device was deleted meanwhile: it is seen now
            work()
    except (OperationalError, InterfaceError, Unavailable):
        raise  # not the devices' fault: the claim runs out, and somebody does it again
    except Exception as error:
        logger.exception("batch.carry_out_failed", extra={"batch_id": claim.batch_id})
        again_after_deadlock(partial(_fail, claim, f"something broke on our side: {error}", at))


@transaction.atomic
def _carry_out(claim: Claim, at: datetime) -> None:
    batch = BatchOperation.objects.select_related("created_by").filter(pk=claim.batch_id).first()
    if batch is None:
        return
    try:
        operation = get_operation(batch.operation)
    except DomainError as refusal:  # its room is gone
        _fail(claim, refusal.message, at)
        return
    # Devices before items, as everybody who hears of a device does.
    in_service = _held_devices(claim, operation)
    items = _still_held(claim)
    if not items:
        return  # it took too long, or the batch was cancelled: nobody waits for this any more
    outcomes: dict[int, Outcome] = {
        item.pk: Failed(DELETED if item.device_id is None else OUT_OF_SERVICE)
        for item in items
        if item.device_id not in in_service
    }
    fit = [item for item in items if item.pk not in outcomes]
    if fit:
        outcomes.update(_tried(operation, fit, batch, at))
    keep_outcomes(items, outcomes, at=at)


def _held_devices(claim: Claim, operation: Operation) -> set[int]:
    """Those of the devices in hand that are in service, and stay so until the transaction ends."""
    found = BatchItem.objects.filter(pk__in=claim.ids, device__isnull=False)
    ids = list(found.values_list("device_id", flat=True))
    if operation.moves_presence:
        list(Presence.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    rows = Device.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    return {pk for pk, deactivated_at in rows.values_list("pk", "deactivated_at") if deactivated_at is None}


def _still_held(claim: Claim) -> list[BatchItem]:
    items = locked(claim.ids)
    return [item for item in items if item.status == Status.WORKING and item.claim == claim.name]


def _tried(
    operation: Operation, items: list[BatchItem], batch: BatchOperation, at: datetime
) -> dict[int, Outcome]:
    """As `carry_out` says. Where it refuses, by halves: one device that does not fit does not keep the others."""
    assert operation.carry_out is not None
    try:
        with transaction.atomic():
            return dict(operation.carry_out(items, batch, at))
    except Unavailable:
        raise
    except DomainError as refusal:
        if len(items) == 1:
            return {items[0].pk: Failed(refusal.message)}
    half = len(items) // 2
    return {
        **_tried(operation, items[:half], batch, at),
        **_tried(operation, items[half:], batch, at),
    }


@transaction.atomic
def _fail(claim: Claim, reason: str, at: datetime) -> None:
    end_items([item.pk for item in _still_held(claim)], Status.FAILED, reason, at=at)
    look_after([claim.batch_id], at=at)
