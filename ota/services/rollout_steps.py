"""Rollouts that somebody pauses, resumes, cancels, or has do the failed devices again."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext

from factory.retrying import again_after_deadlock
from ota.models import Firmware, Rollout, RolloutDevice
from ota.queries.rollouts import LEFT_OUT
from ota.services.deployments import cancel_many
from ota.services.rollout_guards import (
    RolloutMovedOn,
    hold_rollout,
    refuse,
    refuse_moved_on,
    refuse_withdrawn,
)
from ota.services.rollout_news import look_after
from ota.services.rollout_outcomes import end_places, held
from ota.waves import wave_sizes

Status = Rollout.Status
Place = RolloutDevice.Status
ROWS_AT_ONCE = 1000
AT_ONCE = 500
REASON_LENGTH = 300
BECAUSE = "The rollout was cancelled."


def pause_rollout(*, rollout: Rollout, reason: str, at: datetime) -> Rollout:
    """Begin no more updates. Those under way go on."""
    if not pause(rollout.pk, reason, at=at):
        refuse_moved_on(rollout, gettext("only one that is running can be paused"))
    rollout.refresh_from_db()
    return rollout


@transaction.atomic
def pause(rollout_id: int, reason: str, *, at: datetime) -> bool:
    """Pause one that is running; whether it was."""
    running = Rollout.objects.filter(pk=rollout_id, status=Status.RUNNING)
    won = running.update(status=Status.PAUSED, paused_because=reason[:REASON_LENGTH])
    look_after([rollout_id], at=at)
    return bool(won)


def pause_rollouts_of(*, firmware: Firmware, because: str, at: datetime) -> None:
    """Nobody is to get this version any more."""
    running = Rollout.objects.filter(firmware=firmware, status=Status.RUNNING)
    for rollout_id in list(running.order_by("pk").values_list("pk", flat=True)):
        again_after_deadlock(partial(pause, rollout_id, because, at=at))


def resume_rollout(*, rollout: Rollout, at: datetime) -> Rollout:
    """Go on where it stood. What has failed until now was seen: thresholds count from here on."""
    again_after_deadlock(partial(_resume, rollout.pk, at))
    rollout.refresh_from_db()
    return rollout


@transaction.atomic
def _resume(rollout_id: int, at: datetime) -> None:
    rollout = hold_rollout(rollout_id)
    if rollout.status != Status.PAUSED:
        refuse(rollout, gettext("only one that is paused can be resumed"))
    refuse_withdrawn(rollout.firmware)
    seen = rollout.places.filter(status__in=(Place.FAILED, Place.CANCELLED), is_forgiven=False)
    for part in _in_parts(seen):
        RolloutDevice.objects.filter(pk__in=part, status__in=(Place.FAILED, Place.CANCELLED)).update(
            is_forgiven=True
        )
    Rollout.objects.filter(pk=rollout_id).update(
        status=Status.RUNNING, paused_because="", resumed_at=at, wave_done_at=None
    )
    look_after([rollout_id], at=at)


def cancel_rollout(*, rollout: Rollout, at: datetime) -> Rollout:
    """Update no more devices, and take back what is not being installed yet."""
    unfinished = Rollout.objects.filter(pk=rollout.pk, status__in=Rollout.UNFINISHED)
    if not unfinished.update(status=Status.CANCELLED, paused_because=""):
        refuse_moved_on(rollout, gettext("only one that is not over can be cancelled"))
    finish_cancelling(rollout_id=rollout.pk, at=at)
    rollout.refresh_from_db()
    return rollout


def finish_cancelling(*, rollout_id: int, at: datetime) -> None:
    """What of a cancelled rollout can still be taken back is; once all devices have an outcome it is over."""
    places = RolloutDevice.objects.filter(rollout_id=rollout_id)
    for part in _in_parts(places.filter(status=Place.PLANNED)):
        again_after_deadlock(partial(_give_up, part, at))
    active = list(
        places.filter(status=Place.DEPLOYING, deployment__active_key__isnull=False)
        .order_by("deployment_id")
        .values_list("deployment_id", flat=True)
    )
    for start in range(0, len(active), AT_ONCE):
        ids = [pk for pk in active[start : start + AT_ONCE] if pk is not None]
        again_after_deadlock(partial(cancel_many, deployment_ids=ids, at=at, because=BECAUSE))
    if not places.filter(status__in=(Place.PLANNED, Place.DEPLOYING)).exists():
        Rollout.objects.filter(pk=rollout_id, status=Status.CANCELLED, completed_at=None).update(
            completed_at=at
        )
    look_after([rollout_id], at=at)


@transaction.atomic
def _give_up(ids: list[int], at: datetime) -> None:
    planned = [place for place in held(ids) if place.status == Place.PLANNED]
    end_places(planned, Place.CANCELLED, at=at)


# The failed ones again


def retry_rollout(*, rollout: Rollout, at: datetime, device_ids: Collection[int] | None = None) -> Rollout:
    """Do it again for those that failed (of these, if any are named), as their next attempt."""
    again_after_deadlock(partial(_retry, rollout.pk, device_ids, at))
    rollout.refresh_from_db()
    return rollout


@transaction.atomic
def _retry(rollout_id: int, device_ids: Collection[int] | None, at: datetime) -> None:
    rollout = hold_rollout(rollout_id)
    by_batch = device_ids is not None  # which brings back what it counts as failed, whatever it is here
    if rollout.status == Status.DRAFT or (rollout.status == Status.CANCELLED and not by_batch):
        refuse(rollout, gettext("its failed devices cannot be done again"))
    refuse_withdrawn(rollout.firmware)
    statuses = (Place.FAILED, Place.SKIPPED, Place.CANCELLED) if by_batch else (Place.FAILED,)
    found = rollout.places.filter(status__in=statuses, device__deactivated_at=None, device__isnull=False)
    # Those that somebody tries again by hand already are followed as they are.
    found = found.filter(deployment__active_key=None)
    if by_batch:
        found = found.filter(device_id__in=list(device_ids or ()))
    ids = list(found.order_by("pk").values_list("pk", flat=True))
    again = [place.pk for place in held(ids) if place.status in statuses]
    if not again:
        raise RolloutMovedOn(
            gettext("There is no device to do it again for: none that is in service has failed.")
        )
    for start in range(0, len(again), ROWS_AT_ONCE):
        RolloutDevice.objects.filter(pk__in=again[start : start + ROWS_AT_ONCE]).update(
            status=Place.PLANNED,
            reason="",
            deployment=None,
            attempt=F("attempt") + 1,
            is_forgiven=False,
            updated_at=at,
        )
    # Those that were left out have a turn now, in the wave that is last.
    last = len(wave_sizes(0, percents=rollout.waves, counts=rollout.wave_counts))
    rollout.places.filter(pk__in=again, wave=LEFT_OUT).update(wave=last)
    values: dict[str, Any] = {"wave_done_at": None}
    if rollout.status in (Status.COMPLETED, Status.CANCELLED):
        values |= {"status": Status.RUNNING, "completed_at": None, "current_wave": last}
    Rollout.objects.filter(pk=rollout_id).update(**values)
    look_after([rollout_id], at=at)


def _in_parts(places: "QuerySet[RolloutDevice, RolloutDevice]") -> Iterable[list[int]]:
    """Their keys, ascending, some hundred at a time: rows are changed by key alone."""
    ids = list(places.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
