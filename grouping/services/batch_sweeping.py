"""What killed workers, lost messages and silent devices leave behind is found here, every 15 seconds."""

import logging
from datetime import datetime
from functools import partial

from django.db import transaction

from factory.queueing import enqueue_on_commit
from factory.retrying import again_after_deadlock
from grouping import tasks
from grouping.models import BatchItem, BatchOperation
from grouping.services.batch_steps import take_back_unsent
from grouping.services.outcomes import end_waiting, fail_without_device, locked, settle_batch
from grouping.services.working import workers_for

logger = logging.getLogger(__name__)
Status = BatchItem.Status
AT_ONCE = 1000
TIME_IS_UP = "no report in time"


def sweep_batches(*, at: datetime) -> None:
    """Take back what killed workers had in hand, end what waited too long, and have every batch go on."""
    _free_lost_claims(at)
    _end_late(at)
    orphans = BatchItem.objects.filter(device=None, status__in=BatchItem.UNFINISHED)
    fail_without_device(orphans.values_list("pk", flat=True), at=at)
    for batch in BatchOperation.objects.filter(completed_at=None).order_by("pk"):
        if settle_batch(batch_id=batch.pk, at=at):
            continue
        if batch.status == BatchOperation.Status.CANCELLED:
            take_back_unsent(batch_id=batch.pk, at=at)
        elif batch.items.filter(status=Status.PENDING).exists():
            for _ in range(workers_for(batch.total)):
                enqueue_on_commit(tasks.work_on_batch, batch_id=batch.pk)


def _free_lost_claims(at: datetime) -> None:
    lost = BatchItem.objects.filter(claimed_until__lte=at, status=Status.WORKING).order_by("pk")
    while ids := list(lost.values_list("pk", flat=True)[:AT_ONCE]):
        freed = again_after_deadlock(partial(_free, ids, at))
        logger.warning("batch.claims_lost", extra={"items": freed})


@transaction.atomic
def _free(ids: list[int], at: datetime) -> int:
    # Whoever carries out at this moment holds the rows: he is waited for, and his outcome counts.
    items = locked(ids)
    free = [i.pk for i in items if i.status == Status.WORKING and i.claimed_until and i.claimed_until <= at]
    return BatchItem.objects.filter(pk__in=free).update(
        status=Status.PENDING, claim="", claimed_until=None, updated_at=at
    )


def _end_late(at: datetime) -> None:
    late = BatchItem.objects.filter(deadline_at__lte=at, status=Status.WAITING).order_by("pk")
    while ids := list(late.values_list("pk", flat=True)[:AT_ONCE]):
        found = BatchItem.objects.filter(pk__in=ids)
        again_after_deadlock(partial(end_waiting, found, lambda item: (Status.FAILED, TIME_IS_UP), at=at))
