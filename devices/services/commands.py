"""Commands, from the wish to the end. Rows are locked by key, in ascending order; devices before commands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext

from devices.command_steps import EXPIRED, QUEUED
from devices.models import Command, Device, Presence
from devices.models.commands import TTL_SECONDS
from devices.services.command_types import Vocabulary
from devices.services.knocking import knock_on_commit
from devices.signals import commands_ended
from factory.accounts.models import User
from factory.errors import Conflict, InvalidInput
from factory.retrying import again_after_deadlock
from factory.statements import in_parts, size_of_json

KEY_LENGTH = 100
AT_ONCE = 500


class CommandKeyTaken(Conflict):
    """The sender has asked for something else under this key."""


@dataclass(frozen=True)
class Order:
    """A command as somebody wants it. The same `request_key` again is the same command."""

    device_id: int
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    ttl_seconds: int | None = None
    request_key: str | None = None


@dataclass(frozen=True, slots=True)
class EndedCommand:
    """What became of a command: it has succeeded, failed or expired."""

    id: int
    device_id: int
    status: str
    result: Any


def send_commands(*, orders: Sequence[Order], at: datetime, by: User | None = None) -> list[Command]:
    """Have devices do something, all of it or nothing; the answer is in the order of the orders.

    Devices that are there are told at once, the others when they come back, unless it has expired by then.
    """
    try:
        return _send(orders, at=at, by=by)
    except IntegrityError:
        # Another one has just used a key of ours, or a device is gone: what is found now is told.
        return _send(orders, at=at, by=by)


@transaction.atomic
def _send(orders: Sequence[Order], *, at: datetime, by: User | None) -> list[Command]:
    known = _known_by_key(orders)
    new = _without_repeats([order for order in orders if order.request_key not in known])
    devices = _devices_in_service({order.device_id for order in new})
    vocabulary = Vocabulary({order.name for order in new})
    there = _reachable(devices, at=at)
    commands = [
        _command(order, device_type=devices[order.device_id], vocabulary=vocabulary, at=at, by=by)
        for order in new
    ]
    for command in commands:
        if command.device_id in there:
            command.push_at = at
    _insert(commands)
    knock_on_commit({command.device_id for command in commands} & there, at=at)
    known.update({command.request_key: command for command in commands if command.request_key})
    for order in orders:
        if order.request_key is not None:
            _refuse_other_request(order, known[order.request_key])
    unnamed = iter([command for command in commands if command.request_key is None])
    return [next(unnamed) if order.request_key is None else known[order.request_key] for order in orders]


def _known_by_key(orders: Sequence[Order]) -> dict[str | None, Command]:
    """Commands that were sent under these keys before."""
    for order in orders:
        key = order.request_key
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= KEY_LENGTH):
            raise InvalidInput.at(
                "idempotencyKey", gettext("must be a text of 1 to %(most)s characters") % {"most": KEY_LENGTH}
            )
    keys = [order.request_key for order in orders if order.request_key is not None]
    found: dict[str | None, Command] = {}
    for start in range(0, len(keys), AT_ONCE):
        part = Command.objects.filter(request_key__in=keys[start : start + AT_ONCE])
        found.update({command.request_key: command for command in part})
    return found


def _without_repeats(orders: list[Order]) -> list[Order]:
    seen: set[str] = set()
    once = []
    for order in orders:
        if order.request_key is None or order.request_key not in seen:
            once.append(order)
        if order.request_key is not None:
            seen.add(order.request_key)
    return once


def _refuse_other_request(order: Order, command: Command) -> None:
    if (command.device_id, command.name, command.parameters) != (
        order.device_id,
        order.name,
        order.parameters,
    ):
        raise CommandKeyTaken(
            gettext("idempotencyKey: command %(id)s was sent under it, and is another one")
            % {"id": command.pk}
        )


def _devices_in_service(device_ids: set[int]) -> dict[int, str]:
    """Their types; refuses when one is unknown or out of service.

    They are held: who takes one out of service meanwhile waits, and finds the command to be ended.
    """
    held = Device.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    rows = held.values_list("pk", "type", "deactivated_at")
    found = {pk: (type_, deactivated_at) for pk, type_, deactivated_at in rows}
    if missing := device_ids - found.keys():
        raise InvalidInput.at("deviceId", gettext("there is no device %(id)s") % {"id": min(missing)})
    for pk, (_, deactivated_at) in found.items():
        if deactivated_at is not None:
            raise InvalidInput.at("deviceId", gettext("device %(id)s is out of service") % {"id": pk})
    return {pk: type_ for pk, (type_, _) in found.items()}


def _reachable(device_ids: Iterable[int], *, at: datetime) -> set[int]:
    """Those that were heard within their patience, whatever their status, or hold a socket."""
    there = Presence.objects.filter(pk__in=list(device_ids)).filter(
        Q(silent_at__gt=at) | Q(socket_until__gt=at)
    )
    return set(there.values_list("pk", flat=True))


def _command(
    order: Order, *, device_type: str, vocabulary: Vocabulary, at: datetime, by: User | None
) -> Command:
    vocabulary.check(order.name, order.parameters, device_type)
    ttl = order.ttl_seconds if order.ttl_seconds is not None else vocabulary.ttl(order.name, device_type)
    if type(ttl) is not int or not TTL_SECONDS[0] <= ttl <= TTL_SECONDS[1]:
        raise InvalidInput.at(
            "ttlSeconds",
            gettext("must be from %(low)s to %(high)s") % {"low": TTL_SECONDS[0], "high": TTL_SECONDS[1]},
        )
    return Command(
        device_id=order.device_id,
        name=order.name,
        parameters=order.parameters,
        expires_at=at + timedelta(seconds=ttl),
        request_key=order.request_key,
        created_by=by,
        created_at=at,
        updated_at=at,
    )


def _insert(commands: list[Command]) -> None:
    # A savepoint of its own: who is inside a larger transaction may go on after a refusal.
    with transaction.atomic():
        if connection.features.can_return_rows_from_bulk_insert:
            for part in in_parts((command, size_of_json(command.parameters)) for command in commands):
                Command.objects.bulk_create(part)
        else:  # MySQL does not tell the numbers of many
            for command in commands:
                command.save(force_insert=True)


def withdraw_commands(*, command_ids: Iterable[int], at: datetime) -> set[int]:
    """Take back those that no device can have seen yet; returns their ids."""
    wanted = Q(status=QUEUED, attempts=0)
    return _end_by_key(list(command_ids), wanted=wanted, reason="withdrawn", at=at)


def end_commands_of(*, device_ids: Iterable[int], at: datetime, reason: str) -> set[int]:
    """These devices will do nothing more: what is unfinished of theirs is over; returns the commands' ids."""
    ended: set[int] = set()
    devices = sorted(device_ids)
    for start in range(0, len(devices), AT_ONCE):
        theirs = Command.objects.unfinished().filter(device_id__in=devices[start : start + AT_ONCE])
        ids = list(theirs.order_by("pk").values_list("pk", flat=True))
        ended |= _end_by_key(ids, wanted=Q(), reason=reason, at=at)
    return ended


