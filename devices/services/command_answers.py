"""What devices say became of their commands."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from devices.command_steps import ACKNOWLEDGED, ANSWERS, ENDS, may_follow
from devices.models import Command
from devices.services.commands import EndedCommand
from devices.services.hearing import hear_from
from devices.signals import commands_ended
from factory.errors import Conflict, DomainError, Forbidden, InvalidInput, NotFound
from factory.retrying import again_after_deadlock
from factory.trpc.fields import DEEPEST, NO_JSON, as_json, is_too_deep

RESULT_BYTES = 65_536


class CommandUnknown(NotFound):
    """There is no such command."""


class ForeignCommand(Forbidden):
    """It is for another device."""


class CommandMovedOn(Conflict):
    """It has got further than this answer, or is over."""


@dataclass(frozen=True, slots=True)
class Ack:
    """A device's word on one command: `acknowledged`, `succeeded` or `failed`."""

    device_id: int
    command_id: int
    status: str
    result: Any = None


def hear_acks(*, acks: Sequence[Ack], at: datetime) -> list[Command | DomainError]:
    """Take answers in, many in one transaction: for each the command as it is now, or why it was refused.

    Saying the same again is fine. What was not swept away as expired yet counts, also when it comes late. An
    answer is a sign of life, whatever becomes of it.
    """
    if not acks:
        return []
    hear_from(device_ids={ack.device_id for ack in acks}, at=at)
    return again_after_deadlock(partial(_hear, acks, at=at))


@transaction.atomic
def _hear(acks: Sequence[Ack], *, at: datetime) -> list[Command | DomainError]:
    problems = [_why_unusable(ack) for ack in acks]
    ids = sorted({ack.command_id for ack, problem in zip(acks, problems, strict=True) if problem is None})
    rows = Command.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    commands = {command.pk: command for command in rows}
    moved: dict[int, Command] = {}
    told: list[Command | DomainError] = []
    for ack, problem in zip(acks, problems, strict=True):
        command = commands.get(ack.command_id) if problem is None else None
        refusal = problem or _why_refused(ack, command)
        if refusal is not None or command is None:
            told.append(refusal or CommandUnknown(f"There is no command {ack.command_id}."))
            continue
        if _step(command, ack, at=at):
            moved[command.pk] = command
        told.append(command)
    _write(list(moved.values()), at=at)
    return told


def _why_unusable(ack: Ack) -> InvalidInput | None:
    if type(ack.command_id) is not int or not 0 < ack.command_id < 2**63:
        return InvalidInput.at("id", "must be the number of a command")
    if ack.status not in ANSWERS:
        return InvalidInput.at("status", f"must be one of {', '.join(ANSWERS)}")
    if ack.result is None:
        return None
    if is_too_deep(ack.result):
        return InvalidInput.at("result", f"may nest {DEEPEST} levels deep")
    text = as_json(ack.result)
    if text is None:
        return InvalidInput.at("result", NO_JSON)
    if len(text) > RESULT_BYTES:
        return InvalidInput.at("result", f"may be {RESULT_BYTES} bytes long")
    return None


def _why_refused(ack: Ack, command: Command | None) -> DomainError | None:
    if command is None:
        return CommandUnknown(f"There is no command {ack.command_id}.")
    if command.device_id != ack.device_id:
        return ForeignCommand(f"Command {ack.command_id} is for another device.")
    if ack.status != command.status and not may_follow(command.status, ack.status):
        return CommandMovedOn(f"Command {command.pk} is {command.status} already.")
    return None


def _step(command: Command, ack: Ack, *, at: datetime) -> bool:
    """Whether the answer changes anything."""
    if ack.status == command.status:
        if ack.status != ACKNOWLEDGED or command.push_at is None:
            return False
    else:
        command.status = ack.status
        if ack.status == ACKNOWLEDGED:
            command.expires_at = at + timedelta(seconds=settings.COMMAND_RESULT_SECONDS)
        if ack.result is not None:
            command.result = ack.result
    command.push_at = None
    command.updated_at = at
    return True


def _write_results(commands: list[Command]) -> None:
    """One small statement each: as one large expression they would take the database ten times as long."""
    if not commands:
        return
    table = connection.ops.quote_name(Command._meta.db_table)
    values = [(json.dumps(command.result), command.pk) for command in commands]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET result = %s WHERE id = %s", values)


def _write(commands: list[Command], *, at: datetime) -> None:
    """As few statements as can be: those that end alike are written together."""
    by_change: dict[tuple[Any, ...], list[Command]] = defaultdict(list)
    for command in sorted(commands, key=lambda command: command.pk):
        by_change[command.status, command.expires_at if command.status == ACKNOWLEDGED else None].append(
            command
        )
    for (status, expires_at), alike in by_change.items():
        values = {"expires_at": expires_at} if expires_at else {}
        Command.objects.filter(pk__in=[command.pk for command in alike]).update(
            status=status, push_at=None, updated_at=at, **values
        )
    _write_results([command for command in commands if command.result is not None])
    ended = [
        EndedCommand(command.pk, command.device_id, command.status, command.result)
        for command in commands
        if command.status in ENDS
    ]
    if ended:
        commands_ended.send(sender=Command, ended=ended)
