"""What people do with a batch that was begun: cancel it, and do it again for the failed ones."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from devices.services import withdraw_commands
from factory.accounts.models import User
from factory.errors import Conflict, Forbidden, InvalidInput
from factory.retrying import again_after_deadlock
from factory.said import said
from grouping.models import BatchItem, BatchOperation
from grouping.operations import TakeBack, get_operation
from grouping.queries.batches import BatchUnknown
from grouping.services.batches import hold_turn, refuse_too_many, set_going
from grouping.services.outcomes import end_items, locked, look_after
from grouping.services.working import AT_ONCE

Status = BatchOperation.Status
ItemStatus = BatchItem.Status


class BatchMovedOn(Conflict):
    """Somebody got there first, or it is not at the point where this can be done."""


def cancel_batch(*, batch: BatchOperation, at: datetime, by: User | None = None) -> BatchOperation:
    """Do it to no more devices. Those that have been told already go on to their outcome."""
    _refuse_lower_rank(batch, by)
    again_after_deadlock(partial(_cancel, batch, at))
    take_back_unsent(batch_id=batch.pk, at=at)
    batch.refresh_from_db()
    return batch


@transaction.atomic
def _cancel(batch: BatchOperation, at: datetime) -> None:
    rows = BatchOperation.objects.filter(pk=batch.pk, status__in=BatchOperation.UNFINISHED)
    if not rows.update(status=Status.CANCELLED):
        _refuse_moved_on(batch, gettext("only one that is running can be cancelled"))
    untouched = (ItemStatus.PENDING, ItemStatus.WORKING)
    found = BatchItem.objects.filter(batch_id=batch.pk, status__in=untouched)
    items = locked(found.values_list("pk", flat=True))
    end_items([item.pk for item in items if item.status in untouched], ItemStatus.CANCELLED, at=at)
    look_after([batch.pk], at=at)


def take_back_unsent(*, batch_id: int, at: datetime) -> None:
    """What a cancelled batch has ordered and nobody was told of yet is not done; its items end as cancelled."""
    batch = BatchOperation.objects.filter(pk=batch_id, status=Status.CANCELLED, completed_at=None).first()
    if batch is None:
        return
    waiting = BatchItem.objects.filter(batch_id=batch_id, status=ItemStatus.WAITING)
    commands = waiting.filter(command__attempts=0).order_by("command_id")
    ids = list(commands.values_list("command_id", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        again_after_deadlock(partial(withdraw_commands, command_ids=ids[start : start + AT_ONCE], at=at))
    try:
        take_back = get_operation(batch.operation).take_back
    except InvalidInput:  # its room is gone
        take_back = None
    if take_back is not None:
        again_after_deadlock(partial(_take_back, batch, take_back, at))


@transaction.atomic
def _take_back(batch: BatchOperation, take_back: TakeBack, at: datetime) -> None:
    devices = take_back(batch, at)
    found = BatchItem.objects.filter(batch=batch, status=ItemStatus.WAITING, device_id__in=devices)
    items = locked(found.values_list("pk", flat=True))
    untold = [item.pk for item in items if item.status == ItemStatus.WAITING]
    end_items(untold, ItemStatus.CANCELLED, at=at)
    look_after([batch.pk], at=at)


def retry_failed(*, batch: BatchOperation, at: datetime, by: User | None = None) -> BatchOperation:
    """Do it again for those that failed, as their next attempt; the others are left alone."""
    _refuse_lower_rank(batch, by)
    again_after_deadlock(partial(_retry, batch, at))
    batch.refresh_from_db()
    return batch


@transaction.atomic
def _retry(batch: BatchOperation, at: datetime) -> None:
    hold_turn(batch.group_id, batch.created_by)
    rows = BatchOperation.objects.filter(pk=batch.pk, status__in=(Status.COMPLETED, Status.FAILED))
    if not rows.update(status=Status.IN_PROGRESS, completed_at=None):
        _refuse_moved_on(batch, gettext("only one that is over, and was not cancelled, can be done again"))
    failed = BatchItem.objects.filter(
        batch_id=batch.pk, status=ItemStatus.FAILED, device__deactivated_at=None, device__isnull=False
    )
    items = locked(failed.values_list("pk", flat=True))
    again = [item.pk for item in items if item.status == ItemStatus.FAILED]
    if not again:
        raise BatchMovedOn(
            gettext("There is no device to do it again for: none that is in service has failed.")
        )
    refuse_too_many(batch.group_id, batch.created_by, but=batch.pk)
    BatchItem.objects.filter(pk__in=again).update(
        status=ItemStatus.PENDING, attempt=F("attempt") + 1, command=None, error="", updated_at=at
    )
    batch = BatchOperation.objects.get(pk=batch.pk)
    set_going(get_operation(batch.operation), batch, devices=len(again), at=at)


def _refuse_lower_rank(batch: BatchOperation, by: User | None) -> None:
    """Whoever may not start an operation neither ends it nor does it again."""
    try:
        role = get_operation(batch.operation).role
    except InvalidInput:  # its room is gone: whoever may start batches may end this one
        role = User.Role.OPERATOR
    if by is not None and not by.has_rank_of(role):
        raise Forbidden(
            gettext("Only a %(what)s may steer %(operation)s for many devices.")
            % {"what": said(role), "operation": batch.operation}
        )


def _refuse_moved_on(batch: BatchOperation, words: str) -> None:
    now = BatchOperation.objects.filter(pk=batch.pk).values_list("status", flat=True).first()
    if now is None:
        raise BatchUnknown(gettext("There is no batch operation %(id)s.") % {"id": batch.pk})
    raise BatchMovedOn(
        gettext("Batch operation %(id)s is %(status)s: %(words)s.")
        % {"id": batch.pk, "status": said(now), "words": words}
    )
