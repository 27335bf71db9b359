import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, F, OrderBy, OuterRef, Q, QuerySet, Subquery, Sum, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext

from devices.filtering import Facts, Filter, parse_filter
from devices.models import (
    ClaimCode,
    Command,
    CommandQuerySet,
    CommandType,
    Configuration,
    ConfigurationVersion,
    Credential,
    CredentialQuerySet,
    Device,
    DeviceImport,
    DeviceImportQuerySet,
    DeviceQuerySet,
    ImportRefusal,
    RefusedMessage,
    StatusChange,
    TypeDefaults,
)
from devices.tokens import hash_of
from factory.errors import InvalidInput, NotFound
from factory.live.story import whole_number
from factory.tracked import Tracked
from factory.trpc.superjson import iso

# Filters that need a higher room's word (`groupId`) are registered by that room.
Narrowing = Callable[[DeviceQuerySet, object], DeviceQuerySet]
_registered: dict[str, Narrowing] = {}
StatusPoint = tuple[datetime, str]

AT_ONCE = 5000  # ids in one statement

# What a list may be sorted by; ties are broken by the key, so that no device is on two pages.
SORTS = {
    "name": "name",
    "deviceId": "external_id",
    "type": "type",
    "status": "status",
    "zone": "zone",
    "location": "location",
    "firmwareVersion": "firmware_version",
    "lastSeen": "presence__last_seen_at",
    "createdAt": "created_at",
}

# Where a device has what a filter asks for.
COLUMNS = {"firmware": "firmware_version"}


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
    filter: str | None = None,
    include_deactivated: bool = False,
    sort: str = "name",
    **others: object,
) -> DeviceQuerySet:
    """Devices in service by any of their properties, in the order of their names; refuses a bad filter."""
    found = Device.objects.with_presence().order_by(*_order(sort))
    if not include_deactivated:
        found = found.in_service()
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
            raise InvalidInput.at(name, gettext("devices cannot be narrowed by this here"))
        found = _registered[name](found, value)
    if filter is not None:
        # The rest is done by the database first, so that only what is left is looked at here.
        [ids] = _sift([parse_filter(filter)], found)
        found = found.filter(pk__in=ids)
    return found


def _order(sort: str) -> list[OrderBy]:
    column = F(SORTS[sort.removeprefix("-")])
    # Who was never heard comes first in the order of being heard, on every database.
    if sort.startswith("-"):
        return [column.desc(nulls_last=True) if sort == "-lastSeen" else column.desc(), F("id").desc()]
    return [column.asc(nulls_first=True) if sort == "lastSeen" else column.asc(), F("id").asc()]


def device_ids_matching(filter: str, *, among: Iterable[int] | None = None) -> list[int]:
    """The ids of the devices in service that a filter finds, ascending; refuses a bad one."""
    [ids] = sift_devices([parse_filter(filter)], among=among)
    return ids


def sift_devices(filters: Iterable[Filter], *, among: Iterable[int] | None = None) -> list[list[int]]:
    """For each filter the ids of the devices in service that it finds, ascending: one query for all of them."""
    in_service = Device.objects.in_service()
    wanted = list(filters)
    if among is None:
        return _sift(wanted, in_service)
    ids = sorted(set(among))
    found: list[list[int]] = [[] for _ in wanted]
    for start in range(0, len(ids), AT_ONCE):
        part = _sift(wanted, in_service.filter(pk__in=ids[start : start + AT_ONCE]))
        for own, more in zip(found, part, strict=True):
            own += more
    return found


def _sift(filters: list[Filter], devices: DeviceQuerySet) -> list[list[int]]:
    # Metadata of ten thousand devices is much to read where nobody asks for it.
    asked = sorted(set().union(*(each.fields for each in filters)))
    rows = devices.order_by("pk").values_list("pk", *(COLUMNS.get(name, name) for name in asked))
    found: list[list[int]] = [[] for _ in filters]
    tests = [(each.matches, ids.append) for each, ids in zip(filters, found, strict=True)]
    for pk, *values in rows:
        facts = Facts(**dict(zip(asked, values, strict=True)))
        for matches, note in tests:
            if matches(facts):
                note(pk)
    return found


# What `devices.list` and its like show of a device, under the names that a device object has them.
SHOWN = (
    "id",
    "external_id",
    "name",
    "type",
    "status",
    "location",
    "zone",
    "firmware_version",
    "metadata",
    "tags",
    "created_at",
    "updated_at",
    "deactivated_at",
)


