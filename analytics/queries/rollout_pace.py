"""How long the wave of a rollout still takes, where its devices keep a pace; what it waits for, where they do not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, F, Min, Q
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from analytics import writing
from analytics.queries.rollout_pages import Told
from analytics.remaining import seconds_left
from ota.models import Rollout, RolloutDevice
from ota.waves import is_open

Status, Place = Rollout.Status, RolloutDevice.Status
UNFINISHED = (Place.PLANNED, Place.DEPLOYING)
STEP = timedelta(minutes=15)  # a window that was shut for less has not been shut


@dataclass(frozen=True, slots=True)
class Pace:
    """`left`: seconds until the devices of the current wave are over; `waits`: why nobody can say."""

    left: float | None = None
    waits: str = ""


@dataclass(frozen=True, slots=True)
class _Wave:
    """The current wave in numbers. `done` are those that ended since `since`, when it began or was resumed."""

    since: datetime | None = None
    done: int = 0
    unfinished: int = 0
    away: int = 0  # of the unfinished


def paces_of(found: Iterable[Told], *, at: datetime) -> dict[int, Pace]:
    """{rollout: its pace} of those that run or are paused, in one query."""
    rollouts = [told.rollout for told in found]
    running = [rollout for rollout in rollouts if rollout.status == Status.RUNNING]
    waves = _waves(running)
    paces = {rollout.pk: _pace(rollout, waves.get(rollout.pk, _Wave()), at) for rollout in running}
    paused = Pace(waits=gettext("waits until somebody has it go on"))
    return paces | {rollout.pk: paused for rollout in rollouts if rollout.status == Status.PAUSED}


def _waves(rollouts: list[Rollout]) -> dict[int, _Wave]:
    if not rollouts:
        return {}
    resumed = F("rollout__resumed_at")
    is_unfinished = Q(status__in=UNFINISHED)
    is_counted = Q(rollout__resumed_at=None) | Q(updated_at__gt=resumed)
    rows = (
        RolloutDevice.objects.filter(
            rollout_id__in=[rollout.pk for rollout in rollouts], wave=F("rollout__current_wave")
        )
        .order_by()
        .values_list("rollout_id", "rollout__resumed_at")
        .annotate(
            began=Min("deployment__created_at"),
            done=Count("pk", filter=~is_unfinished & is_counted),
            unfinished=Count("pk", filter=is_unfinished),
            away=Count("pk", filter=is_unfinished & Q(device__status="offline")),
        )
    )
    waves = {}
    for rollout_id, resumed_at, began, done, unfinished, away in rows:
        since = max((moment for moment in (began, resumed_at) if moment is not None), default=None)
        waves[rollout_id] = _Wave(since if began else None, done, unfinished, away)
    return waves


def _pace(rollout: Rollout, wave: _Wave, at: datetime) -> Pace:
    if rollout.wave_done_at is not None and rollout.health_seconds:
        until = rollout.wave_done_at + timedelta(seconds=rollout.health_seconds)
        words = gettext("its wave is over and is watched until %(time)s")
        return Pace(waits=words % {"time": writing.clock(timezone.localtime(until))})
    if not wave.unfinished:
        return Pace(waits=gettext("waits for devices that match later") if rollout.is_continuous else "")
    if not _is_open(rollout, at):
        return Pace(waits=gettext("waits for its window, %(start)s to %(end)s") % rollout.window)
    if wave.away:
        words = ngettext(
            "waits for %(count)s device that is offline: nobody knows when it is back",
            "waits for %(count)s devices that are offline: nobody knows when they are back",
            wave.away,
        )
        return Pace(waits=words % {"count": writing.number(wave.away)})
    unknown = gettext("how long this wave takes is not known yet")
    if wave.since is None or not _was_open(rollout, wave.since, at):
        return Pace(waits=unknown)
    left = seconds_left(done=wave.done, total=wave.done + wave.unfinished, since=wave.since, at=at)
    return Pace(waits=unknown) if left is None else Pace(left=left)


def _is_open(rollout: Rollout, at: datetime) -> bool:
    return is_open(rollout.window, time_zone=settings.TIME_ZONE, at=at)


def _was_open(rollout: Rollout, since: datetime, at: datetime) -> bool:
    """All the time: hours in which nothing was begun say nothing of the pace."""
    if rollout.window is None:
        return True
    steps = int((at - since) / STEP) + 1
    return steps <= 7 * 96 and all(_is_open(rollout, since + step * STEP) for step in range(steps))
