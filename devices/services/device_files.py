"""Devices from a CSV file, and to one: many at once, by the same rules as one by one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext, gettext_noop

from devices.device_csv import COLUMNS, Row, read_rows, write_rows
from devices.models import Device, DeviceQuerySet, Presence
from devices.patience import patience_by_type
from devices.services.changes import tell_of_changes
from devices.services.registry import AT_ONCE, problems_of, register_devices
from devices.services.silence import move_deadlines
from devices.signals import device_type_changed
from factory.errors import InvalidInput
from factory.retrying import again_after_deadlock

T = TypeVar("T")
PAGE = 1000
COLLISIONS = 20  # a file that is written in the background beside this one comes in as many pieces, or fewer
ERRORS_TOLD = 1000
# Of a device that exists the plant knows its status better than a file does.
CHANGEABLE = [name for name in COLUMNS.values() if name not in ("external_id", "status")]
IN_USE = gettext_noop("is in use already")


class RowError(NamedTuple):
    """What is wrong with a cell; rows are counted as a spreadsheet does."""

    row: int
    field: str
    message: str


@dataclass(slots=True)
class Import:
    """What a file comes to. `written` says whether it was done, or would only be."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: int = 0
    written: bool = False
    errors: list[RowError] = field(default_factory=list)
    tokens: list[tuple[str, str]] = field(default_factory=list)  # (device id, token), shown this once


@dataclass(slots=True)
class Plan:
    """What is to be written."""

    new: list[Device] = field(default_factory=list)
    changed: list[Device] = field(default_factory=list)
    new_types: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def import_devices(
    *, text: str, at: datetime, dry_run: bool = False, update: bool = True, skip_bad: bool = False
) -> Import:
    """Add the devices of a file, and change those that exist where it says otherwise.

    All of it or nothing: where a row is bad nothing is written, unless bad rows are to be skipped.
    """
    refuse_half_characters(text)
    rows = read_rows(text)
    work = partial(
        _import, rows, at=at, update=update, is_to_write=lambda bad: not dry_run and (skip_bad or not bad)
    )
    return again_after_collisions(work)


def refuse_half_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput.at("csv", gettext("has half a character in it")) from None


def again_after_collisions(work: Callable[[], T]) -> T:
    """Where somebody has just registered one of these devices, it is found the next time; several may be at it."""
    for _ in range(COLLISIONS):
        try:
            return again_after_deadlock(work)
        except IntegrityError:
            continue
    return again_after_deadlock(work)


@transaction.atomic
def _import(rows: Sequence[Row], *, at: datetime, update: bool, is_to_write: Any) -> Import:
    told, plan = plan_rows(rows, first=first_rows(rows), update=update)
    told.written = is_to_write(bool(told.errors))
    if told.written:
        tokens = write_plan(plan, at=at)
        told.tokens = [(device.external_id, token) for device, token in zip(plan.new, tokens, strict=True)]
    told.errors = told.errors[:ERRORS_TOLD]
    return told


def first_rows(rows: Iterable[Row]) -> dict[str, int]:
    """{device id: the first row that names it}."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.values.get("external_id", ""), row.number)
    return first


def plan_rows(rows: Sequence[Row], *, first: dict[str, int], update: bool) -> tuple[Import, Plan]:
    """What becomes of these rows; the devices that exist are held until the transaction ends."""
    known = _held({row.values.get("external_id", "") for row in rows})
    told, plan = Import(rows=len(rows)), Plan()
    for row in rows:
        external_id = row.values.get("external_id", "")
        before = first[external_id]
        device = known.get(external_id)
        if before != row.number:
            row_errors = {"deviceId": gettext("is in row %(before)s already") % {"before": before}}
        elif device is None:
            row_errors = _add(row, plan)
        elif not update:
            row_errors = {"deviceId": gettext(IN_USE)}
        else:
            row_errors = _change(row, device, plan, told)
        told.bad += bool(row_errors)
        told.errors += [RowError(row.number, column, reason) for column, reason in row_errors.items()]
    told.created, told.updated = len(plan.new), len(plan.changed)
    return told, plan


def write_plan(plan: Plan, *, at: datetime, with_tokens: bool = True) -> list[str]:
    """Do it; returns the tokens of the new devices, in their order."""
    _write_changes(plan, at=at)
    return register_devices(devices=plan.new, at=at, with_tokens=with_tokens) if plan.new else []


def _held(external_ids: Iterable[str]) -> dict[str, Device]:
    """Those of these devices that exist, held against others who would write them; presences before devices."""
    wanted = sorted(external_ids)
    ids: list[int] = []
    for start in range(0, len(wanted), PAGE):
        named = Device.objects.filter(external_id__in=wanted[start : start + PAGE])
        ids += named.values_list("pk", flat=True)
    ids.sort()
    parts = [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]
    for part in parts:
        list(Presence.objects.select_for_update().filter(pk__in=part).order_by("pk").values_list("pk"))
    found: dict[str, Device] = {}
    for part in parts:
        held = Device.objects.select_for_update().filter(pk__in=part).order_by("pk")
        found.update({device.external_id: device for device in held})
    return found


def _add(row: Row, plan: Plan) -> dict[str, str]:
    given = {name: value for name, value in row.values.items() if value != "" or name != "status"}
    problems = dict(row.problems)
    device = Device(**given)
    for column, reasons in problems_of(device).items():
        problems.setdefault(column, reasons[0])
    if not problems:
        plan.new.append(device)
    return problems


def _change(row: Row, device: Device, plan: Plan, told: Import) -> dict[str, str]:
    problems = dict(row.problems)
    old_type = device.type
    is_other = False
    for name in CHANGEABLE:
        if name in row.values and row.values[name] != getattr(device, name):
            setattr(device, name, row.values[name])
            is_other = True
    if is_other:
        for column, reasons in problems_of(device).items():
            problems.setdefault(column, reasons[0])
    if problems:
        return problems
    if not is_other:
        told.unchanged += 1
        return {}
    plan.changed.append(device)
    if device.type != old_type:
        plan.new_types[device.type].append(device.pk)
    return {}


def _write_changes(plan: Plan, *, at: datetime) -> None:
    """By one statement for many: they are locked, so none of them can be one that is gone."""
    ids = [device.pk for device in plan.changed]
    if not ids:
        return
    has_target = connection.features.supports_update_conflicts_with_target
    for start in range(0, len(ids), AT_ONCE):
        Device.objects.bulk_create(
            plan.changed[start : start + AT_ONCE],
            update_conflicts=True,
            update_fields=CHANGEABLE,
            unique_fields=["pk"] if has_target else None,
        )
        Device.objects.filter(pk__in=ids[start : start + AT_ONCE]).update(updated_at=at)
    for type_, moved in plan.new_types.items():
        move_deadlines(moved, seconds=patience_by_type()[type_].silent_seconds)
    if plan.new_types:
        moved = sorted(pk for some in plan.new_types.values() for pk in some)
        device_type_changed.send(sender=Device, device_ids=moved)
    tell_of_changes(ids)


def devices_as_csv(*, devices: DeviceQuerySet) -> Iterator[bytes]:
    """These devices as a file, in their order; read page by page, each a short statement."""
    ids = list(
        devices.values_list("pk", flat=True)
    )  # now, so that what can fail does so before anything is sent
    return write_rows(_pages(ids))


def _pages(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(ids), PAGE):
        part = ids[start : start + PAGE]
        rows = Device.objects.filter(pk__in=part).values("pk", *COLUMNS.values())
        found = {row["pk"]: row for row in rows}
        yield from (found[pk] for pk in part if pk in found)
