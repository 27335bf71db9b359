"""What becomes of each device of a batch, and of the batch when all have an outcome. Rows are locked by key alone."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from devices.models import Command
from devices.twin import is_in_sync, merged
from factory.retrying import again_after_deadlock
from grouping.models import BatchItem, BatchOperation
from grouping.operations import Failed, Outcome, Settled, Succeeded, Waiting
from grouping.queries.batches import counts_of
from grouping.services.batch_progress import tell_in_turn, tell_progress

Status = BatchItem.Status
ERROR_LENGTH = 300
UPDATE_CONFIG = "update_config"
WITHDRAWN = "withdrawn"  # the reason of a command that was taken back before it was pushed
DELETED = "the device was deleted"
OUT_OF_SERVICE = "out of service"
OVERTAKEN = "another configuration was wished for meanwhile"
SILENT = "the device gave no reason"
LATE = "expired before it was done"


def settle_items(*, batch_id: int, outcomes: Mapping[int, Settled], at: datetime) -> int:
    """What became of these devices ({device: outcome}) in a batch that waits for them; returns how many moved."""
    waiting = BatchItem.objects.filter(batch_id=batch_id, device_id__in=list(outcomes))

    def ends(item: BatchItem) -> tuple[str, str]:
        return _words(outcomes[item.device_id])  # type: ignore[index]  # it was found by its device

    return end_waiting(waiting, ends, at=at)


@transaction.atomic
def end_waiting(found: QuerySet[BatchItem, BatchItem], ends: Any, *, at: datetime) -> int:
    """Give those of these items that wait the (status, error) that `ends(item)` says."""
    items = locked(found.filter(status=Status.WAITING).values_list("pk", flat=True))
    by_end: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    waiting = [item for item in items if item.status == Status.WAITING]
    for item in waiting:
        by_end[ends(item)].append(item.pk)
    for (status, error), ids in by_end.items():
        end_items(ids, status, error, at=at)
    look_after([item.batch_id for item in waiting], at=at)
    return len(waiting)


def locked(ids: Iterable[int]) -> list[BatchItem]:
    """These items as they are now, held until the transaction ends."""
    return list(BatchItem.objects.select_for_update().filter(pk__in=sorted(ids)).order_by("pk"))


def end_items(ids: Collection[int], status: str, error: str = "", *, at: datetime) -> None:
    """Move items that are locked to where they stay."""
    BatchItem.objects.filter(pk__in=ids).update(
        status=status,
        error=error[:ERROR_LENGTH],
        claim="",
        claimed_until=None,
        deadline_at=None,
        updated_at=at,
    )


def keep_outcomes(items: Collection[BatchItem], outcomes: Mapping[int, Outcome], *, at: datetime) -> None:
    """Keep what came of items that a worker had in hand; they are locked."""
    by_end: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    until: defaultdict[datetime | None, list[int]] = defaultdict(list)
    command_of: dict[int, int] = {}
    for item in items:
        outcome = outcomes.get(item.pk, Failed("the operation said nothing of this device"))
        if not isinstance(outcome, Waiting):
            by_end[_words(outcome)].append(item.pk)
            continue
        until[outcome.deadline_at].append(item.pk)
        if outcome.command_id is not None:
            command_of[item.pk] = outcome.command_id
    for (status, error), ids in by_end.items():
        end_items(ids, status, error, at=at)
    _note_commands(command_of)
    for deadline_at, ids in until.items():
        BatchItem.objects.filter(pk__in=ids).update(
            status=Status.WAITING, claim="", claimed_until=None, deadline_at=deadline_at, updated_at=at
        )
    look_after([item.batch_id for item in items], at=at)


def _note_commands(command_of: Mapping[int, int]) -> None:
    """Written by hand: Django's `bulk_update` takes as long for this as all the rest of a turn."""
    if not command_of:
        return
    table = connection.ops.quote_name(BatchItem._meta.db_table)
    cases = " ".join(["WHEN %s THEN %s"] * len(command_of))
    ids = ", ".join(["%s"] * len(command_of))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET command_id = CASE id {cases} END WHERE id IN ({ids})",
            [*(number for pair in command_of.items() for number in pair), *command_of],
        )


def _words(outcome: Settled) -> tuple[str, str]:
    return (Status.SUCCEEDED, "") if isinstance(outcome, Succeeded) else (Status.FAILED, outcome.reason)


def outcome_of_command(status: str, result: Any) -> Outcome | None:
    """What the end of a command means for its device; None while it has not ended."""
    if status in Command.UNFINISHED:
        return None
    if status == Command.Status.SUCCEEDED:
        return Succeeded()
    return Failed(_reason_in(result) or (LATE if status == Command.Status.EXPIRED else SILENT))


def _reason_in(result: Any) -> str:
    if isinstance(result, dict):
        told = (result.get(name) for name in ("reason", "error", "message"))
        result = next((word for word in told if isinstance(word, str) and word.strip()), "")
    return result.strip() if isinstance(result, str) else ""


