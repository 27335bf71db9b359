"""Being heard and falling silent. Presences are locked before devices, and both by key alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import Case, DateTimeField, F, Q, Value, When

from devices.models import Device, Presence
from devices.patience import patience_by_type
from devices.services.changes import tell_of_changes
from devices.services.returning import welcome_back
from devices.services.status_history import note_status
from factory.retrying import again_after_deadlock

AT_ONCE = 5000  # devices in one transaction: short enough that a running plant can write in between


def note_seen(*, device_ids: Iterable[int], at: datetime) -> None:
    """These devices were heard just now: move their silence deadline, and bring the silent ones back.

    Called inside the ingest transaction, for devices whose deadline is due to move. Whoever was waited for in vain,
    or not at all, is back, also where a person has said what the device is and its status stays.
    """
    ids = sorted(set(device_ids))
    if not ids:
        return
    deadline = _deadline(ids, at=at)
    waited_for = Presence.objects.filter(pk__in=ids, silent_at__gt=at)
    moved = waited_for.filter(_heard_before(at)).update(last_seen_at=at, silent_at=deadline)
    offline = Device.objects.in_service().filter(pk__in=ids, status=Device.Status.OFFLINE)
    if moved < len(ids) or offline.exists():
        _bring_back(ids, at=at, deadline=deadline)


def _heard_before(at: datetime) -> Q:
    return Q(last_seen_at=None) | Q(last_seen_at__lt=at)


@transaction.atomic
def _bring_back(heard: list[int], *, at: datetime, deadline: datetime | Case) -> None:
    # Whoever takes devices out of service holds their presences too: what is in service now stays so.
    held = Presence.objects.select_for_update().filter(pk__in=heard).order_by("pk")
    silent = [
        device_id
        for device_id, silent_at, seen_at in held.values_list("pk", "silent_at", "last_seen_at")
        if (silent_at is None or silent_at <= at) and (seen_at is None or seen_at < at)
    ]
    in_service = dict(Device.objects.in_service().filter(pk__in=heard).values_list("pk", "status"))
    returned = [device_id for device_id in silent if device_id in in_service]
    if returned:
        Presence.objects.filter(pk__in=returned).update(last_seen_at=at, silent_at=deadline)
    offline = [device_id for device_id, status in in_service.items() if status == Device.Status.OFFLINE]
    back = sorted({*returned, *offline})
    if not back:
        return
    expect_word_from(back, at=at)  # also where a clock was put back, and nothing moved the deadline
    move_status(back, Device.Status.OFFLINE, Device.Status.ONLINE, at=at)
    welcome_back(back, at=at)


def notice_silent_devices(*, at: datetime) -> list[int]:
    """Mark the devices whose silence deadline has passed as offline; returns their ids."""
    went = []
    while True:
        overdue = Presence.objects.filter(silent_at__lte=at).order_by("silent_at")
        due = list(overdue.values_list("device_id", flat=True)[:AT_ONCE])
        silent, offline = again_after_deadlock(partial(_take_for_silent, due, at=at)) if due else ([], [])
        went += offline
        if len(silent) < AT_ONCE:
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
    return silent, go_offline(silent, at=at, said_goodbye=False)


def go_offline(device_ids: list[int], *, at: datetime, said_goodbye: bool) -> list[int]:
    """Those of these that were online are gone, and missed from now on; returns their ids. Presences are locked."""
    since = None
    if not said_goodbye:  # nobody knows what it did since then
        since = {
            pk: seen_at
            for pk, seen_at in Presence.objects.filter(pk__in=device_ids).values_list("pk", "last_seen_at")
            if seen_at is not None
        }
    went = move_status(device_ids, Device.Status.ONLINE, Device.Status.OFFLINE, at=at, since=since)
    if went:
        # Whoever was never heard, but only called online by hand, cannot have gone.
        heard = Presence.objects.filter(pk__in=went).exclude(last_seen_at=None)
        heard.update(went_silent_at=at, said_goodbye=said_goodbye)
    return went


def move_status(
    device_ids: list[int],
    old: Device.Status,
    new: Device.Status,
    *,
    at: datetime,
    since: Mapping[int, datetime] | None = None,
) -> list[int]:
    """Change the status of those that have the old one; returns their ids. Presences are locked before devices.

    `since`: from when on it was so already, as far as that is known.
    """
    # By key alone: by the index of statuses InnoDB would lock in another order than editing does.
    rows = Device.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    moved = [device_id for device_id, status in rows.values_list("pk", "status") if status == old]
    if moved:
        Device.objects.filter(pk__in=moved).update(status=new, updated_at=at)
        began = {pk: since[pk] for pk in moved if pk in since} if since else None
        note_status(device_ids=moved, status=new, at=at, since=began)
        tell_of_changes(moved)
    return moved


def expect_word_from(device_ids: list[int], *, at: datetime) -> None:
    """Nobody is online for ever: a device that becomes so is waited for, if it is not already, and not missed."""
    rows = Presence.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    found = list(rows.values_list("pk", "silent_at", "went_silent_at"))
    unexpected = [device_id for device_id, silent_at, _ in found if silent_at is None]
    if unexpected:
        Presence.objects.filter(pk__in=unexpected).update(silent_at=_deadline(unexpected, at=at))
    missed = [device_id for device_id, _, went_silent_at in found if went_silent_at is not None]
    if missed:
        Presence.objects.filter(pk__in=missed).update(went_silent_at=None)


def stop_missing(device_id: int) -> None:
    """A person has said what becomes of the device: nobody wonders where it is."""
    Presence.objects.filter(pk=device_id).update(went_silent_at=None)


def first_deadline(*, type: str, at: datetime) -> datetime:
    """When a device of this type that is called online is to be heard at the latest."""
    return at + timedelta(seconds=patience_by_type()[type].silent_seconds)


def _deadline(device_ids: list[int], *, at: datetime) -> datetime | Case:
    """When these are to be heard again: a moment, or for each of them the moment that its type has."""
    seconds_of = {type_: patience.silent_seconds for type_, patience in patience_by_type().items()}
    by_seconds: dict[int, list[int]] = defaultdict(list)
    if len(set(seconds_of.values())) > 1:
        for device_id, type_ in Device.objects.filter(pk__in=device_ids).values_list("pk", "type"):
            by_seconds[seconds_of[type_]].append(device_id)
    else:
        by_seconds[min(seconds_of.values())] = device_ids
    fewest_first = sorted(by_seconds.items(), key=lambda item: len(item[1]))
    moments = [(ids, at + timedelta(seconds=seconds)) for seconds, ids in fewest_first]
    *others, (_, usual) = moments or [([], at)]
    if not others:
        return usual
    return Case(
        *(When(pk__in=ids, then=Value(moment)) for ids, moment in others),
        default=Value(usual),
        output_field=DateTimeField(),
    )


def wait_from_last_heard(*, type: str, seconds: int) -> None:
    """Move the deadlines of the devices of a type that are waited for; one already past comes due at the next turn."""
    newest = 0
    of_type = Device.objects.filter(type=type).order_by("pk")
    while ids := list(of_type.filter(pk__gt=newest).values_list("pk", flat=True)[:AT_ONCE]):
        again_after_deadlock(partial(move_deadlines, ids, seconds=seconds))
        newest = ids[-1]


@transaction.atomic
def move_deadlines(device_ids: list[int], *, seconds: int) -> None:
    """Those of these that are waited for are waited for `seconds` from when they were last heard."""
    rows = Presence.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    waited_for = [
        device_id
        for device_id, silent_at, heard in rows.values_list("pk", "silent_at", "last_seen_at")
        if silent_at is not None and heard is not None
    ]
    if waited_for:
        deadline = F("last_seen_at") + timedelta(seconds=seconds)
        Presence.objects.filter(pk__in=waited_for).update(silent_at=deadline)
