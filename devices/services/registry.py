import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from devices.models import Credential, Device, Presence
from devices.patience import patience_by_type
from devices.queries import DeviceUnknown
from devices.services.credentials import end_sockets, issue_token
from devices.services.silence import (
    broadcast_status,
    expect_word_from,
    first_deadline,
    move_deadlines,
    stop_missing,
)
from devices.signals import device_type_changed
from factory.errors import Conflict, InvalidInput
from factory.trpc.fields import DEEPEST, is_too_deep

EDITABLE = {"name", "type", "status", "location", "zone", "firmware_version", "metadata", "tags"}
WIRE_NAMES = {"external_id": "deviceId", "firmware_version": "firmwareVersion"}
TAGS_LIMIT = 50
TAG_LENGTH = 64


class DeviceIdTaken(Conflict):
    """Another device goes by this id."""


def why_misshapen(*, tags: Any, metadata: Any) -> dict[str, str]:
    """{field: reason} for tags and metadata that would not be understood by those who read them."""
    problems = {}
    words = tags if isinstance(tags, list) else [None]
    if len(words) > TAGS_LIMIT or not all(isinstance(w, str) and 0 < len(w) <= TAG_LENGTH for w in words):
        problems["tags"] = f"must be a list of at most {TAGS_LIMIT} words of 1 to {TAG_LENGTH} characters"
    if not isinstance(metadata, dict):
        problems["metadata"] = "must be an object"
    elif is_too_deep(metadata):
        problems["metadata"] = f"may nest {DEEPEST} levels deep"
    elif not _is_json(metadata):
        problems["metadata"] = "must be JSON, with finite numbers"
    return problems


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _refuse_invalid(device: Device) -> None:
    fields: dict[str, list[str]] = {}
    try:
        device.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as refusal:
        fields = {WIRE_NAMES.get(name, name): told for name, told in refusal.message_dict.items()}
    for field, reason in why_misshapen(tags=device.tags, metadata=device.metadata).items():
        fields[field] = [reason]
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
    _refuse_invalid(device)
    try:
        with transaction.atomic():
            device.save(force_insert=True)
    except IntegrityError:
        if not Device.objects.filter(external_id=external_id).exists():
            raise
        raise DeviceIdTaken(
            f"deviceId: {external_id} is in use already", fields={"deviceId": ["is in use already"]}
        ) from None
    online = device.status == Device.Status.ONLINE
    Presence.objects.create(device=device, silent_at=first_deadline(type=type, at=at) if online else None)
    token = issue_token(device=device, at=at)
    broadcast_status(device_ids=[device.pk], status=device.status, at=at)
    return device, token


@transaction.atomic
def edit_device(*, device: Device, at: datetime, **changes: Any) -> Device:
    """Change a device's properties; its id and its credentials stay."""
    values = {field: changes[field] for field in changes.keys() & EDITABLE}
    for field, value in values.items():
        setattr(device, field, value)
    _refuse_invalid(device)
    if "status" in values:
        _follow(device, at=at)
    becomes = _new_type(device) if "type" in values else None
    device.updated_at = at
    if not Device.objects.filter(pk=device.pk).update(**values, updated_at=at):
        raise DeviceUnknown(f"There is no device {device.pk}.")
    if becomes:
        move_deadlines([device.pk], seconds=patience_by_type()[becomes].silent_seconds)
        device_type_changed.send(sender=Device, device_ids=[device.pk])
    if "status" in values:
        broadcast_status(device_ids=[device.pk], status=device.status, at=at)
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


# Rooms above that order their own writing of a device by a lock say here how to take it.
_holds: list[Callable[..., None]] = []


def hold_before_deleting(hold: Callable[..., None]) -> None:
    """Have `hold(device_ids=...)` called in the deleting transaction before anything goes."""
    _holds.append(hold)


@transaction.atomic
def delete_devices(*, devices: Iterable[Device]) -> int:
    """Remove devices with everything that belongs to them; their readings follow within the hour."""
    ids = sorted(device.pk for device in devices)
    for hold in _holds:
        hold(device_ids=ids)
    end_sockets(Credential.objects.filter(device_id__in=ids))
    Device.objects.filter(pk__in=ids).delete()
    return len(ids)
