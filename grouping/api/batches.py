from collections.abc import Sequence

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices.fields import DeviceReference
from devices.queries import get_device_ids
from factory.accounts.permissions import OPERATOR, VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import FreeForm, StrictInteger, StrictString, WireSerializer
from grouping import queries, services
from grouping.models import BatchItem, BatchOperation

router = Router("groups")

DEVICES_LIMIT = 10_000
RESULTS_LIMIT = 10_000


class ItemRow(WireSerializer):
    device_id = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(BatchItem.Status.choices)
    attempt = serializers.IntegerField()
    error = serializers.CharField()
    command_id = serializers.IntegerField(allow_null=True)


class NamedItemRow(ItemRow):
    id = serializers.IntegerField()
    name = serializers.CharField(source="device_name")
    updated_at = serializers.DateTimeField()


class BatchRow(WireSerializer):
    id = serializers.IntegerField()
    group_id = serializers.IntegerField(allow_null=True)
    operation = serializers.CharField()
    parameters = FreeForm()
    status = serializers.ChoiceField(BatchOperation.Status.choices)
    progress = serializers.IntegerField(source="counts.progress")
    total = serializers.IntegerField()
    pending = serializers.SerializerMethodField()
    waiting = serializers.IntegerField(source="counts.waiting")
    succeeded = serializers.IntegerField(source="counts.succeeded")
    failed = serializers.IntegerField(source="counts.failed")
    cancelled = serializers.IntegerField(source="counts.cancelled")
    outcome = serializers.JSONField(allow_null=True)
    results = serializers.SerializerMethodField()
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)

    def get_pending(self, batch) -> int:
        return batch.counts.pending + batch.counts.working

    @extend_schema_field(ItemRow(many=True, allow_null=True))
    def get_results(self, batch) -> list[dict] | None:
        return getattr(batch, "results", None)


class Excluded(WireSerializer):
    device_id = serializers.IntegerField()
    name = serializers.CharField()
    reason = serializers.CharField()


class PreviewRow(WireSerializer):
    total = serializers.IntegerField()
    eligible = serializers.IntegerField()
    device_ids = serializers.ListField(child=serializers.IntegerField())
    excluded = Excluded(many=True)
    offline = serializers.IntegerField()


class Asked(WireSerializer):
    group_id = StrictInteger(min_value=1, required=False)
    device_ids = serializers.ListField(child=DeviceReference(), max_length=DEVICES_LIMIT, required=False)
    operation = StrictString(max_length=64)
    parameters = FreeForm(required=False, default=dict)


class NewBatch(Asked):
    idempotency_key = StrictString(max_length=100, required=False)
    confirm = StrictInteger(min_value=0, required=False)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class BatchFilter(WireSerializer):
    group_id = StrictInteger(min_value=1, required=False)
    status = serializers.ChoiceField(BatchOperation.Status.choices, required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class ItemFilter(ById):
    status = serializers.ChoiceField(BatchItem.Status.choices, required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


def counted(batches: Sequence[BatchOperation]) -> Sequence[BatchOperation]:
    counts = queries.counts_of([batch.pk for batch in batches])
    for batch in batches:
        batch.counts = counts[batch.pk]  # type: ignore[attr-defined]  # for this answer only
    return batches


def with_results(batch: BatchOperation) -> BatchOperation:
    batch.results = ItemRow.rows(queries.items_of(batch.pk)[:RESULTS_LIMIT])  # type: ignore[attr-defined]
    return counted([batch])[0]


@router.query("previewBatchOperation", permission=OPERATOR, input=Asked, output=PreviewRow)
def preview_batch_operation(call, *, device_ids: list[int | str] | None = None, **asked):
    """Whom an operation would reach, whom it would not and why, and how many are offline. Nothing is done."""
    ids = None if device_ids is None else get_device_ids(device_ids)
    preview = services.preview_batch(device_ids=ids, by=call.principal, **asked)
    return {
        "total": preview.total,
        "eligible": len(preview.eligible),
        "device_ids": preview.eligible,
        "excluded": [
            {"device_id": device_id, "name": name, "reason": reason}
            for device_id, name, reason in preview.excluded
        ],
        "offline": preview.offline,
    }


@router.mutation("createBatchOperation", permission=OPERATOR, input=NewBatch, output=BatchRow)
def create_batch_operation(call, *, device_ids: list[int | str] | None = None, **asked):
    """Do one thing to all devices of a group, or to those named; the same `idempotencyKey` is the same operation."""
    ids = None if device_ids is None else get_device_ids(device_ids)
    batch = services.create_batch(device_ids=ids, by=call.principal, at=timezone.now(), **asked)
    return counted([batch])[0]


@router.query("getBatchOperation", permission=VIEWER, input=ById, output=BatchRow)
def get_batch_operation(call, *, id: int):
    """How an operation stands, with `results`: what became of each device."""
    return with_results(queries.get_batch(id))


@router.query("getBatchOperations", permission=VIEWER, input=BatchFilter, output=BatchRow, many=True)
def get_batch_operations(call, *, limit: int, offset: int, **wanted):
    """Operations, the newest first, without their results; `X-Total-Count` counts them all."""
    found = queries.batches_matching(**wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return counted(list(found[offset : offset + limit]))


@router.query("batchItems", permission=VIEWER, input=ItemFilter, output=NamedItemRow, many=True)
def batch_items(call, *, id: int, status: str | None = None, limit: int, offset: int):
    """The devices of an operation, page by page, maybe only those of one status; `X-Total-Count` counts them all."""
    found = queries.items_of(queries.get_batch(id).pk, status)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@router.mutation("cancelBatchOperation", permission=OPERATOR, input=ById, output=BatchRow)
def cancel_batch_operation(call, *, id: int):
    """Do it to no more devices; those that were told already go on to their outcome."""
    batch = services.cancel_batch(batch=queries.get_batch(id), at=timezone.now(), by=call.principal)
    return counted([batch])[0]


@router.mutation("retryFailed", permission=OPERATOR, input=ById, output=BatchRow)
def retry_failed(call, *, id: int):
    """Do an operation that is over once more for the devices that failed, and for no others."""
    batch = services.retry_failed(batch=queries.get_batch(id), at=timezone.now(), by=call.principal)
    return counted([batch])[0]
