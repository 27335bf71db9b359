from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext

from factory.errors import NotFound
from factory.live.story import microseconds, whole_number
from factory.tracked import Tracked
from factory.trpc.superjson import iso
from grouping.models import BatchItem, BatchOperation


class BatchUnknown(NotFound):
    """There is no such batch."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many devices of a batch are where. Always adds up to all of them."""

    pending: int = 0
    working: int = 0
    waiting: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        return self.unfinished + self.finished

    @property
    def unfinished(self) -> int:
        return self.pending + self.working + self.waiting

    @property
    def finished(self) -> int:
        return self.succeeded + self.failed + self.cancelled

    @property
    def progress(self) -> int:
        """In percent, rounded down: 100 is all of them."""
        return 100 * self.finished // self.total if self.total else 100


def get_batch(batch_id: int) -> BatchOperation:
    """One batch; refuses when there is none."""
    batch = BatchOperation.objects.select_related("group", "created_by").filter(pk=batch_id).first()
    if batch is None:
        raise BatchUnknown(gettext("There is no batch operation %(id)s.") % {"id": batch_id})
    return batch


def batches_matching(
    *, group_id: int | None = None, status: str | None = None
) -> QuerySet[BatchOperation, BatchOperation]:
    """Batches, the newest first."""
    found = BatchOperation.objects.select_related("group", "created_by").order_by("-pk")
    if group_id is not None:
        found = found.filter(group_id=group_id)
    return found.filter(status=status) if status else found


def counts_of(batch_ids: Iterable[int]) -> dict[int, Counts]:
    """{batch: how its devices stand}, all at one moment."""
    ids = list(batch_ids)
    found: dict[int, dict[str, int]] = {batch_id: {} for batch_id in ids}
    rows = BatchItem.objects.filter(batch_id__in=ids).order_by().values_list("batch_id", "status")
    for batch_id, status, items in rows.annotate(items=Count("pk")):
        found[batch_id][str(status)] = items
    return {batch_id: Counts(**counts) for batch_id, counts in found.items()}


def items_of(batch_id: int, status: str | None = None) -> QuerySet[BatchItem, BatchItem]:
    """What becomes of each device of a batch, in the order in which they have their turn."""
    found = BatchItem.objects.filter(batch_id=batch_id).order_by("pk")
    return found.filter(status=status) if status else found


def find_batch_id(text: str) -> int | None:
    """The `<id>` of a channel name; None where there is no such batch."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    return BatchOperation.objects.filter(pk=int(text)).values_list("pk", flat=True).first()


def progress_of(batch: BatchOperation, counts: Counts, *, at: datetime) -> dict[str, Any]:
    """What watchers hear; `pending` are also those that a worker has in hand."""
    return {
        "batchId": batch.pk,
        "status": str(batch.status),
        "progress": counts.progress,
        "total": batch.total,
        "pending": counts.pending + counts.working,
        "waiting": counts.waiting,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "timestamp": iso(at),
    }


def progress_now(batch_id: int, *, at: datetime) -> Tracked:
    """How a batch stands, as an event of now, or of when it was over."""
    batch = get_batch(batch_id)
    moment = batch.completed_at or at
    counts = counts_of([batch_id])[batch_id]
    return Tracked(str(microseconds(moment)), progress_of(batch, counts, at=moment))


def ends_after(id: str, batch_ids: Collection[int] | None) -> list[Tracked]:
    """The ends of these batches that came after the event with that id: the one thing that must not be missed."""
    ended = BatchOperation.objects.filter(pk__in=batch_ids or ()).exclude(completed_at=None)
    events = [progress_now(each.pk, at=each.completed_at) for each in ended if each.completed_at]
    return [event for event in events if int(event.id) > whole_number(id)]


def is_over(progress: Mapping[str, Any]) -> bool:
    return progress["status"] not in BatchOperation.UNFINISHED
