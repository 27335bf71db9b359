from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from devices.models import Credential, Device, Presence
from devices.tokens import hash_of, new_token
from factory.errors import Conflict, InvalidInput
from factory.live.broadcast import broadcast_on_commit, end_connections_on_commit

STATUS_STREAM = "status"
EDITABLE = {"name", "type", "status", "location", "zone", "firmware_version", "metadata", "tags"}


class DeviceIdTaken(Conflict):
    """Another device goes by this id."""


def _refuse_invalid(device: Device) -> None:
    try:
        device.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as refusal:
        wire = {"external_id": "deviceId", "firmware_version": "firmwareVersion"}
        fields = {wire.get(name, name): reasons for name, reasons in refusal.message_dict.items()}
        first = next(iter(fields))
        raise InvalidInput(f"{first}: {fields[first][0]}", fields=fields) from None


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
        raise DeviceIdTaken(
            f"deviceId: {external_id} is in use already", fields={"deviceId": ["is in use already"]}
        ) from None
    Presence.objects.create(device=device)
    token = issue_token(device=device, at=at)
    broadcast_status(device_ids=[device.pk], status=device.status, at=at)
    return device, token


@transaction.atomic
def edit_device(*, device: Device, at: datetime, **changes: Any) -> Device:
    """Change a device's properties; its id and its credentials stay."""
    fields = changes.keys() & EDITABLE
    for field in fields:
        setattr(device, field, changes[field])
    _refuse_invalid(device)
    device.save(update_fields=sorted(fields | {"updated_at"}))
    if "status" in fields:
        broadcast_status(device_ids=[device.pk], status=device.status, at=at)
    return device


@transaction.atomic
def delete_devices(*, devices: Iterable[Device]) -> int:
    """Remove devices with everything that belongs to them; their readings follow within the hour."""
    ids = sorted(device.pk for device in devices)
    for device_id in ids:
        end_connections_on_commit(connection_name(device_id))
    Device.objects.filter(pk__in=ids).delete()
    return len(ids)


# Credentials


def issue_token(*, device: Device, at: datetime, lifetime: timedelta | None = None, label: str = "") -> str:
    """One more token for a device; it is kept as a hash only."""
    token = new_token()
    expires_at = at + lifetime if lifetime else None
    Credential.objects.create(
        device=device, token_hash=hash_of(token), label=label, created_at=at, expires_at=expires_at
    )
    return token


@transaction.atomic
def rotate_token(*, device: Device, at: datetime) -> str:
    """Replace every lasting token of a device by a new one; the old ones end now."""
    Credential.objects.filter(device=device, revoked_at=None).update(revoked_at=at)
    end_connections_on_commit(connection_name(device.pk))
    return issue_token(device=device, at=at)


def revoke_token(*, token: str, at: datetime) -> None:
    """End one token, for example a temporary one that has done its work."""
    Credential.objects.filter(token_hash=hash_of(token), revoked_at=None).update(revoked_at=at)


def connection_name(device_id: int) -> str:
    """The name under which a device's open sockets can be closed."""
    return f"device-{device_id}"


# Presence


def note_seen(*, device_ids: Iterable[int], at: datetime) -> None:
    """These devices were heard just now: move their silence deadline, and bring the silent ones back.

    Called inside the ingest transaction, for devices whose deadline is due to move.
    """
    ids = list(device_ids)
    if not ids:
        return
    silent_at = at + timedelta(seconds=settings.DEVICE_SILENT_SECONDS)
    Presence.objects.filter(device_id__in=ids).filter(Q(last_seen_at=None) | Q(last_seen_at__lt=at)).update(
        last_seen_at=at, silent_at=silent_at
    )
    offline = Device.objects.filter(pk__in=ids, status=Device.Status.OFFLINE)
    back = list(offline.order_by("pk").values_list("pk", flat=True))
    if back:
        Device.objects.filter(pk__in=back, status=Device.Status.OFFLINE).update(
            status=Device.Status.ONLINE, updated_at=at
        )
        broadcast_status(device_ids=back, status=Device.Status.ONLINE, at=at)


@transaction.atomic
def notice_silent_devices(*, at: datetime) -> list[int]:
    """Mark the devices whose silence deadline has passed as offline; returns their ids."""
    silent = []
    due = Presence.objects.filter(silent_at__lte=at).order_by("device_id")
    for device_id in due.values_list("device_id", flat=True):
        # Compare-and-set: a reading that arrives meanwhile moves the deadline, and wins.
        if Presence.objects.filter(device_id=device_id, silent_at__lte=at).update(silent_at=None):
            silent.append(device_id)
    went = list(
        Device.objects.filter(pk__in=silent, status=Device.Status.ONLINE).values_list("pk", flat=True)
    )
    Device.objects.filter(pk__in=went, status=Device.Status.ONLINE).update(
        status=Device.Status.OFFLINE, updated_at=at
    )
    broadcast_status(device_ids=went, status=Device.Status.OFFLINE, at=at)
    return went


def broadcast_status(*, device_ids: Iterable[int], status: str, at: datetime) -> None:
    """Tell dashboards, after the commit, what the devices' status is now."""
    timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    broadcast_on_commit(
        STATUS_STREAM,
        [(pk, {"deviceId": pk, "status": str(status), "timestamp": timestamp}) for pk in device_ids],
    )