def shown(devices: DeviceQuerySet) -> QuerySet[Device, dict[str, Any]]:
    """Devices as plain rows: a thousand of them cost half of what a thousand objects do."""
    return devices.values(*SHOWN, last_seen_at=F("presence__last_seen_at"))


def find_device(reference: int | str) -> Device | None:
    """A device by its integer id or by its string device id."""
    if isinstance(reference, int):
        return Device.objects.with_presence().filter(pk=reference).first()
    return Device.objects.with_presence().filter(external_id=reference).first()


def get_device(reference: int | str) -> Device:
    """As `find_device`; refuses when there is none."""
    device = find_device(reference)
    if device is None:
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": repr(reference)})
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
            raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": repr(reference)})
    return list(dict.fromkeys(by_reference[reference] for reference in references))


def device_stats() -> dict:
    """How many devices there are in service, by status and by type."""
    rows = Device.objects.in_service().values_list("status", "type").annotate(devices=Count("id"))
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
    """(device id, verifier) of every device that may connect to the MQTT broker.

    A password file knows one password a user: the newest token that will end, else the newest. It cannot hold
    names with a colon at all.
    """
    rows = Credential.objects.alive(at).exclude(broker_verifier="").exclude(device__external_id__contains=":")
    # While a token is being replaced the device goes on with the old one, which is the one that will end.
    rows = rows.annotate(ends=Q(expires_at__isnull=False)).order_by("ends", "pk")
    return sorted(dict(rows.values_list("device__external_id", "broker_verifier")).items())


def mark_of_alive_credentials(*, at: datetime) -> tuple[int, int]:
    """Changes whenever a token is issued, revoked, deleted or expires: numbers only grow, and none comes back."""
    found = Credential.objects.alive(at).aggregate(count=Count("pk"), numbers=Sum("pk"))
    return found["count"], found["numbers"] or 0


def alive_among(credential_ids: Iterable[int], *, at: datetime) -> set[int]:
    """Those of these credentials that still stand for their device."""
    return set(Credential.objects.alive(at).filter(pk__in=credential_ids).values_list("pk", flat=True))


def whole_floor() -> list[tuple[int, str, str, str, datetime | None]]:
    """(id, name, zone, status, silence deadline) of every device in service, by zone and name: the overview's map."""
    rows = Device.objects.in_service().order_by("zone", "name", "pk")
    return list(rows.values_list("pk", "name", "zone", "status", "presence__silent_at"))


# What goes with a device when it is deleted; rooms above say what is theirs.
Tally = Callable[[list[int]], int]
MOST_COUNTED = 100_000  # of anything; one more stands for "more than that"
_going: dict[str, Tally] = {}


def tell_what_goes(label: str, count: Tally) -> None:
    """Have `count(device_ids)` asked how much of a room's own, called `label`, goes with devices.

    It may be much: `count_some` does not count for ever.
    """
    _going[label] = count


def count_some(rows: QuerySet[Any, Any]) -> int:
    """How many rows there are; past `MOST_COUNTED` one more than that."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def what_goes(device_ids: Iterable[int]) -> dict[str, int]:
    """{what: how many of it} of all that deleting these devices would delete; what there is none of is left out.

    Nothing is counted past `MOST_COUNTED`: one more than that means more than that.
    """
    ids = sorted(set(device_ids))
    own: dict[str, QuerySet[Any]] = {
        "tokens": Credential.objects.filter(device_id__in=ids),
        "commands": Command.objects.filter(device_id__in=ids),
        "configuration versions": ConfigurationVersion.objects.filter(device_id__in=ids),
        "refused messages": RefusedMessage.objects.filter(device_id__in=ids),
        "status changes": StatusChange.objects.filter(device_id__in=ids),
    }
    counted = {label: count(ids) for label, count in _going.items()}
    counted.update({label: count_some(rows) for label, rows in own.items()})
    return {label: number for label, number in counted.items() if number}


def statuses_of(*, device_ids: Sequence[int], start: datetime, end: datetime) -> dict[int, list[StatusPoint]]:
    """{device: [(at, status), ...]}, ascending: what it was at `start`, as far as that is known, and what it became
    up to `end` (exclusive)."""
    found: dict[int, list[StatusPoint]] = {pk: [] for pk in device_ids}
    earlier = StatusChange.objects.filter(device=OuterRef("pk"), at__lte=start).order_by("-at", "-pk")
    first = Device.objects.filter(pk__in=found).annotate(
        since=Subquery(earlier.values("at")[:1]), was=Subquery(earlier.values("status")[:1])
    )
    for pk, since, was in first.values_list("pk", "since", "was"):
        if since is not None:
            found[pk].append((since, was))
    rows = StatusChange.objects.filter(device_id__in=found, at__gt=start, at__lt=end).order_by("at", "pk")
    for pk, at, status in rows.values_list("device_id", "at", "status"):
        found[pk].append((at, status))
    return found


def configuration_of(*, device_id: int) -> Configuration:
    """A device's twin; a blank one where nobody has wished or reported anything yet."""
    return Configuration.objects.filter(pk=device_id).first() or Configuration(device_id=device_id)


