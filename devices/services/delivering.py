"""How commands reach their devices. An attempt is counted and committed before anything is said, so that of two
who would push at once only one does, and one who is killed in between has merely lost that attempt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Least

from devices.command_steps import ACKNOWLEDGED, MOST_ATTEMPTS, QUEUED, SENT, is_last_of_round
from devices.models import Command, CommandQuerySet, Device
from devices.services.hearing import hear_from
from devices.services.knocking import knock_on_commit
from factory.retrying import again_after_deadlock
from factory.trpc.superjson import iso

RESEND_SECONDS = 30
AT_ONCE = 500
FORGOTTEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Push:
    """A command on its way to its device."""

    id: int
    device_id: int
    external_id: str
    name: str
    parameters: dict[str, Any]
    expires_at: datetime

    def payload(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "parameters": self.parameters,
            "expiresAt": iso(self.expires_at),
        }


def take_due_pushes(*, at: datetime, limit: int = AT_ONCE) -> list[Push]:
    """Commands to be pushed over MQTT now, counted as sent; devices that hold a socket are left to it."""
    return _take(_due(at).exclude(device__presence__socket_until__gt=at), at=at, limit=limit)


def take_pushes_of(*, device_id: int, at: datetime, limit: int = AT_ONCE) -> list[Push]:
    """Commands to be pushed to one device now, counted as sent, the oldest first."""
    return _take(_due(at).filter(device_id=device_id), at=at, limit=limit)


def _due(at: datetime) -> CommandQuerySet:
    return Command.objects.unfinished().filter(push_at__lte=at, expires_at__gt=at)


def _take(due: CommandQuerySet, *, at: datetime, limit: int) -> list[Push]:
    # Found without a lock, and locked by key alone: by the index of pushes InnoDB would lock in another order
    # than answering does.
    ids = sorted(due.order_by("push_at", "pk").values_list("pk", flat=True)[:limit])
    commands = again_after_deadlock(partial(_count_attempts, ids, at=at)) if ids else []
    devices = Device.objects.filter(pk__in={command.device_id for command in commands})
    names = dict(devices.values_list("pk", "external_id")) if commands else {}
    return [
        Push(
            command.pk,
            command.device_id,
            names[command.device_id],
            command.name,
            command.parameters,
            command.expires_at,
        )
        for command in commands
        if command.device_id in names  # not deleted in this moment
    ]


@transaction.atomic
def _count_attempts(ids: list[int], *, at: datetime) -> list[Command]:
    """Those of these that are due still and that nobody else is about to push."""
    rows = _due(at).filter(pk__in=ids).order_by("pk").only(*COLUMNS)
    commands = list(rows.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked))
    _count_attempt(commands, at=at)
    return commands


COLUMNS = ("device_id", "name", "parameters", "status", "attempts", "expires_at")


def _count_attempt(commands: Sequence[Command], *, at: datetime) -> None:
    again, last, taken_note_of = [], [], []
    for command in commands:
        if command.status == ACKNOWLEDGED:  # its device came back, and is reminded once
            taken_note_of.append(command.pk)
        elif is_last_of_round(command.attempts + 1):
            last.append(command.pk)
        else:
            again.append(command.pk)
    counted: dict[str, Any] = {
        "attempts": Least(F("attempts") + 1, Value(MOST_ATTEMPTS)),
        "updated_at": at,
    }
    next_push = at + timedelta(seconds=RESEND_SECONDS)
    if again:
        Command.objects.filter(pk__in=again).update(status=SENT, push_at=next_push, **counted)
    if last:
        Command.objects.filter(pk__in=last).update(status=SENT, push_at=None, **counted)
    if taken_note_of:
        Command.objects.filter(pk__in=taken_note_of).update(push_at=None, **counted)


def hand_over_pending(*, device_id: int, at: datetime) -> list[Command]:
    """What a device that asks has to do, oldest first: everything unfinished, under the same ids each time.

    That is not a push, but those it had not been given are sent by that. Asking is being heard.
    """
    hear_from(device_ids=[device_id], at=at)
    return again_after_deadlock(partial(_hand_over, device_id, at=at))


def _hand_over(device_id: int, *, at: datetime) -> list[Command]:
    rows = Command.objects.unfinished().filter(device_id=device_id, expires_at__gt=at).order_by("pk")
    commands = list(rows.all())
    if any(command.status == QUEUED for command in commands):
        _mark_handed_over([command.pk for command in commands if command.status == QUEUED], at=at)
        commands = list(rows.all())
    return commands


@transaction.atomic
def _mark_handed_over(ids: list[int], *, at: datetime) -> None:
    """A push that was due is put off: it would say the same a moment later."""
    queued = Command.objects.select_for_update().filter(pk__in=ids, status=QUEUED).order_by("pk")
    due = dict(queued.values_list("pk", "push_at"))
    to_push = [pk for pk, push_at in due.items() if push_at is not None]
    if due:
        Command.objects.filter(pk__in=list(due)).update(status=SENT, updated_at=at)
    if to_push:
        Command.objects.filter(pk__in=to_push).update(push_at=at + timedelta(seconds=RESEND_SECONDS))


def wake_commands(*, device_ids: Iterable[int], at: datetime) -> int:
    """These devices are back: everything unfinished is pushed again, as the next attempt; returns how many."""
    devices = sorted(set(device_ids))
    count = 0
    for start in range(0, len(devices), AT_ONCE):
        part = devices[start : start + AT_ONCE]
        is_full = True
        while is_full:
            moved, is_full = _push_now(Command.objects.filter(device_id__in=part), at=at)
            count += moved
    return count


def wake_forgotten(*, at: datetime) -> int:
    """Commands that wait for devices which are there: one came back while its command was being written."""
    there = Q(device__presence__silent_at__gt=at) | Q(device__presence__socket_until__gt=at)
    waiting = Command.objects.filter(there, status=QUEUED, push_at=None, attempts=0)
    count, _ = again_after_deadlock(partial(_push_now, waiting, at=at))
    return count


@transaction.atomic
def _push_now(commands: CommandQuerySet, *, at: datetime) -> tuple[int, bool]:
    """Those of these that are unfinished and not due anyway: how many, and whether there may be more."""
    late = Q(push_at=None) | Q(push_at__gt=at)
    wanted = commands.unfinished().filter(late, expires_at__gt=at).order_by("pk")
    ids = list(wanted.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if not ids:
        return 0, False
    rows = Command.objects.unfinished().select_for_update().filter(pk__in=ids).order_by("pk")
    found = list(rows.values_list("pk", "device_id"))
    Command.objects.filter(pk__in=[pk for pk, _ in found]).update(push_at=at)
    knock_on_commit({device_id for _, device_id in found}, at=at)
    return len(found), len(ids) == FORGOTTEN_AT_ONCE
