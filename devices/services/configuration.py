"""The twin of a device: what people wish, version by version, and what it reports.

A device's row is locked before its configuration, so that who deletes or deactivates it is waited for.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext

from devices.models import Configuration, ConfigurationVersion, Device, Presence
from devices.queries import DeviceUnknown
from devices.services.knocking import knock_on_commit
from devices.services.silence import note_seen
from devices.signals import configurations_settled
from devices.twin import is_in_sync, merged, same
from factory.accounts.models import User
from factory.errors import Conflict, InvalidInput
from factory.statements import in_parts
from factory.trpc.fields import DEEPEST, NO_JSON, as_json, is_too_deep

LARGEST = 64 * 1024  # bytes of JSON, of either side
KEPT = 200  # versions of a device
PATIENCE = 10  # times the tolerance, for a device that keeps coming back


class ConfigurationMoved(Conflict):
    """Somebody has wished something else meanwhile."""


class ReportOutOfOrder(Conflict):
    """A report of a version that was reported past already, or that nobody ever wished."""


def why_no_configuration(document: Any) -> str:
    """Why this cannot be a configuration; empty where it can."""
    if not isinstance(document, dict):
        return gettext("must be an object")
    if is_too_deep(document):
        return gettext("may nest %(most)s levels deep") % {"most": DEEPEST}
    text = as_json(document)
    if text is None:
        return gettext(NO_JSON)
    return gettext("may take %(most)s KB as JSON") % {"most": LARGEST // 1024} if len(text) > LARGEST else ""


def _refuse_misshapen(field: str, document: Any) -> None:
    if reason := why_no_configuration(document):
        raise InvalidInput.at(field, reason)


def begin_configurations(
    *, devices: Sequence[Device], at: datetime, desired: Mapping[str, dict[str, Any]] | None = None
) -> None:
    """The twins of devices that are just being registered; `desired` is what their types begin with, by type.

    Each is sent out once: where there is nothing to wish, that clears what the broker kept for an earlier
    device of that name.
    """
    wishes = {device.pk: (desired or {}).get(device.type) or {} for device in devices}
    online = {device.pk for device in devices if device.status == Device.Status.ONLINE}
    twins = (
        Configuration(
            device_id=pk,
            desired=wish,
            version=1 if wish else 0,
            desired_at=at if wish else None,
            in_sync=(in_sync := is_in_sync(wish, None)),
            drift_at=None if in_sync or pk not in online else drift_deadline(at),
            push_at=at,
        )
        for pk, wish in wishes.items()
    )
    for part in in_parts((twin, _size(twin.desired)) for twin in twins):
        Configuration.objects.bulk_create(part)
    _note_versions([(pk, 1, wish) for pk, wish in wishes.items() if wish], at=at, by=None)


def _size(document: dict[str, Any]) -> int:
    """About the bytes that a document takes in a statement, where quotes are written as two."""
    return 2 * len(json.dumps(document))


def _note_versions(
    versions: Sequence[tuple[int, int, dict[str, Any]]], *, at: datetime, by: User | None
) -> None:
    """Keep (device, version, what is desired), and of each device the last two hundred."""
    rows = (
        ConfigurationVersion(device_id=device_id, version=version, desired=desired, by=by, at=at)
        for device_id, version, desired in versions
    )
    for part in in_parts((row, _size(row.desired)) for row in rows):
        ConfigurationVersion.objects.bulk_create(part)
    oldest: dict[int, list[int]] = defaultdict(list)
    for device_id, version, _ in versions:
        if version > KEPT:
            oldest[version - KEPT].append(device_id)
    for version, device_ids in oldest.items():
        ConfigurationVersion.objects.filter(device_id__in=device_ids, version=version).delete()


def drift_deadline(at: datetime) -> datetime:
    """Until when a device that can be reached may take its time to follow."""
    return at + timedelta(seconds=settings.CONFIG_DRIFT_SECONDS)


def hold_configurations(device_ids: Iterable[int]) -> dict[int, Configuration]:
    """The twins of those of these that exist, held with their devices; made for those that have none yet."""
    ids = sorted(set(device_ids))
    devices = {d.pk: d for d in Device.objects.select_for_update().filter(pk__in=ids).order_by("pk")}
    twins = Configuration.objects.select_for_update().filter(pk__in=devices).order_by("pk")
    found = {twin.pk: twin for twin in twins}
    new = [Configuration(device_id=pk) for pk in devices if pk not in found]
    if new:
        Configuration.objects.bulk_create(new)
        found |= {twin.pk: twin for twin in new}
    for pk, twin in found.items():
        twin.device = devices[pk]
    return {pk: found[pk] for pk in devices}


def _hold_one(device_id: int) -> Configuration:
    twin = hold_configurations([device_id]).get(device_id)
    if twin is None:
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": device_id})
    if twin.device.deactivated_at is not None:
        raise InvalidInput.at("id", gettext("device %(id)s is out of service") % {"id": device_id})
    return twin


def reachable_among(device_ids: Iterable[int], *, at: datetime) -> set[int]:
    """Those of these that were heard within their patience, or hold a socket: they can follow."""
    lately = Q(silent_at__gt=at) | Q(socket_until__gt=at)
    return set(Presence.objects.filter(lately, pk__in=list(device_ids)).values_list("pk", flat=True))


# What people wish


@transaction.atomic
def set_desired(
    *,
    device: Device,
    desired: dict[str, Any],
    at: datetime,
    by: User | None = None,
    expected_version: int | None = None,
    merge: bool = False,
) -> Configuration:
    """Wish a configuration for a device, or with `merge` a change of it; refused when `expected_version` is stale."""
    _refuse_misshapen("desired", desired)
    twin = _hold_one(device.pk)
    if expected_version is not None and expected_version != twin.version:
        told = gettext("The configuration is at version %(newest)s by now, not at %(expected_version)s.") % {
            "newest": twin.version,
            "expected_version": expected_version,
        }
        raise ConfigurationMoved(
            told, fields={"version": [gettext("is %(version)s by now") % {"version": twin.version}]}
        )
    wish = merged(twin.desired, desired) if merge else desired
    _refuse_misshapen("desired", wish)
    _wish({twin.pk: wish}, {twin.pk: twin}, at=at, by=by)
    return Configuration.objects.get(pk=twin.pk)


@transaction.atomic
def set_desired_many(
    *, device_ids: Iterable[int], desired: dict[str, Any], merge: bool, at: datetime, by: User | None = None
) -> dict[int, int]:
    """Wish the same of many devices in one transaction: {device: version}.

    Left out are devices that are gone or out of service, and those whose configuration would become too large.
    """
    _refuse_misshapen("desired", desired)
    twins = hold_configurations(device_ids)
    wishes = {}
    for pk, twin in twins.items():
        wish = merged(twin.desired, desired) if merge else desired
        if twin.device.deactivated_at is None and not (merge and why_no_configuration(wish)):
            wishes[pk] = wish
    return _wish(wishes, twins, at=at, by=by)


def _wish(
    wishes: dict[int, dict[str, Any]], twins: dict[int, Configuration], *, at: datetime, by: User | None
) -> dict[int, int]:
    """{device: version} afterwards. The same wish again is no new version; it only goes out once more."""
    changed = {pk: wish for pk, wish in wishes.items() if not same(twins[pk].desired, wish)}
    follows = {pk: is_in_sync(wish, twins[pk].reported) for pk, wish in wishes.items()}
    if changed:
        _write(changed, follows, at=at)
        _note_versions([(pk, twins[pk].version + 1, wish) for pk, wish in changed.items()], at=at, by=by)
    waiting = [pk for pk in wishes if pk not in changed and not follows[pk]]
    if waiting:
        Configuration.objects.filter(pk__in=waiting).update(push_at=at)
    if changed or waiting:
        knock_on_commit([*changed, *waiting], at=at)
    settled = [pk for pk in wishes if follows[pk]]
    if settled:
        configurations_settled.send(sender=Configuration, device_ids=settled, at=at)
    return {pk: twins[pk].version + (pk in changed) for pk in wishes}


def _write(changed: dict[int, dict[str, Any]], follows: dict[int, bool], *, at: datetime) -> None:
    """A statement for each document that comes of it, and a few for the rest."""
    alike: dict[str, list[int]] = defaultdict(list)
    for pk, wish in changed.items():
        alike[json.dumps(wish, sort_keys=True)].append(pk)
    values: dict[str, Any] = {"version": F("version") + 1, "desired_at": at, "push_at": at}
    for ids in alike.values():
        Configuration.objects.filter(pk__in=ids).update(desired=changed[ids[0]])
    apart = [pk for pk in changed if not follows[pk]]
    reachable = reachable_among(apart, at=at) if apart else set()
    for ids, outcome in (
        ([pk for pk in changed if follows[pk]], {"in_sync": True, "drift_at": None, "drifted_at": None}),
        ([pk for pk in apart if pk in reachable], {"in_sync": False, "drift_at": drift_deadline(at)}),
        # Of this wish nobody has been told: their time begins when they are back.
        (
            [pk for pk in apart if pk not in reachable],
            {"in_sync": False, "drift_at": None, "drifted_at": None},
        ),
    ):
        if ids:
            Configuration.objects.filter(pk__in=ids).update(**values, **outcome)


# What a device reports


@transaction.atomic
def report_configuration(
    *, device_id: int, reported: dict[str, Any], version: int, at: datetime
) -> Configuration:
    """A device says how it is set up, having applied this version of what is desired (0: none)."""
    _refuse_misshapen("reported", reported)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise InvalidInput.at("version", gettext("must be an integer from 0 up"))
    note_seen(device_ids=[device_id], at=at)  # presences are locked before devices
    twin = _hold_one(device_id)
    if version > twin.version:
        told = gettext("Version %(version)s was never desired; the newest is %(newest)s.") % {
            "version": version,
            "newest": twin.version,
        }
        raise ReportOutOfOrder(
            told, fields={"version": [gettext("the newest is %(version)s") % {"version": twin.version}]}
        )
    if twin.reported_version is not None and version < twin.reported_version:
        told = gettext(
            "This report of version %(version)s is stale: version %(reported_version)s was reported already."
        ) % {"version": version, "reported_version": twin.reported_version}
        raise ReportOutOfOrder(
            told,
            fields={
                "version": [
                    gettext("%(reported_version)s was reported already")
                    % {"reported_version": twin.reported_version}
                ]
            },
        )
    was_in_sync = twin.in_sync
    twin.reported, twin.reported_version, twin.reported_at = reported, version, at
    twin.in_sync = is_in_sync(twin.desired, reported)
    if twin.in_sync:
        twin.drift_at = twin.drifted_at = None
    else:
        if was_in_sync:  # changed on the spot: it is told once more what is wished
            twin.push_at = at
            knock_on_commit([device_id], at=at)
        if twin.drift_at is None and twin.drifted_at is None:
            twin.drift_at = drift_deadline(at)
    twin.save(
        update_fields=[
            "reported",
            "reported_version",
            "reported_at",
            "in_sync",
            "drift_at",
            "drifted_at",
            "push_at",
        ]
    )
    if twin.in_sync and not was_in_sync:
        configurations_settled.send(sender=Configuration, device_ids=[device_id], at=at)
    return twin


@transaction.atomic
def follow_return(*, device_ids: Iterable[int], at: datetime) -> None:
    """These are back: what they have not followed goes out again, and their time to follow begins now.

    One that keeps starting anew, maybe because of what is wished, has ten times as long from the wish on.
    """
    apart = Configuration.objects.filter(pk__in=list(device_ids), in_sync=False)
    ids = sorted(apart.values_list("pk", flat=True))
    if not ids:
        return
    rows = Configuration.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    waiting = [
        twin for twin in rows.only("in_sync", "desired_at", "drift_at", "drifted_at") if not twin.in_sync
    ]
    Configuration.objects.filter(pk__in=[twin.pk for twin in waiting]).update(push_at=at)
    deadlines: dict[datetime, list[int]] = defaultdict(list)
    for twin in waiting:
        if twin.drifted_at is None or twin.drift_at is not None:
            deadlines[_deadline_on_return(twin, at=at)].append(twin.pk)
    for deadline, ids in deadlines.items():
        Configuration.objects.filter(pk__in=ids).update(drift_at=deadline)


def _deadline_on_return(twin: Configuration, *, at: datetime) -> datetime:
    usual = drift_deadline(at)
    if twin.drift_at is None or twin.desired_at is None:
        return usual
    latest = twin.desired_at + PATIENCE * timedelta(seconds=settings.CONFIG_DRIFT_SECONDS)
    return max(twin.drift_at, min(usual, latest))