@transaction.atomic
def _end_by_key(ids: list[int], *, wanted: Q, reason: str, at: datetime) -> set[int]:
    ended: set[int] = set()
    ids = sorted(set(ids))
    for start in range(0, len(ids), AT_ONCE):
        ended |= {
            each.id for each in expire(ids[start : start + AT_ONCE], wanted=wanted, reason=reason, at=at)
        }
    return ended


def expire(
    ids: list[int], *, wanted: Q, reason: str, at: datetime, skip_locked: bool = False
) -> list[EndedCommand]:
    """Inside a transaction: end those of these that are unfinished and `wanted`, without an answer of their device."""
    rows = Command.objects.unfinished().filter(wanted, pk__in=ids).order_by("pk")
    rows = rows.select_for_update(
        skip_locked=skip_locked and connection.features.has_select_for_update_skip_locked
    )
    result = {"reason": reason}
    ended = [
        EndedCommand(pk, device_id, EXPIRED, result) for pk, device_id in rows.values_list("pk", "device_id")
    ]
    if ended:
        Command.objects.filter(pk__in=[each.id for each in ended]).update(
            status=EXPIRED, result=result, push_at=None, updated_at=at
        )
        commands_ended.send(sender=Command, ended=ended)
    return ended


def expire_commands(*, at: datetime) -> int:
    """End what nobody answered in time; returns how many. Each part is a transaction of its own."""
    count = 0
    for status, reason in (
        (Command.Status.QUEUED, "the device did not come in time"),
        (Command.Status.SENT, "no acknowledgement in time"),
        (Command.Status.ACKNOWLEDGED, "no result in time"),
    ):
        late = Q(status=status, expires_at__lte=at)
        while ids := list(
            Command.objects.filter(late).order_by("expires_at").values_list("pk", flat=True)[:AT_ONCE]
        ):
            ended = again_after_deadlock(partial(_expire_part, ids, late, reason, at))
            count += ended
            if not ended or len(ids) < AT_ONCE:
                break
    return count


@transaction.atomic
def _expire_part(ids: list[int], late: Q, reason: str, at: datetime) -> int:
    # What a device answers at this very moment is left to it.
    return len(expire(sorted(ids), wanted=late, reason=reason, at=at, skip_locked=True))
