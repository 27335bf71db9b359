from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from devices.models import Credential, Device, Presence
from devices.patience import patience_by_type
from devices.queries import DeviceUnknown
from devices.services.changes import tell_of_changes
from devices.services.commands import end_commands_of
from devices.services.configuration import begin_configurations
from devices.services.credentials import end_sockets, issue_tokens
from devices.services.silence import (
    expect_word_from,
    first_deadline,
    move_deadlines,
    stop_missing,
)
from devices.services.status_history import note_status, tell_status
from devices.services.types import apply_defaults
from devices.shapes import why_misshapen
from devices.signals import device_type_changed
from factory.accounts.noting import note_change
from factory.errors import Conflict, InvalidInput

EDITABLE = {"name", "type", "status", "location", "zone", "firmware_version", "metadata", "tags"}
WIRE_NAMES = {"external_id": "deviceId", "firmware_version": "firmwareVersion"}
AT_ONCE = 500  # rows in one statement


class DeviceIdTaken(Conflict):
    """Another device goes by this id."""


def problems_of(device: Device) -> dict[str, list[str]]:
    """{field on the wire: reasons} why the device cannot be as it is."""
    fields: dict[str, list[str]] = {}
    try:
        device.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as refusal:
        fields = {WIRE_NAMES.get(name, name): told for name, told in refusal.message_dict.items()}
    for field, reason in why_misshapen(tags=device.tags, metadata=device.metadata).items():
        fields[field] = [reason]
    return fields


def _refuse_invalid(device: Device) -> None:
    fields = problems_of(device)
    if fields:
        first = next(iter(fields))
        raise InvalidInput(f"{first}: {fields[first][0]}", fields=fields)


@transaction.atomic
def register_device(
    *, external_id: str, name: str, type: str, at: datetime, **properties: Any
) -> tuple[Device, str]:
    """Add a device and give it its first token, which is shown this once."""
    device = Device(external_id=external_id, name=name, type=type)
    for field in properties.keys() & EDITABLE:
        setattr(device, field, properties[field])
    begin_with = apply_defaults(devices=[device])
    _refuse_invalid(device)
    try:
        with transaction.atomic():
            device.save(force_insert=True)
    except IntegrityError:
        if not Device.objects.filter(external_id=external_id).exists():
            raise
        raise DeviceIdTaken(
            gettext("deviceId: %(device)s is in use already") % {"device": external_id},
            fields={"deviceId": [gettext("is in use already")]},
        ) from None
    [token] = _welcome([device], begin_with, at=at)
    note_change(
        "devices.device", device.pk, external_id, before={}, after={"name": name, "type": type, **properties}
    )
    return device, token


@transaction.atomic
def register_devices(*, devices: Sequence[Device], at: datetime, with_tokens: bool = True) -> list[str]:
    """Add many devices that have no `problems_of` their own; their first tokens, in the same order, if wanted."""
    begin_with = apply_defaults(devices=devices)
    made = Device.objects.bulk_create(devices, batch_size=AT_ONCE)
    if any(device.pk is None for device in made):  # the database does not tell
        ids = {device.external_id: device for device in made}
        for pk, external_id in Device.objects.filter(external_id__in=ids).values_list("pk", "external_id"):
            ids[external_id].pk = pk
    return _welcome(made, begin_with, at=at, with_tokens=with_tokens)


def _welcome(
    devices: Sequence[Device],
    begin_with: Mapping[str, dict[str, Any]],
    *,
    at: datetime,
    with_tokens: bool = True,
) -> list[str]:
    """Give new devices what belongs to each, and their type's configuration; returns their tokens."""
    by_status: dict[str, list[int]] = defaultdict(list)
    for device in devices:
        by_status[device.status].append(device.pk)
    Presence.objects.bulk_create(
        (Presence(device=device, silent_at=_first_silence(device, at=at)) for device in devices),
        batch_size=AT_ONCE,
    )
    begin_configurations(devices=devices, desired=begin_with, at=at)
    tokens = issue_tokens(devices=devices, at=at) if with_tokens else []
    for status, ids in by_status.items():
        note_status(device_ids=ids, status=status, at=at)
    tell_of_changes(device.pk for device in devices)
    return tokens


