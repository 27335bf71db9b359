"""What the tabs of a device's page show, one tab at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from analytics.marks import Mark, mark_of
from analytics.queries.alerts import open_marks
from analytics.twin_rows import TwinRow, side_by_side
from devices.models import (
    Command,
    CommandType,
    Configuration,
    ConfigurationVersion,
    Credential,
    Device,
    Presence,
)
from grouping.models import Group, Membership
from grouping.queries import groups_of_devices

VERSIONS_SHOWN = 20
SOON = timedelta(minutes=2)


def mark_of_device(device: Device) -> Mark:
    """The worst of what is said about it."""
    return mark_of(device.status, [row.mark for row in open_marks(device_ids=[device.pk])])


def commands_for(*, device_type: str) -> dict[str, CommandType]:
    """The declared commands that devices of a type understand, by name; its own entry wins over that of any type."""
    rows = CommandType.objects.filter(device_type__in=["", device_type]).order_by("device_type")
    known = {row.name: row for row in rows}  # the one for any type comes first, and is replaced
    return {name: known[name] for name in sorted(known) if known[name].enabled}


def commands_of(*, device_id: int, status: str = "") -> QuerySet[Command, Command]:
    """What it was told to do, the newest first."""
    found = Command.objects.filter(device_id=device_id).select_related("created_by").order_by("-pk")
    return found.filter(status=status) if status else found


def is_moving(commands: Sequence[Command], *, at: datetime) -> bool:
    """Whether something of these is likely to change within seconds."""
    return any(
        command.status in Command.UNFINISHED and (command.push_at or at - command.updated_at < SOON)
        for command in commands
    )


def is_reachable(*, device_id: int, at: datetime) -> bool:
    """Whether it was heard within its patience, or holds a socket."""
    there = Q(silent_at__gt=at) | Q(socket_until__gt=at)
    return Presence.objects.filter(there, pk=device_id).exists()


@dataclass(frozen=True, slots=True)
class Twin:
    """The configuration of a device as its tab shows it; everything empty where nobody has wished anything."""

    desired: dict[str, Any]
    version: int
    reported: dict[str, Any] | None
    row: Configuration | None
    rows: list[TwinRow]
    apart: int
    versions: list[ConfigurationVersion]


def twin_of(*, device_id: int) -> Twin:
    """What is desired of a device beside what it reports, with the versions before."""
    row = Configuration.objects.filter(pk=device_id).first()
    versions = (
        ConfigurationVersion.objects.filter(device_id=device_id).select_related("by").order_by("-version")
    )
    desired, reported = (row.desired, row.reported) if row else ({}, None)
    rows = side_by_side(desired, reported)
    return Twin(
        desired=desired,
        version=row.version if row else 0,
        reported=reported,
        row=row,
        rows=rows,
        apart=sum(one.differs for one in rows),
        versions=list(versions[:VERSIONS_SHOWN]),
    )


def credentials_of(*, device_id: int, at: datetime) -> list[tuple[Credential, bool]]:
    """(token, whether it is good) of a device, the newest first; never what it reads."""
    rows = Credential.objects.filter(device_id=device_id).order_by("-pk")[:50]
    return [(row, row.revoked_at is None and (row.expires_at is None or row.expires_at > at)) for row in rows]


def firmware_among(*, device_type: str) -> list[tuple[str, int]]:
    """(version, devices) of all devices of a type in service, the most common first."""
    rows = Device.objects.in_service().filter(type=device_type).order_by()
    counted = rows.values_list("firmware_version").annotate(devices=Count("pk"))
    return sorted(counted, key=lambda row: (-row[1], row[0]))


def places_of(*, device_id: int) -> list[tuple[Group, bool]]:
    """(group, whether the device is in it by itself and not by nesting), narrowest first."""
    ids = groups_of_devices(device_ids=[device_id]).get(device_id, [])
    groups = Group.objects.in_bulk(ids)
    own = set(Membership.objects.filter(device_id=device_id).values_list("group_id", flat=True))
    return [(groups[pk], pk in own) for pk in ids if pk in groups]


def all_commands() -> list[CommandType]:
    """Every declared command once, by name: as it holds for any type, else as the first type has it."""
    known: dict[str, CommandType] = {}
    for row in CommandType.objects.filter(enabled=True).order_by("name", "device_type"):
        known.setdefault(row.name, row)
    return list(known.values())