def configurations_of(*, device_ids: Iterable[int]) -> list[Configuration]:
    """The twins of several devices, by their ids."""
    return list(Configuration.objects.filter(pk__in=list(device_ids)).order_by("pk"))


def configuration_versions(*, device_id: int) -> QuerySet[ConfigurationVersion]:
    """What was desired of a device, and by whom; the newest first."""
    return ConfigurationVersion.objects.filter(device_id=device_id).select_related("by").order_by("-version")


def credentials_of(*, device_id: int) -> CredentialQuerySet:
    """A device's tokens, ended ones too; the newest first."""
    return Credential.objects.filter(device_id=device_id).order_by("-pk")


def claim_codes() -> QuerySet[ClaimCode]:
    """Claim codes, ended ones too; the newest first."""
    return ClaimCode.objects.order_by("-pk")


def type_defaults() -> dict[str, TypeDefaults]:
    """What new devices start with, for every type."""
    found = {each.type: each for each in TypeDefaults.objects.all()}
    return {type_.value: found.get(type_.value) or TypeDefaults(type=type_.value) for type_ in Device.Type}


def commands_matching(*, device_id: int | None = None, status: str | None = None) -> CommandQuerySet:
    """Commands of all devices or of one, newest first."""
    found = Command.objects.order_by("-pk")
    if device_id is not None:
        found = found.filter(device_id=device_id)
    if status:
        found = found.filter(status=status)
    return found


def command_types(*, device_type: str | None = None) -> list[CommandType]:
    """The declared commands by name; for a type those in force there: its own, else those for any type."""
    found = list(CommandType.objects.order_by("name", "device_type"))
    if device_type is None:
        return found
    in_force = {type_.name: type_ for type_ in found if not type_.device_type}
    in_force |= {type_.name: type_ for type_ in found if type_.device_type == device_type}
    return [in_force[name] for name in sorted(in_force)]


def status_changes_after(id: str, device_ids: Collection[int] | None) -> list[Tracked]:
    """The first of the changes after that number, of these devices or of all."""
    changes = StatusChange.objects.filter(pk__gt=whole_number(id)).order_by("pk")
    if device_ids is not None:
        changes = changes.filter(device_id__in=device_ids)
    return [
        Tracked(str(each.pk), status_news(each.device_id, each.status, at=each.at)) for each in changes[:1000]
    ]


def newest_status_change() -> int:
    """The number of the newest change, 0 when there is none."""
    return StatusChange.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def status_news(device_id: int, status: str, *, at: datetime) -> dict[str, Any]:
    """A status as those hear of it who watch."""
    timestamp = iso(at)
    return {"deviceId": device_id, "status": str(status), "timestamp": timestamp}


class ImportUnknown(NotFound):
    """There is no such import, or not any more."""


def get_import(import_id: int) -> DeviceImport:
    """One import, its text left where it is; refuses when there is none."""
    return there_is(imports().filter(pk=import_id).first(), import_id)


def there_is(found: DeviceImport | None, import_id: int) -> DeviceImport:
    if found is None:
        raise ImportUnknown(gettext("There is no import %(id)s; it may have expired.") % {"id": import_id})
    return found


def imports() -> DeviceImportQuerySet:
    """Imports of devices with who brought them, the newest first."""
    return DeviceImport.objects.select_related("created_by").defer("text").order_by("-pk")


def refusals_of(*, import_id: int) -> QuerySet[ImportRefusal, ImportRefusal]:
    """What is wrong with a file, row by row."""
    return ImportRefusal.objects.filter(of_import_id=import_id).order_by("row", "pk")
