"""Large files of devices: brought, begun, cancelled, and the tokens of the new devices.

A worker does them some rows at a time (`importing`). All that is known about one stands in the database.
"""

import csv
import io
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext

from devices import tasks
from devices.device_csv import read_rows, rows_with_reasons
from devices.models import Credential, Device, DeviceImport, ImportedDevice, Presence
from devices.queries import get_import, there_is
from devices.services.credentials import issue_tokens, revoke_credentials
from devices.services.device_files import refuse_half_characters
from factory.accounts.models import User
from factory.errors import Conflict, Forbidden, Unavailable
from factory.queueing import enqueue_on_commit
from factory.retrying import again_after_deadlock, let_others_write
from factory.said import said

logger = logging.getLogger(__name__)

AT_ONCE_ROWS = 200  # as many are done while the page waits
KEEP = timedelta(days=7)
TOKENS_FOR = timedelta(hours=24)
UNFINISHED_LIMIT = 5  # of one person
TOKENS_AT_ONCE = 500
FORGOTTEN = timedelta(seconds=10)
ATTEMPTS = 5
NAME_LENGTH = 200
Status = DeviceImport.Status


class ImportMovedOn(Conflict):
    """Somebody got there first, or it is not at the point where this can be done."""


class TooManyImports(Unavailable):
    """One's others are to be finished first."""


def is_large(*, text: str) -> bool:
    """Whether a file has so many rows that a worker is to do them; refuses one that is no such file."""
    refuse_half_characters(text)
    return len(read_rows(text)) > AT_ONCE_ROWS


@transaction.atomic
def bring_import(
    *, name: str, text: str, by: User, at: datetime, update: bool = True, skip_bad: bool = False
) -> DeviceImport:
    """Have a file looked through by a worker; nothing is written before `start_import`."""
    refuse_half_characters(text)
    rows = len(read_rows(text))
    User.objects.select_for_update().filter(
        pk=by.pk
    ).first()  # one after the other, so that nobody is miscounted
    if DeviceImport.objects.unfinished().filter(created_by=by).count() >= UNFINISHED_LIMIT:
        raise TooManyImports(
            gettext("%(most)s imports of yours are not finished. Finish or cancel one first.")
            % {"most": UNFINISHED_LIMIT},
            retry_after=30,
        )
    brought = DeviceImport.objects.create(
        name=name[:NAME_LENGTH],
        text=text,
        update_present=update,
        skip_bad=skip_bad,
        rows=rows,
        created_by=by,
        created_at=at,
        phase_at=at,
        expires_at=at + KEEP,
    )
    enqueue_on_commit(tasks.work_on_import, import_id=brought.pk)
    return brought


@transaction.atomic
def start_import(*, import_id: int, by: User, at: datetime, skip_bad: bool) -> None:
    """Write what was looked through; only who brought the file may say so, since the tokens will be that person's."""
    held = _held(import_id)
    if held.created_by_id != by.pk:
        raise Forbidden(gettext("Somebody else brought this file."))
    if held.status != Status.READY:
        raise ImportMovedOn(gettext("This import is %(state)s already.") % {"state": said(held.status)})
    if held.bad and not skip_bad:
        raise ImportMovedOn(
            gettext("Nothing is imported while a row is wrong, unless wrong rows are to be left out.")
        )
    DeviceImport.objects.filter(pk=held.pk).update(
        status=Status.WRITING,
        skip_bad=skip_bad,
        next_row=0,
        created=0,
        updated=0,
        unchanged=0,
        bad=0,
        attempts=0,
        claim="",
        claimed_until=None,
        phase_at=at,
        started_at=at,
    )
    held.refusals.all().delete()
    enqueue_on_commit(tasks.work_on_import, import_id=held.pk)


def cancel_import(*, import_id: int, at: datetime) -> None:
    """No more rows. What was written stays: devices that came are there, and their tokens can be had."""
    unfinished = DeviceImport.objects.unfinished().filter(pk=import_id)
    work = partial(unfinished.update, status=Status.CANCELLED, finished_at=at, claim="", claimed_until=None)
    if not again_after_deadlock(work):
        raise ImportMovedOn(
            gettext("This import is over already: %(state)s.") % {"state": said(get_import(import_id).status)}
        )


def _held(import_id: int) -> DeviceImport:
    held = DeviceImport.objects.select_for_update().defer("text").filter(pk=import_id).first()
    return there_is(held, import_id)


