"""Batches as their pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, IntegerField, QuerySet, Value, When

from grouping.models import BatchItem, BatchOperation
from grouping.queries.batches import Counts, counts_of, items_of

# In the order of the bar: what is over stands first.
STATES = (
    BatchItem.Status.SUCCEEDED,
    BatchItem.Status.FAILED,
    BatchItem.Status.CANCELLED,
    BatchItem.Status.WAITING,
    BatchItem.Status.WORKING,
    BatchItem.Status.PENDING,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a progress bar: from where and how wide, in percent."""

    status: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Told:
    """A batch with how its devices stand."""

    batch: BatchOperation
    counts: Counts

    @property
    def segments(self) -> list[Segment]:
        total, start, found = self.counts.total or 1, 0.0, []
        for status in STATES:
            count = getattr(self.counts, status)
            width = 100 * count / total
            found.append(Segment(status.value, count, round(start, 3), round(width, 3)))
            start += width
        return found


def told_of(batches: Sequence[BatchOperation]) -> list[Told]:
    """These batches, counted in one query."""
    counts = counts_of([batch.pk for batch in batches])
    return [Told(batch, counts[batch.pk]) for batch in batches]


def tiles_of(*, batch_id: int, limit: int) -> list[tuple[int, str, str]]:
    """(item, device, state) of a batch's devices, in the order of their turns: a map of how it goes."""
    rows = BatchItem.objects.filter(batch_id=batch_id).order_by("pk")
    return list(rows.values_list("pk", "device_name", "status")[:limit])


# What somebody looks for first.
TROUBLE_FIRST = Case(
    When(status=BatchItem.Status.FAILED, then=Value(0)),
    When(status=BatchItem.Status.WAITING, then=Value(1)),
    When(status=BatchItem.Status.WORKING, then=Value(2)),
    When(status=BatchItem.Status.PENDING, then=Value(3)),
    default=Value(4),
    output_field=IntegerField(),
)


def items_to_look_at(*, batch_id: int, status: str = "") -> QuerySet[BatchItem, BatchItem]:
    """What becomes of each device, the failed first."""
    found = items_of(batch_id, status or None).select_related("command")
    return found.order_by("pk") if status else found.order_by(TROUBLE_FIRST, "pk")
