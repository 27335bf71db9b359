"""Doing one thing to many devices: who is in it, and beginning."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext, ngettext

from devices.models import Device
from devices.queries import DeviceUnknown
from factory.accounts.models import User
from factory.errors import Conflict, Forbidden, InvalidInput, PreconditionFailed
from factory.queueing import enqueue_on_commit
from factory.retrying import again_after_deadlock
from factory.said import retold, said
from grouping import tasks
from grouping.models import BatchItem, BatchOperation
from grouping.operations import Operation, get_operation
from grouping.queries import group_tree, members_of
from grouping.services.batch_progress import tell_progress_on_commit
from grouping.services.filters import refresh_members
from grouping.services.locking import lock_groups
from grouping.services.outcomes import OUT_OF_SERVICE
from grouping.services.working import workers_for

Status = BatchOperation.Status
ItemStatus = BatchItem.Status
KEY_LENGTH = 100
ROWS_AT_ONCE = 1000
ATTEMPTS = 3


class IdempotencyKeyTaken(Conflict):
    """Something else was asked for under this key."""


class TooManyBatches(Conflict):
    """As many as may run at a time are running."""


class DevicesMiscounted(PreconditionFailed):
    """It would reach another number of devices than the caller knows of."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a batch would reach: the devices that take part, those that do not with the reason, and who is away."""

    total: int
    eligible: list[int]
    excluded: list[tuple[int, str, str]]  # (device, name, reason)
    offline: int  # of those that take part: they follow when they are back


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that is in order by itself."""

    operation: Operation
    parameters: dict[str, Any]
    group_id: int | None
    device_ids: list[int]

    @property
    def digest(self) -> str:
        parts = [self.operation.name, self.parameters, self.group_id, self.device_ids]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _asked(
    operation: str,
    parameters: dict[str, Any],
    group_id: int | None,
    device_ids: Iterable[int] | None,
    by: User | None,
) -> _Asked:
    if (group_id is None) == (device_ids is None):
        raise InvalidInput(gettext("Name either a group (groupId) or devices (deviceIds)."))
    known = get_operation(operation)
    if by is not None and not by.has_rank_of(known.role):
        raise Forbidden(
            gettext("Only a %(what)s may start %(operation)s for many devices.")
            % {"what": said(known.role), "operation": operation}
        )
    ids = sorted(set(device_ids or ()))
    if device_ids is not None and not ids:
        raise InvalidInput.at("deviceIds", gettext("must name at least one device"))
    return _Asked(known, known.check(parameters), group_id, ids)


def _members(asked: _Asked) -> list[int]:
    """Who is meant."""
    return asked.device_ids if asked.group_id is None else members_of(group_id=asked.group_id)


def _members_now(asked: _Asked, *, at: datetime) -> list[int]:
    """Who is meant, the filters of the group and of those inside it asked once more."""
    if asked.group_id is not None and asked.group_id in (tree := group_tree()):
        refresh_members(group_ids=tree.within(asked.group_id), at=at)
    return _members(asked)


def _chosen(asked: _Asked, members: list[int]) -> tuple[list[Device], list[tuple[int, str, str]]]:
    """(devices that take part, those that do not with their names and the reasons)."""
    rows = Device.objects.filter(pk__in=members).order_by("pk")
    devices = list(rows.only("pk", "name", "type", "status", "deactivated_at"))
    missing = set(members) - {device.pk for device in devices}
    if missing and asked.group_id is None:
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": min(missing)})
    in_service = [device for device in devices if device.deactivated_at is None]
    reasons = {device.pk: OUT_OF_SERVICE for device in devices if device.deactivated_at is not None}
    reasons.update(asked.operation.exclude(in_service, asked.parameters))
    excluded = [
        (device.pk, device.name, retold(reasons[device.pk])) for device in devices if device.pk in reasons
    ]
    return [device for device in devices if device.pk not in reasons], excluded


def preview_batch(
    *,
    operation: str,
    parameters: dict[str, Any],
    by: User | None = None,
    group_id: int | None = None,
    device_ids: Iterable[int] | None = None,
) -> Preview:
    """What a batch would do to whom, without doing it."""
    asked = _asked(operation, parameters, group_id, device_ids, by)
    eligible, excluded = _chosen(asked, _members(asked))
    return Preview(
        total=len(eligible) + len(excluded),
        eligible=[device.pk for device in eligible],
        excluded=excluded,
        offline=sum(device.status == Device.Status.OFFLINE for device in eligible),
    )


def create_batch(
    *,
    operation: str,
    parameters: dict[str, Any],
    at: datetime,
    by: User | None,
    group_id: int | None = None,
    device_ids: Iterable[int] | None = None,
    idempotency_key: str | None = None,
    confirm: int | None = None,
) -> BatchOperation:
    """Have something done to many devices; who is in it is settled now. The same key again is the same batch."""
    if idempotency_key is not None and not 0 < len(idempotency_key) <= KEY_LENGTH:
        raise InvalidInput.at(
            "idempotencyKey", gettext("must be a text of 1 to %(most)s characters") % {"most": KEY_LENGTH}
        )
    key = None if idempotency_key is None else f"user {by.pk if by else 0}: {idempotency_key}"
    asked = _asked(operation, parameters, group_id, device_ids, by)
    for attempt in range(1, ATTEMPTS + 1):
        known = _known(asked, key)
        if known is not None:
            return known
        members = _members_now(asked, at=at)
        begin = partial(_begin, asked, members, at=at, by=by, key=key, confirm=confirm)
        try:
            return again_after_deadlock(begin)
        except IntegrityError:
            # Somebody has just used the key, or deleted a device or the group: looked at anew.
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _known(asked: _Asked, key: str | None) -> BatchOperation | None:
    """The batch that was asked for under this key; refuses when that was another one."""
    batch = BatchOperation.objects.filter(idempotency_key=key).first() if key is not None else None
    if batch is not None and batch.request_digest != asked.digest:
        raise IdempotencyKeyTaken(
            gettext("idempotencyKey: batch operation %(id)s was started under it, and is another one")
            % {"id": batch.pk}
        )
    return batch


@transaction.atomic
def _begin(
    asked: _Asked, members: list[int], *, at: datetime, by: User | None, key: str | None, confirm: int | None
) -> BatchOperation:
    # As whoever deletes devices does: none goes while its row is being made, and nobody counts running ones wrongly.
    hold_turn(asked.group_id, by)
    known = _known(asked, key)  # somebody else's, who was before us
    if known is not None:
        return known
    devices, excluded = _chosen(asked, members)
    if not devices:
        reason = gettext("no device can take part")
        if excluded:
            reason = gettext("no device can take part: %(reason)s") % {"reason": excluded[0][2]}
        field = "deviceIds" if asked.group_id is None else "groupId"
        raise InvalidInput.at(field, reason)
    if confirm is not None and confirm != len(devices):
        raise DevicesMiscounted(
            ngettext(
                "confirm: this reaches %(count)s device, not %(confirm)s",
                "confirm: this reaches %(count)s devices, not %(confirm)s",
                len(devices),
            )
            % {"count": len(devices), "confirm": confirm},
            fields={
                "confirm": [
                    ngettext("this reaches %(count)s device", "this reaches %(count)s devices", len(devices))
                    % {"count": len(devices)}
                ]
            },
        )
    refuse_too_many(asked.group_id, by)
    batch = BatchOperation.objects.create(
        group_id=asked.group_id,
        operation=asked.operation.name,
        parameters=asked.parameters,
        total=len(devices),
        idempotency_key=key,
        request_digest=asked.digest,
        created_by=by,
        created_at=at,
    )
    batch.total = _make_items(batch, [device.pk for device in devices], at=at)
    batch.save(update_fields=["total"])
    set_going(asked.operation, batch, devices=batch.total, at=at)
    return batch


def _make_items(batch: BatchOperation, device_ids: list[int], *, at: datetime) -> int:
    """One item a device, copied inside the database: ten thousand are to hold up nobody. Returns how many."""
    quote = connection.ops.quote_name
    constants: dict[str, Any] = {
        "batch_id": batch.pk,
        "status": ItemStatus.PENDING.value,
        "attempt": 1,
        "claim": "",
        "error": "",
        "updated_at": connection.ops.adapt_datetimefield_value(at),
    }
    into = ", ".join(map(quote, [*constants, "device_id", "device_name"]))
    made = 0
    with connection.cursor() as cursor:
        for start in range(0, len(device_ids), ROWS_AT_ONCE):
            ids = device_ids[start : start + ROWS_AT_ONCE]
            cursor.execute(
                f"INSERT INTO {quote(BatchItem._meta.db_table)} ({into})"
                f" SELECT {', '.join(['%s'] * len(constants))}, id, name FROM {quote(Device._meta.db_table)}"
                f" WHERE id IN ({', '.join(['%s'] * len(ids))}) ORDER BY id",
                [*constants.values(), *ids],
            )
            made += cursor.rowcount
    return made


def hold_turn(group_id: int | None, by: User | None) -> None:
    """Whoever begins batches of the same group, or by the same hand, goes one after the other."""
    lock_groups()
    if group_id is None and by is not None:
        User.objects.select_for_update().filter(pk=by.pk).first()


def refuse_too_many(group_id: int | None, by: User | None, *, but: int | None = None) -> None:
    """Refuse one more (or `but`, which is about to run again) where as many as may are running."""
    running = BatchOperation.objects.filter(status__in=BatchOperation.UNFINISHED)
    same_hand = running.filter(group=None, created_by=by)
    ids = (same_hand if group_id is None else running.filter(group_id=group_id)).values_list("pk", flat=True)
    count = sum(pk != but for pk in ids)
    if count >= settings.BATCH_RUNNING_PER_GROUP:
        many = {"count": count}
        if group_id is None:
            words = ngettext(
                "%(count)s batch operation of devices that you picked is running already. Wait until it is over, "
                "or cancel it.",
                "%(count)s batch operations of devices that you picked are running already. Wait until one is "
                "over, or cancel it.",
                count,
            )
        else:
            words = ngettext(
                "%(count)s batch operation for this group is running already. Wait until it is over, or cancel it.",
                "%(count)s batch operations for this group are running already. Wait until one is over, or "
                "cancel it.",
                count,
            )
        raise TooManyBatches(words % many)


def set_going(operation: Operation, batch: BatchOperation, *, devices: int, at: datetime) -> None:
    """From here on workers find the pending items, or whoever takes the batch over has them."""
    if operation.take_over is not None:
        pending = batch.items.filter(status=ItemStatus.PENDING)
        items = list(pending.order_by("pk"))
        pending.update(status=ItemStatus.WAITING, updated_at=at)
        batch.status, batch.started_at = Status.IN_PROGRESS, batch.started_at or at
        batch.outcome = operation.take_over(batch, items, at)
        batch.save(update_fields=["status", "started_at", "outcome"])
    else:
        for _ in range(workers_for(devices)):
            enqueue_on_commit(tasks.work_on_batch, batch_id=batch.pk)
    tell_progress_on_commit(batch_ids=[batch.pk], at=at)