def sweep_imports(*, at: datetime) -> int:
    """Have those go on that a killed worker or a lost message left; forget what has expired. How many go on."""
    DeviceImport.objects.filter(expires_at__lte=at).exclude(status__in=DeviceImport.WORKING).delete()
    free = Q(claimed_until=None, phase_at__lte=at - FORGOTTEN) | Q(claimed_until__lte=at)
    left = DeviceImport.objects.filter(free, status__in=DeviceImport.WORKING)
    left.filter(attempts__gte=ATTEMPTS).update(
        status=Status.FAILED,
        error=f"It was begun {ATTEMPTS} times and came no further.",
        finished_at=at,
        claim="",
        claimed_until=None,
    )
    ids = list(left.order_by("pk").values_list("pk", flat=True))
    for import_id in ids:
        logger.warning("import.goes_on", extra={"import_id": import_id})
        enqueue_on_commit(tasks.work_on_import, import_id=import_id)
    return len(ids)


def refused_rows_as_csv(*, import_id: int) -> bytes:
    """The wrong rows of a file with the reasons, to be mended and imported again."""
    found = there_is(DeviceImport.objects.filter(pk=import_id).first(), import_id)
    reasons: dict[int, str] = {}
    for row, field, message in found.refusals.order_by("row", "pk").values_list("row", "field", "message"):
        told = f"{field}: {message}" if field else message
        reasons[row] = f"{reasons[row]}; {told}" if row in reasons else told
    return rows_with_reasons(found.text, reasons)


# Tokens. A token is kept as a hash from the moment it is made, so it cannot be made while nobody is there to see it:
# the devices of an import come without one. Theirs are made when who brought the file saves them, in that very answer.


def may_have_tokens(*, of_import: DeviceImport, by: User, at: datetime) -> bool:
    """Whether this person may save tokens of the new devices now."""
    ended = of_import.finished_at
    return of_import.created_by_id == by.pk and ended is not None and at < ended + TOKENS_FOR


def make_tokens(*, import_id: int, by: User, at: datetime) -> bytes:
    """A file with a token of each new device, made now.

    Made again it has other tokens, and the ones before end. Devices that were heard, or have got a token otherwise,
    keep theirs and are left out.
    """
    of_import = get_import(import_id)
    if not may_have_tokens(of_import=of_import, by=by, at=at):
        raise Forbidden(
            gettext(
                "Tokens are for who began the import, for 24 hours after its end. Rotate them one by one."
            )
        )
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["deviceId", "token"])
    ids = list(of_import.imported.order_by("device_id").values_list("device_id", flat=True))
    for start in range(0, len(ids), TOKENS_AT_ONCE):
        began, part = monotonic(), ids[start : start + TOKENS_AT_ONCE]
        writer.writerows(again_after_deadlock(partial(_make_some_tokens, part, at=at)))
        let_others_write(monotonic() - began)
    logger.info("import.tokens_made", extra={"import_id": import_id, "user_id": by.pk})
    return out.getvalue().encode()


@transaction.atomic
def _make_some_tokens(device_ids: Sequence[int], *, at: datetime) -> list[tuple[str, str]]:
    # Being heard waits until we are done.
    presences = Presence.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    unheard = [pk for pk, seen_at in presences.values_list("pk", "last_seen_at") if seen_at is None]
    rows = Device.objects.select_for_update().filter(pk__in=unheard, deactivated_at=None).order_by("pk")
    devices = list(rows)
    ours = dict(ImportedDevice.objects.filter(device__in=unheard).values_list("device_id", "credential_id"))
    alive = Credential.objects.alive(at).filter(device__in=unheard).values_list("device_id", "pk")
    otherwise = {device_id for device_id, pk in alive if pk != ours[device_id]}
    devices = [device for device in devices if device.pk not in otherwise]
    revoke_credentials(Credential.objects.filter(device__in=devices), at=at)
    tokens = issue_tokens(devices=devices, at=at)
    newest = Credential.objects.filter(device=OuterRef("device_id"), revoked_at=None).order_by("-pk")
    rows_of_these = ImportedDevice.objects.filter(device__in=[device.pk for device in devices])
    rows_of_these.update(credential_id=Subquery(newest.values("pk")[:1]))
    return [(device.external_id, token) for device, token in zip(devices, tokens, strict=True)]
