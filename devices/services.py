import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from devices.models import Credential, CredentialQuerySet, Device, Presence
from devices.queries import DeviceUnknown
from devices.tokens import broker_verifier, hash_of, new_token
from factory.errors import Conflict, InvalidInput
from factory.live.broadcast import broadcast_on_commit, end_connections_on_commit
from factory.retrying import again_after_deadlock
from factory.trpc.fields import DEEPEST, is_too_deep

STATUS_STREAM = "status"
EDITABLE = {"name", "type", "status", "location", "zone", "firmware_version", "metadata", "tags"}
WIRE_NAMES = {"external_id": "deviceId", "firmware_version": "firmwareVersion"}
TAGS_LIMIT = 50
TAG_LENGTH = 64
SILENT_AT_ONCE = 5000  # devices in one transaction: short enough that a running plant can write in between


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
    Presence.objects.create(device=device, silent_at=_deadline(at) if online else None)
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
    if values.get("status") == Device.Status.ONLINE:
        _expect_word_from([device.pk], at=at)
    device.updated_at = at
    if not Device.objects.filter(pk=device.pk).update(**values, updated_at=at):
        raise DeviceUnknown(f"There is no device {device.pk}.")
    if "status" in values:
        broadcast_status(device_ids=[device.pk], status=device.status, at=at)
    return device


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
    _end_sockets(Credential.objects.filter(device_id__in=ids))
    Device.objects.filter(pk__in=ids).delete()
    return len(ids)


# Credentials


def issue_token(*, device: Device, at: datetime, lifetime: timedelta | None = None, label: str = "") -> str:
    """One more token for a device; it is kept as hashes only, ours and the MQTT broker's."""
    token = new_token()
    Credential.objects.create(
        device=device,
        token_hash=hash_of(token),
        broker_verifier=broker_verifier(token),
        label=label,
        created_at=at,
        expires_at=at + lifetime if lifetime else None,
    )
    return token


@transaction.atomic
def rotate_token(*, device: Device, at: datetime) -> str:
    """Replace every lasting token of a device by a new one; the old ones end now."""
    _revoke(Credential.objects.filter(device=device), at=at)
    return issue_token(device=device, at=at)


def revoke_token(*, token: str, at: datetime) -> None:
    """End one token, for example a temporary one that has done its work."""
    _revoke(Credential.objects.filter(token_hash=hash_of(token)), at=at)


@transaction.atomic
def _revoke(credentials: CredentialQuerySet, *, at: datetime) -> None:
    lasting = credentials.filter(revoked_at=None)
    _end_sockets(lasting)
    lasting.update(revoked_at=at)


def _end_sockets(credentials: CredentialQuerySet) -> None:
    for credential_id in credentials.values_list("pk", flat=True):
        end_connections_on_commit(connection_name(credential_id))


def connection_name(credential_id: int) -> str:
    """The name under which the open sockets of a device's credential can be closed."""
    return f"device-credential-{credential_id}"


# Presence


def note_seen(*, device_ids: Iterable[int], at: datetime) -> None:
    """These devices were heard just now: move their silence deadline, and bring the silent ones back.

    Called inside the ingest transaction, for devices whose deadline is due to move.
    """
    ids = list(device_ids)
    if not ids:
        return
    Presence.objects.filter(device_id__in=ids).filter(Q(last_seen_at=None) | Q(last_seen_at__lt=at)).update(
        last_seen_at=at, silent_at=_deadline(at)
    )
    offline = Device.objects.filter(pk__in=ids, status=Device.Status.OFFLINE)
    back = list(offline.values_list("pk", flat=True))
    if back:
        _bring_back(back, at=at)


@transaction.atomic
def _bring_back(device_ids: list[int], *, at: datetime) -> None:
    _expect_word_from(device_ids, at=at)  # also where a clock was put back, and nothing moved the deadline
    _move_status(device_ids, Device.Status.OFFLINE, Device.Status.ONLINE, at=at)


def notice_silent_devices(*, at: datetime) -> list[int]:
    """Mark the devices whose silence deadline has passed as offline; returns their ids."""
    went = []
    while True:
        overdue = Presence.objects.filter(silent_at__lte=at).order_by("silent_at")
        due = list(overdue.values_list("device_id", flat=True)[:SILENT_AT_ONCE])
        silent, offline = again_after_deadlock(partial(_take_for_silent, due, at=at)) if due else ([], [])
        went += offline
        if len(silent) < SILENT_AT_ONCE:
            return went


@transaction.atomic
def _take_for_silent(due: list[int], *, at: datetime) -> tuple[list[int], list[int]]:
    """End the waiting for those still due: (their ids, the ids of those that were online)."""
    # A reading that arrives meanwhile moves the deadline, and wins: before our lock it is seen here, and
    # whoever holds the lock now is not waited for.
    presences = Presence.objects.select_for_update(
        skip_locked=connection.features.has_select_for_update_skip_locked
    )
    # By key alone. By the index of deadlines InnoDB would lock in another order than being heard does.
    rows = presences.filter(pk__in=due).order_by("pk").values_list("pk", "silent_at")
    silent = [device_id for device_id, silent_at in rows if silent_at is not None and silent_at <= at]
    if not silent:
        return [], []
    Presence.objects.filter(pk__in=silent).update(silent_at=None)
    return silent, _move_status(silent, Device.Status.ONLINE, Device.Status.OFFLINE, at=at)


def _move_status(device_ids: list[int], old: Device.Status, new: Device.Status, *, at: datetime) -> list[int]:
    """Change the status of those that have the old one; returns their ids. Presences are locked before devices."""
    # By key alone: by the index of statuses InnoDB would lock in another order than editing does.
    rows = Device.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    moved = [device_id for device_id, status in rows.values_list("pk", "status") if status == old]
    if moved:
        Device.objects.filter(pk__in=moved).update(status=new, updated_at=at)
        broadcast_status(device_ids=moved, status=new, at=at)
    return moved


def _expect_word_from(device_ids: list[int], *, at: datetime) -> None:
    """Nobody is online for ever: a device that becomes so is waited for, if it is not already."""
    rows = Presence.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    unexpected = [
        device_id for device_id, silent_at in rows.values_list("pk", "silent_at") if silent_at is None
    ]
    if unexpected:
        Presence.objects.filter(pk__in=unexpected).update(silent_at=_deadline(at))


def _deadline(at: datetime) -> datetime:
    return at + timedelta(seconds=settings.DEVICE_SILENT_SECONDS)


def broadcast_status(*, device_ids: Iterable[int], status: str, at: datetime) -> None:
    """Tell dashboards, after the commit, what the devices' status is now."""
    timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    broadcast_on_commit(
        STATUS_STREAM,
        [(pk, {"deviceId": pk, "status": str(status), "timestamp": timestamp}) for pk in device_ids],
    )
