"""How a worker does a large file of devices: some rows in a transaction, and where it is stands in the same one.

So a row is written once, whoever is killed when. A worker claims the file and says so again with each step; when the
claim has run out another one goes on from the last step.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q

from devices import tasks
from devices.device_csv import Row, read_rows
from devices.models import DeviceImport, ImportedDevice, ImportRefusal
from devices.services.device_files import (
    Import,
    Plan,
    again_after_collisions,
    first_rows,
    plan_rows,
    write_plan,
)
from devices.services.imports import ATTEMPTS
from factory.errors import DomainError
from factory.queueing import enqueue_on_commit
from factory.retrying import again_after_deadlock, let_others_write

logger = logging.getLogger(__name__)
Status = DeviceImport.Status

CHUNK = 200
CLAIM = timedelta(seconds=45)
# A thread of the worker; readings and alerts have their turn in between.
TURN_SECONDS = 5.0


def work_on_import(*, import_id: int, claim: str, clock: Callable[[], datetime]) -> int:
    """Do the next rows of a file that nobody else is doing; returns how many steps it took."""
    held = again_after_deadlock(partial(_claim, import_id, claim, clock()))
    if held is None:
        return 0
    until, steps = monotonic() + TURN_SECONDS, 0
    try:
        rows = read_rows(held.text)
        first = first_rows(rows)
        while steps == 0 or monotonic() < until:
            began = monotonic()
            if not _step(held.pk, claim, rows, first, clock()):
                return steps
            steps += 1
            let_others_write(monotonic() - began)
    except (OperationalError, InterfaceError):
        raise  # not the file's fault: the claim runs out, and somebody goes on
    except Exception as error:
        logger.exception("import.failed", extra={"import_id": import_id})
        told = error.message if isinstance(error, DomainError) else type(error).__name__
        _give_up(held.pk, claim, f"Something broke on our side: {told}", clock())
        return steps
    with transaction.atomic():
        if _ours(held.pk, claim).update(claim="", claimed_until=None):
            enqueue_on_commit(tasks.work_on_import, import_id=held.pk)
    return steps


def _ours(import_id: int, claim: str):
    return DeviceImport.objects.filter(pk=import_id, claim=claim, status__in=DeviceImport.WORKING)


@transaction.atomic
def _claim(import_id: int, claim: str, at: datetime) -> DeviceImport | None:
    free = Q(claimed_until=None) | Q(claimed_until__lte=at)
    rows = DeviceImport.objects.filter(
        free, pk=import_id, status__in=DeviceImport.WORKING, attempts__lt=ATTEMPTS
    )
    if not rows.update(claim=claim, claimed_until=at + CLAIM, attempts=F("attempts") + 1):
        return None
    return DeviceImport.objects.get(pk=import_id)


def _step(import_id: int, claim: str, rows: Sequence[Row], first: dict[str, int], at: datetime) -> bool:
    work = partial(_do_some, import_id, claim, rows, first, at)
    return again_after_collisions(work)


@transaction.atomic
def _do_some(import_id: int, claim: str, rows: Sequence[Row], first: dict[str, int], at: datetime) -> bool:
    """The next rows; False when there is nothing more to do for us: it is over, cancelled, or somebody else's."""
    held = _ours(import_id, claim).defer("text").select_for_update().first()
    if held is None:
        return False
    part = rows[held.next_row : held.next_row + CHUNK]
    told, plan = plan_rows(part, first=first, update=held.update_present)
    if held.status == Status.WRITING:
        write_plan(plan, at=at, with_tokens=False)
        ImportedDevice.objects.bulk_create(
            ImportedDevice(of_import=held, device=device) for device in plan.new
        )
    _note(held, told, plan, at=at)
    return held.next_row < held.rows


def _note(held: DeviceImport, told: Import, plan: Plan, *, at: datetime) -> None:
    ImportRefusal.objects.bulk_create(
        ImportRefusal(of_import=held, row=error.row, field=error.field[:64], message=error.message[:300])
        for error in told.errors
    )
    held.next_row += told.rows
    held.created += told.created
    held.updated += told.updated
    held.unchanged += told.unchanged
    held.bad += told.bad
    held.claimed_until, held.attempts = at + CLAIM, 0
    if held.next_row >= held.rows:
        held.claim, held.claimed_until = "", None
        held.status, held.finished_at = (
            (Status.DONE, at) if held.status == Status.WRITING else (Status.READY, None)
        )
    held.save(
        update_fields=[
            "next_row",
            "created",
            "updated",
            "unchanged",
            "bad",
            "claim",
            "claimed_until",
            "attempts",
            "status",
            "finished_at",
        ]
    )


def _give_up(import_id: int, claim: str, words: str, at: datetime) -> None:
    _ours(import_id, claim).update(
        status=Status.FAILED, error=words[:500], finished_at=at, claim="", claimed_until=None
    )
