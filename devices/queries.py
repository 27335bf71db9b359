import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db.models import Count, Q, Sum, TextField
from django.db.models.functions import Cast

from devices.models import Credential, Device, DeviceQuerySet
from devices.tokens import hash_of
from factory.errors import InvalidInput, NotFound

# Filters that need a higher room's word (`groupId`) are registered by that room.
Narrowing = Callable[[DeviceQuerySet, object], DeviceQuerySet]
_registered: dict[str, Narrowing] = {}


class DeviceUnknown(NotFound):
    """There is no such device."""


def register_filter(name: str, narrow: Narrowing) -> None:
    """Let `devices.list` be narrowed by something a higher room knows."""
    _registered[name] = narrow


def devices_matching(
    *,
    status: str | None = None,
    type: str | None = None,
    zone: str | None = None,
    tag: str | None = None,
    search: str | None = None,
    **others: object,
) -> DeviceQuerySet:
    """Devices by any of their properties, in the order of their names."""
    found = Device.objects.with_presence().order_by("name", "id")
    if status:
        found = found.filter(status=status)
    if type:
        found = found.filter(type=type)
    if zone is not None:
        found = found.filter(zone=zone)
    if tag:
        text = Cast("tags", TextField())
        found = found.annotate(tags_text=text).filter(tags_text__contains=json.dumps(tag))
    if search:
        found = found.filter(
            Q(name__icontains=search)
            | Q(external_id__icontains=search)
            | Q(location__icontains=search)
            | Q(zone__icontains=search)
        )
    for name, value in others.items():
        if value is None:
            continue
        if name not in _registered:
            raise InvalidInput.at(name, "devices cannot be narrowed by this here")
        found = _registered[name](found, value)
    return found


def find_device(reference: int | str) -> Device | None:
    """A device by its integer id or by its string device id."""
    if isinstance(reference, int):
        return Device.objects.with_presence().filter(pk=reference).first()
    return Device.objects.with_presence().filter(external_id=reference).first()


def get_device(reference: int | str) -> Device:
    """As `find_device`; refuses when there is none."""
    device = find_device(reference)
    if device is None:
        raise DeviceUnknown(f"There is no device {reference!r}.")
    return device


def get_device_ids(references: list[int | str]) -> list[int]:
    """The integer ids of several devices, in one query; refuses when one does not exist."""
    names = [r for r in references if isinstance(r, str)]
    numbers = [r for r in references if isinstance(r, int)]
    rows = Device.objects.filter(Q(pk__in=numbers) | Q(external_id__in=names)).values_list(
        "pk", "external_id"
    )
    by_reference: dict[int | str, int] = {}
    for pk, external_id in rows:
        by_reference[pk] = by_reference[external_id] = pk
    for reference in references:
        if reference not in by_reference:
            raise DeviceUnknown(f"There is no device {reference!r}.")
    return list(dict.fromkeys(by_reference[reference] for reference in references))


def device_stats() -> dict:
    """How many devices there are, by status and by type."""
    rows = Device.objects.values_list("status", "type").annotate(devices=Count("id"))
    by_status: Counter[str] = Counter()
    by_type: Counter[str] = Counter()
    for status, type_, devices in rows:
        by_status[status] += devices
        by_type[type_] += devices
    statuses = {status.value: by_status[status.value] for status in Device.Status}
    return {"total": by_status.total(), **statuses, "byType": dict(sorted(by_type.items()))}


def alive_credential(*, token: str, at: datetime) -> Credential | None:
    """The credential a token stands for, with its device; None when unknown, expired or revoked."""
    alive = Credential.objects.alive(at).select_related("device")
    return alive.filter(token_hash=hash_of(token)).first()


def broker_passwords(*, at: datetime) -> list[tuple[str, str]]:
    """(device id, verifier) of every device that may connect to the MQTT broker, by its newest token.

    A password file knows one password a user. It cannot hold names with a colon at all.
    """
    rows = Credential.objects.alive(at).exclude(broker_verifier="").exclude(device__external_id__contains=":")
    newest_last = rows.order_by("pk").values_list("device__external_id", "broker_verifier")
    return sorted(dict(newest_last).items())


def mark_of_alive_credentials(*, at: datetime) -> tuple[int, int]:
    """Changes whenever a token is issued, revoked, deleted or expires: numbers only grow, and none comes back."""
    found = Credential.objects.alive(at).aggregate(count=Count("pk"), numbers=Sum("pk"))
    return found["count"], found["numbers"] or 0


def alive_among(credential_ids: Iterable[int], *, at: datetime) -> set[int]:
    """Those of these credentials that still stand for their device."""
    return set(Credential.objects.alive(at).filter(pk__in=credential_ids).values_list("pk", flat=True))


def whole_floor() -> list[tuple[int, str, str, str, datetime | None]]:
    """(id, name, zone, status, silence deadline) of every device, by zone and name: the overview's map."""
    rows = Device.objects.order_by("zone", "name", "pk")
    return list(rows.values_list("pk", "name", "zone", "status", "presence__silent_at"))
