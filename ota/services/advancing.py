"""How rollouts go on: every few seconds, and soon after devices have ended their update.

One step is one transaction under the lock of the rollout's row, so that of two workers one waits and then finds what
the other has done. A step begins some hundred updates at most; one killed in the midst has begun none.
"""

import logging
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from devices.models import Device
from factory.errors import DomainError
from factory.retrying import again_after_deadlock
from ota.models import Deployment, Firmware, Rollout, RolloutDevice
from ota.queries.rollouts import (
    active_deployments,
    counts_by_wave,
    strayed,
    turns_of,
    unhealthy_devices,
    why_nobody,
)
from ota.services.deployments import deploy_many
from ota.services.rollout_news import tell_on_commit
from ota.services.rollout_outcomes import ENDS, end_places, held
from ota.services.rollout_steps import finish_cancelling, pause
from ota.services.rollouts import take_in
from ota.states import same_version
from ota.waves import (
    Complete,
    Decision,
    Demands,
    Deploy,
    NextWave,
    Pause,
    Watch,
    WaveCounts,
    decide,
    is_open,
    wave_sizes,
)

logger = logging.getLogger(__name__)

Status = Rollout.Status
Place = RolloutDevice.Status
AT_ONCE = 500
DELETED = "The device was deleted."
FORGOTTEN = "Its update is not known any more."
FIELD = "firmwareVersionId: "  # before the words of a refusal that a form shows at its field


class _ForNobody(Exception):
    """No device can take the version just now: it was withdrawn, or its signature has expired."""


def advance_rollouts(*, at: datetime) -> None:
    """Have every rollout that is not over go on as far as it can. One that breaks does not hold up the others."""
    cancelled = Rollout.objects.filter(status=Status.CANCELLED, completed_at=None)
    running = Rollout.objects.filter(status=Status.RUNNING)
    work = [partial(_finish_cancelling, rollout_id=pk, at=at) for pk in _keys(cancelled)]
    work += [partial(advance_rollout, rollout_id=pk, at=at) for pk in _keys(running)]
    for each in work:
        try:
            each()
        except Exception:
            logger.exception("rollout.not_advanced", extra=each.keywords)


def _keys(rollouts: QuerySet[Rollout, Rollout]) -> list[int]:
    return list(rollouts.order_by("pk").values_list("pk", flat=True))


def _finish_cancelling(*, rollout_id: int, at: datetime) -> None:
    again_after_deadlock(partial(_find_lost, rollout_id, at))
    finish_cancelling(rollout_id=rollout_id, at=at)


def advance_rollout(*, rollout_id: int, at: datetime) -> None:
    """Take steps until nothing more can be done for now."""
    again_after_deadlock(partial(_find_lost, rollout_id, at))
    try:
        while again_after_deadlock(partial(_step, rollout_id, at)):
            pass
    except _ForNobody as why:
        pause(rollout_id, str(why), at=at)


@transaction.atomic
def _step(rollout_id: int, at: datetime) -> bool:
    """One step; whether another one may follow at once."""
    rollout = Rollout.objects.select_for_update().filter(pk=rollout_id, status=Status.RUNNING).first()
    if rollout is None:
        return False
    firmware = Firmware.objects.get(pk=rollout.firmware_id)
    _refuse_for_nobody(firmware, at=at)
    decision = _decision(rollout, at=at)
    # Where it ends or stops is told whatever was told just before.
    tell_on_commit(rollout_id, at=at, at_once=isinstance(decision, Pause | Complete))
    return _follow(rollout, firmware, decision, at=at)


def _decision(rollout: Rollout, *, at: datetime) -> Decision:
    found = counts_by_wave([rollout.pk])[rollout.pk]
    last = len(wave_sizes(0, percents=rollout.waves, counts=rollout.wave_counts))
    return decide(
        [found.get(wave, WaveCounts()) for wave in range(1, rollout.current_wave + 1)],
        demands=Demands(
            success_threshold=rollout.success_threshold,
            failure_threshold=rollout.failure_threshold,
            health_seconds=rollout.health_seconds,
            stays_open=rollout.is_continuous,
        ),
        is_last=rollout.current_wave >= last,
        done_at=rollout.wave_done_at,
        unhealthy=unhealthy_devices(rollout) if rollout.health_seconds else 0,
        at=at,
    )


def _follow(rollout: Rollout, firmware: Firmware, decision: Decision, *, at: datetime) -> bool:
    if isinstance(decision, Pause):
        _keep(rollout, status=Status.PAUSED, paused_because=decision.reason[:300])
        logger.warning("rollout.paused", extra={"rollout_id": rollout.pk, "reason": decision.reason})
        return False
    if isinstance(decision, Complete):
        _keep(rollout, status=Status.COMPLETED, completed_at=at)
        logger.info("rollout.completed", extra={"rollout_id": rollout.pk})
        return False
    if isinstance(decision, NextWave):
        _keep(rollout, current_wave=rollout.current_wave + 1, wave_done_at=None)
        logger.info("rollout.next_wave", extra={"rollout_id": rollout.pk, "wave": rollout.current_wave + 1})
        return True
    if isinstance(decision, Watch):
        if rollout.wave_done_at is None:
            _keep(rollout, wave_done_at=at)
        return False
    if rollout.wave_done_at is not None:  # somebody is done again, or has joined
        _keep(rollout, wave_done_at=None)
    return isinstance(decision, Deploy) and _begin_updates(rollout, firmware, at=at)


