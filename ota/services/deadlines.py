"""No state lasts for ever: what is late has failed, and what has run well for long enough is listened for no more."""

from datetime import datetime
from functools import partial

from django.db import transaction

from factory.retrying import again_after_deadlock
from ota.models import Deployment
from ota.services.deployments import cancel_many
from ota.services.holding import hold_deployments
from ota.services.ledger import Ledger
from ota.states import ACTIVE, CANCELLABLE, CLOCK, COMPLETED, DOWNLOADING, FAILED, INSTALLING, PENDING

AT_ONCE = 500


def enforce_deadlines(*, at: datetime) -> int:
    """End the states that have lasted too long; returns how many. Each part is a transaction of its own."""
    count = 0
    for status in ACTIVE:
        late = Deployment.objects.filter(status=status, deadline_at__lte=at).order_by("deadline_at")
        while ids := list(late.values_list("pk", flat=True)[:AT_ONCE]):
            ended = again_after_deadlock(partial(_fail, ids, status, at))
            count += ended
            if not ended or len(ids) < AT_ONCE:
                break
    _stop_listening(at=at)
    _cancel_withdrawn(at=at)
    return count


@transaction.atomic
def _fail(ids: list[int], status: str, at: datetime) -> int:
    ledger = Ledger(at=at)
    # What a device says at this very moment is left to it.
    late = [
        each
        for each in hold_deployments(ids, skip_locked=True)
        if each.status == status and each.deadline_at is not None and each.deadline_at <= at
    ]
    for each in late:
        ledger.take(each, FAILED, by=CLOCK, said=_reason(each))
    ledger.write()
    return len(late)


def _reason(deployment: Deployment) -> str:
    runs = deployment.device.firmware_version
    known = f" It runs {runs}, as far as is known." if runs else ""
    return {
        PENDING: "The device did not begin in time.",
        DOWNLOADING: f"The download stood still at {deployment.progress} %.",
        INSTALLING: f"The device began to install and has not said since that it is done.{known}",
    }[deployment.status]


def _stop_listening(*, at: datetime) -> None:
    over = Deployment.objects.filter(status=COMPLETED, deadline_at__lte=at).order_by("deadline_at")
    while ids := list(over.values_list("pk", flat=True)[:AT_ONCE]):
        rows = Deployment.objects.filter(pk__in=sorted(ids), status=COMPLETED, deadline_at__lte=at)
        again_after_deadlock(partial(rows.update, deadline_at=None))


def _cancel_withdrawn(*, at: datetime) -> None:
    """A version that was withdrawn is put on no device that has not begun to install it."""
    found = Deployment.objects.filter(status__in=CANCELLABLE).exclude(firmware__withdrawn_at=None)
    ids = list(found.order_by("pk").values_list("pk", flat=True)[:10_000])
    cancel_many(deployment_ids=ids, at=at, because="The version was withdrawn.")
