import uuid

from celery import shared_task
from django.utils import timezone


@shared_task
def refresh_members(*, device_ids: list[int] | None = None, **_from_newer_senders) -> None:
    from grouping import services  # noqa: PLC0415 -- leaf

    services.refresh_members(device_ids=device_ids, at=timezone.now())


@shared_task
def work_on_batch(*, batch_id: int, **_from_newer_senders) -> None:
    from grouping.services import working  # noqa: PLC0415 -- leaf

    working.work_on_batch(batch_id=batch_id, claim=uuid.uuid4().hex, at=timezone.now())


@shared_task
def tell_batch_progress(*, batch_id: int, **_from_newer_senders) -> None:
    from grouping.services import batch_progress  # noqa: PLC0415 -- leaf

    batch_progress.tell_in_turn(batch_id=batch_id, at=timezone.now())


@shared_task
def sweep_batches(**_from_newer_senders) -> None:
    from grouping.services import batch_sweeping  # noqa: PLC0415 -- leaf

    batch_sweeping.sweep_batches(at=timezone.now())