def _keep(rollout: Rollout, **values: object) -> None:
    Rollout.objects.filter(pk=rollout.pk).update(**values)


def _begin_updates(rollout: Rollout, firmware: Firmware, *, at: datetime) -> bool:
    """Begin as many as there is room for, and time; whether anybody had a turn."""
    if not is_open(rollout.window, time_zone=settings.TIME_ZONE, at=at):
        return False
    room = AT_ONCE
    if rollout.max_parallel is not None:
        room = min(room, rollout.max_parallel - active_deployments(rollout))
    if room <= 0:
        return False
    rows = list(turns_of(rollout).values_list("pk", "device_id")[:room])
    place_of = {device_id: pk for pk, device_id in rows if device_id is not None}
    made = deploy_many(
        device_ids=sorted(place_of), firmware=firmware, rollout=rollout, at=at, by=rollout.created_by
    )
    refused = {device_id: why for device_id, why in made.items() if isinstance(why, str)}
    if refused:
        _refuse_for_nobody(Firmware.objects.get(pk=firmware.pk), at=at)
    # Devices are held by now, and places come after them: as it is for whoever deletes a device.
    _note_begun([place_of[device_id] for device_id in made if device_id not in refused], at=at)
    _leave_out({place_of[device_id]: why for device_id, why in refused.items()}, firmware, at=at)
    return bool(rows)


def _leave_out(reasons: dict[int, str], firmware: Firmware, *, at: datetime) -> None:
    """These devices cannot have it by now, except where another update has just begun: they wait for its end.

    One that failed before and by now runs the version has got what was wanted, late or by other ways.
    """
    places = held(reasons)
    ids = [place.device_id for place in places if place.device_id is not None]
    busy = set(Deployment.objects.filter(active_key__in=ids).values_list("active_key", flat=True))
    runs = dict(Device.objects.filter(pk__in=ids).values_list("pk", "firmware_version"))
    for place in places:
        if place.device_id is not None and place.device_id in busy:
            continue
        if place.attempt > 1 and same_version(runs.get(place.device_id or 0, ""), firmware.version):
            end_places([place], Place.SUCCEEDED, at=at)
        else:
            end_places([place], Place.SKIPPED, reasons[place.pk].removeprefix(FIELD), at=at)


def _note_begun(ids: list[int], *, at: datetime) -> None:
    own = Deployment.objects.filter(active_key=OuterRef("device_id"), rollout_id=OuterRef("rollout_id"))
    RolloutDevice.objects.filter(pk__in=sorted(ids), status=Place.PLANNED).update(
        status=Place.DEPLOYING, reason="", deployment_id=Subquery(own.values("pk")[:1]), updated_at=at
    )


def _refuse_for_nobody(firmware: Firmware, *, at: datetime) -> None:
    if why := why_nobody(firmware, at=at):
        raise _ForNobody(why)


@transaction.atomic
def _find_lost(rollout_id: int, at: datetime) -> None:
    """What nobody told of: devices that were deleted, updates that somebody ended or began again by other ways."""
    ids = list(strayed(rollout_id).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    places = held(ids)
    deployments = Deployment.objects.in_bulk(
        {place.deployment_id for place in places if place.deployment_id is not None}
    )
    for place in places:
        deployment = deployments.get(place.deployment_id or 0)
        if deployment is None and place.status in (Place.PLANNED, Place.DEPLOYING):
            if place.device_id is None:
                end_places([place], Place.SKIPPED, DELETED, at=at)
            elif place.status == Place.DEPLOYING:
                end_places([place], Place.SKIPPED, FORGOTTEN, at=at)
        elif deployment is not None and deployment.active_key is not None:
            _note_again(place, at=at)
        elif deployment is not None and place.status == Place.DEPLOYING:
            status = ENDS[Deployment.Status(deployment.status)]
            reason = "" if status == Place.SUCCEEDED else deployment.error_message
            end_places([place], status, reason, at=at)


def _note_again(place: RolloutDevice, *, at: datetime) -> None:
    if place.status in (Place.FAILED, Place.CANCELLED):
        RolloutDevice.objects.filter(pk=place.pk).update(
            status=Place.DEPLOYING, reason="", is_forgiven=False, attempt=place.attempt + 1, updated_at=at
        )


# Those who come to match later


def take_in_newcomers(*, at: datetime) -> None:
    """Devices that the group or the filter of a continuous rollout finds by now join its last wave."""
    for rollout_id in _keys(Rollout.objects.filter(status=Status.RUNNING, is_continuous=True)):
        try:
            take_in(rollout_id=rollout_id, at=at)
        except DomainError as refusal:  # its group is gone, or its filter is not understood any more
            logger.warning(
                "rollout.no_newcomers", extra={"rollout_id": rollout_id, "reason": refusal.message}
            )