def follow_commands(*, ended: Iterable[Any], at: datetime) -> int:
    """The devices have answered, or will not any more."""
    by_id = {command.id: command for command in ended}

    def ends(item: BatchItem) -> tuple[str, str]:
        command = by_id[item.command_id]
        outcome = outcome_of_command(command.status, command.result)
        # Ours alone: a device may use the same word for a failure of its own.
        is_expired = command.status == Command.Status.EXPIRED
        if is_expired and isinstance(outcome, Failed) and outcome.reason == WITHDRAWN:
            return Status.CANCELLED, ""
        assert isinstance(outcome, Succeeded | Failed), f"command {command.id} has not ended"
        return _words(outcome)

    return end_waiting(BatchItem.objects.filter(command_id__in=list(by_id)), ends, at=at)


def follow_configurations(*, device_ids: Iterable[int], at: datetime) -> int:
    """The devices report what is desired of them now. Where that is not what the batch wished, it never comes."""
    found = BatchItem.objects.filter(
        device_id__in=list(device_ids), status=Status.WAITING, batch__operation=UPDATE_CONFIG
    )
    asked = list(found.values_list("pk", "batch__parameters", "device__configuration__reported"))
    if not asked:
        return 0
    ends_of = {
        pk: (Status.SUCCEEDED, "")
        if is_in_sync(_to_be_reported(parameters), reported)
        else (Status.FAILED, OVERTAKEN)
        for pk, parameters, reported in asked
    }
    waiting = BatchItem.objects.filter(pk__in=list(ends_of))
    return end_waiting(waiting, lambda item: ends_of[item.pk], at=at)


def wish_in(parameters: dict[str, Any]) -> tuple[Any, bool]:
    """(what is desired, whether it is merged into what there is). Without `desired`, the whole object is."""
    if "desired" not in parameters:
        return parameters, True
    return parameters["desired"], parameters.get("merge", True)


def _to_be_reported(parameters: dict[str, Any]) -> dict[str, Any]:
    """What devices report when they follow. Of a merge, what is to go is not waited for."""
    desired, merge = wish_in(parameters)
    return merged({}, desired) if merge else desired


def follow_deactivation(*, device_ids: Iterable[int], at: datetime) -> int:
    """Those out of service will not report what is waited for; their commands end by themselves."""
    found = BatchItem.objects.filter(device_id__in=list(device_ids), deadline_at__isnull=False)
    return end_waiting(found, lambda item: (Status.FAILED, OUT_OF_SERVICE), at=at)


def follow_deletion(*, device_ids: Iterable[int], at: datetime) -> None:
    """These devices may be deleted next: what was open about them will have failed.

    After the commit, and only for those that are gone then: items are not locked while devices are being deleted.
    """
    found = BatchItem.objects.filter(device_id__in=list(device_ids), status__in=BatchItem.UNFINISHED)
    ids = list(found.values_list("pk", flat=True))
    if ids:
        transaction.on_commit(partial(fail_without_device, ids, at=at), robust=True)


def fail_without_device(ids: Iterable[int], *, at: datetime) -> None:
    """Those of these items whose device was deleted have failed."""
    again_after_deadlock(partial(_fail_without_device, list(ids), at))


@transaction.atomic
def _fail_without_device(ids: list[int], at: datetime) -> None:
    open_ones = [
        item for item in locked(ids) if item.device_id is None and item.status in BatchItem.UNFINISHED
    ]
    if open_ones:
        end_items([item.pk for item in open_ones], Status.FAILED, DELETED, at=at)
        look_after([item.batch_id for item in open_ones], at=at)


# The batch as a whole


def look_after(batch_ids: Iterable[int], *, at: datetime) -> None:
    """After the commit: a batch whose last device has its outcome is over, and those who watch are told."""
    ids = sorted(set(batch_ids))

    def look() -> None:
        for batch_id in ids:
            if not settle_batch(batch_id=batch_id, at=at):
                tell_in_turn(batch_id=batch_id, at=at)

    if ids:
        # Robust: what is lost here is found by the sweeper.
        transaction.on_commit(look, robust=True)


def settle_batch(*, batch_id: int, at: datetime) -> bool:
    """End a batch of which every device has its outcome; whether it was ended now."""
    unfinished = BatchItem.objects.filter(batch=OuterRef("pk"), status__in=BatchItem.UNFINISHED)
    over = BatchOperation.objects.filter(pk=batch_id, completed_at=None).filter(~Exists(unfinished))
    if not over.exists() or not again_after_deadlock(partial(_settle, batch_id, at)):
        return False
    transaction.on_commit(partial(tell_progress, batch_id=batch_id, at=at), robust=True)
    return True


@transaction.atomic
def _settle(batch_id: int, at: datetime) -> bool:
    # Under the batch's lock, which a retry takes as well: what it brings back is not taken for finished.
    batch = BatchOperation.objects.select_for_update().filter(pk=batch_id, completed_at=None).first()
    counts = counts_of([batch_id])[batch_id]
    if batch is None or counts.unfinished:
        return False
    status = batch.status
    if status in BatchOperation.UNFINISHED:
        status = BatchOperation.Status.COMPLETED if counts.succeeded else BatchOperation.Status.FAILED
    BatchOperation.objects.filter(pk=batch_id).update(status=status, completed_at=at)
    return True