def _first_silence(device: Device, *, at: datetime) -> datetime | None:
    """Nobody waits for a device that was never heard, unless a person calls it online."""
    return first_deadline(type=device.type, at=at) if device.status == Device.Status.ONLINE else None


@transaction.atomic
def edit_device(*, device: Device, at: datetime, **changes: Any) -> Device:
    """Change a device's properties; its id and its credentials stay."""
    values = {field: changes[field] for field in changes.keys() & EDITABLE}
    for field, value in values.items():
        setattr(device, field, value)
    _refuse_invalid(device)
    was = Device.objects.filter(pk=device.pk).values("status", *values).first() or {}
    before = was.get("status")
    if "status" in values:
        _follow(device, at=at)
    becomes = _new_type(device) if "type" in values else None
    device.updated_at = at
    rows = Device.objects.filter(pk=device.pk)
    if not (rows.in_service() if "status" in values else rows).update(**values, updated_at=at):
        if rows.exists():
            raise InvalidInput.at("status", gettext("the device is out of service"))
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": device.pk})
    if becomes:
        move_deadlines([device.pk], seconds=patience_by_type()[becomes].silent_seconds)
        device_type_changed.send(sender=Device, device_ids=[device.pk])
    if "status" in values:
        tell = tell_status if device.status == before else note_status
        tell(device_ids=[device.pk], status=device.status, at=at)
    tell_of_changes([device.pk])
    note_change(
        "devices.device",
        device.pk,
        device.external_id,
        before={name: was.get(name) for name in values},
        after=values,
    )
    return device


def _follow(device: Device, *, at: datetime) -> None:
    """A person says what its status is: one called online is waited for, and none but a silent one is missed."""
    if device.status == Device.Status.ONLINE:
        expect_word_from([device.pk], at=at)
    elif device.status != Device.Status.OFFLINE:
        stop_missing(device.pk)


def _new_type(device: Device) -> str | None:
    """The type it is given, where that is another one. Its presence is locked before the device, as everywhere."""
    Presence.objects.select_for_update().filter(pk=device.pk).first()
    others = Device.objects.select_for_update().filter(pk=device.pk).values_list("type", flat=True)
    before = others.first()
    return device.type if before not in (None, device.type) else None


# Rooms above that order their own writing of a device by a lock say here how to take it: locks of theirs that
# come before those of presences and devices.
_holds: list[Callable[..., None]] = []


def hold_before_deleting(hold: Callable[..., None]) -> None:
    """Have `hold(device_ids=...)` called first in transactions that delete devices or take them out of service."""
    _holds.append(hold)


def hold_devices(*, device_ids: Sequence[int]) -> None:
    """Until the transaction ends, no room writes of these devices by itself."""
    for hold in _holds:
        hold(device_ids=device_ids)


@transaction.atomic
def delete_devices(*, devices: Iterable[Device]) -> int:
    """Remove devices with everything that belongs to them; their readings follow within the hour."""
    devices = list(devices)  # a query set would look for them again when they are gone
    ids = sorted(device.pk for device in devices)
    hold_devices(device_ids=ids)
    # Who is writing something of theirs, such as a command, is waited for; who comes later finds them gone.
    list(Presence.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    list(Device.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    end_commands_of(device_ids=ids, at=timezone.now(), reason="the device was deleted")
    end_sockets(Credential.objects.filter(device_id__in=ids))
    Device.objects.filter(pk__in=ids).delete()
    for device in devices:
        note_change("devices.device", device.pk, device.external_id, before={"name": device.name}, after={})
    return len(ids)
