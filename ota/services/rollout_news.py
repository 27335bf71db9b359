"""How a rollout stands, told to those who watch it: a few times a second, however many devices report."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from factory.live.broadcast import broadcast
from factory.queueing import messenger
from factory.trpc.superjson import iso
from ota import tasks
from ota.models import Rollout
from ota.queries.rollouts import counts_by_wave, in_all
from ota.turns import Turns
from ota.waves import WaveCounts

ROLLOUT_STREAM = "rollout"
COUNTED = ("total", "planned", "deploying", "succeeded", "failed", "cancelled", "skipped")
_telling = Turns(seconds=1 / 3)  # a second touches four of these slots at most
_advancing = Turns(seconds=1)


def look_after(rollout_ids: Iterable[int], *, at: datetime) -> None:
    """After the commit: have these rollouts go on where they can, and tell how they stand."""
    ids = sorted(set(rollout_ids))

    def look() -> None:
        for rollout_id in ids:
            name = f"advance:{rollout_id}"
            if _advancing.is_first(name, at=at):
                messenger.hand_over(tasks.advance_rollout, {"rollout_id": rollout_id})
            else:
                _advancing.later(tasks.advance_rollout, name, at=at, rollout_id=rollout_id)
            tell_in_turn(rollout_id=rollout_id, at=at)

    if ids:
        # Robust: what is lost here is made up for by beat.
        transaction.on_commit(look, robust=True)


def tell_on_commit(rollout_id: int, *, at: datetime, at_once: bool = False) -> None:
    """After the commit, tell how this rollout stands: soon, or `at_once`."""

    def tell() -> None:
        (tell_status if at_once else tell_in_turn)(rollout_id=rollout_id, at=at)

    transaction.on_commit(tell, robust=True)


def tell_in_turn(*, rollout_id: int, at: datetime) -> None:
    """Tell now, or, where this moment's turn is taken, once more a moment later."""
    name = f"rollout:{rollout_id}"
    if _telling.is_first(name, at=at):
        tell_status(rollout_id=rollout_id, at=at)
    else:
        _telling.later(tasks.tell_rollout_status, name, at=at, rollout_id=rollout_id)


def tell_status(*, rollout_id: int, at: datetime) -> None:
    """Tell now."""
    rollout = Rollout.objects.filter(pk=rollout_id).first()
    if rollout is not None:
        waves = counts_by_wave([rollout_id])[rollout_id]
        broadcast(ROLLOUT_STREAM, [(rollout_id, status_of(rollout, waves, at=at))])


def status_of(rollout: Rollout, waves: dict[int, WaveCounts], *, at: datetime) -> dict[str, Any]:
    """What watchers hear."""
    total = in_all(waves)
    return {
        "rolloutId": rollout.pk,
        "status": str(rollout.status),
        "pausedBecause": rollout.paused_because,
        "currentWave": rollout.current_wave,
        "progress": total.progress,
        **_counted(total),
        "waves": [{"wave": wave, **_counted(counts)} for wave, counts in waves.items()],
        "timestamp": iso(at),
    }


def _counted(counts: WaveCounts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in COUNTED}
