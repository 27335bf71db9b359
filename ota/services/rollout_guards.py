"""What a rollout refuses, and how it is held while something is done to it."""

from django.utils.translation import gettext

from factory.errors import Conflict, PreconditionFailed
from factory.said import said
from ota.models import Firmware, Rollout
from ota.queries.rollouts import RolloutUnknown


class RolloutMovedOn(Conflict):
    """Somebody got there first, or it is not at the point where this can be done."""


class FirmwareIsWithdrawn(PreconditionFailed):
    """Nobody is to get this version any more."""


def hold_rollout(rollout_id: int) -> Rollout:
    """A rollout as it is now, held until the transaction ends; refuses when there is none."""
    rollout = Rollout.objects.select_for_update().filter(pk=rollout_id).first()
    if rollout is None:
        raise RolloutUnknown(gettext("There is no rollout %(id)s.") % {"id": rollout_id})
    return rollout


def refuse_withdrawn(firmware: Firmware) -> None:
    if firmware.withdrawn_at is not None:
        raise FirmwareIsWithdrawn(
            gettext("Version %(version)s was withdrawn: %(withdrawn_because)s")
            % {"version": firmware.version, "withdrawn_because": firmware.withdrawn_because}
        )


def refuse_moved_on(rollout: Rollout, words: str) -> None:
    now = Rollout.objects.filter(pk=rollout.pk).first()
    if now is None:
        raise RolloutUnknown(gettext("There is no rollout %(id)s.") % {"id": rollout.pk})
    refuse(now, words)


def refuse(rollout: Rollout, words: str) -> None:
    raise RolloutMovedOn(
        gettext("Rollout %(id)s is %(status)s: %(words)s.")
        % {"id": rollout.pk, "status": said(rollout.status), "words": words}
    )
