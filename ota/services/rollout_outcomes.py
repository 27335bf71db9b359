"""What becomes of each device of a rollout, told to the batch that started it, if one did."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from grouping.models import BatchOperation
from grouping.operations import Failed, Settled, Succeeded
from grouping.services import settle_items
from ota.models import Deployment, Rollout, RolloutDevice
from ota.services.rollout_news import look_after
from ota.signals import EndedDeployment

Status = RolloutDevice.Status
REASON_LENGTH = 300
# What the end of a deployment means for the device's place. One that was completed may be rolled back later.
ENDS = {
    Deployment.Status.COMPLETED: Status.SUCCEEDED,
    Deployment.Status.FAILED: Status.FAILED,
    Deployment.Status.ROLLED_BACK: Status.FAILED,
    Deployment.Status.CANCELLED: Status.CANCELLED,
}
CANCELLED = "The update was cancelled."
SILENT = "The device said nothing of a reason."


@transaction.atomic
def follow_deployments(*, ended: Iterable[EndedDeployment], at: datetime) -> None:
    """Devices have ended their update, in whichever way. Inside the transaction that says so."""
    by_deployment = {one.id: one for one in ended if one.rollout_id is not None}
    if not by_deployment:
        return
    found = RolloutDevice.objects.filter(deployment_id__in=list(by_deployment))
    places = held(found.values_list("pk", flat=True))
    by_end: defaultdict[tuple[str, str], list[RolloutDevice]] = defaultdict(list)
    for place in places:
        assert place.deployment_id is not None
        one = by_deployment[place.deployment_id]
        end = ENDS[Deployment.Status(one.status)]
        by_end[end, "" if end == Status.SUCCEEDED else one.error_message].append(place)
    for (status, reason), those in by_end.items():
        end_places(those, status, reason, at=at)
    look_after({place.rollout_id for place in places}, at=at)


def held(ids: Iterable[int]) -> list[RolloutDevice]:
    """These places as they are now, held until the transaction ends."""
    return list(RolloutDevice.objects.select_for_update().filter(pk__in=list(ids)).order_by("pk"))


def end_places(places: Iterable[RolloutDevice], status: str, reason: str = "", *, at: datetime) -> None:
    """Move places that are held to an outcome, and tell the batch, where one waits for it."""
    those = list(places)
    # A failure that comes later is a new one, whatever was overlooked before.
    RolloutDevice.objects.filter(pk__in=[place.pk for place in those]).update(
        status=status, reason=reason[:REASON_LENGTH], is_forgiven=False, updated_at=at
    )
    devices: defaultdict[int, list[int]] = defaultdict(list)
    for place in those:
        if place.device_id is not None:
            devices[place.rollout_id].append(place.device_id)
    told = Rollout.objects.filter(pk__in=list(devices), batch__isnull=False)
    if status == Status.CANCELLED:
        # A batch that is cancelled itself asks what was not done (`take_back`), and those are no failures of it.
        told = told.exclude(batch__status=BatchOperation.Status.CANCELLED)
    for rollout_id, batch_id in told.order_by("pk").values_list("pk", "batch_id"):
        assert batch_id is not None
        settle_items(batch_id=batch_id, outcomes=_outcomes(devices[rollout_id], status, reason), at=at)


def _outcomes(device_ids: Iterable[int], status: str, reason: str) -> Mapping[int, Settled]:
    usual = CANCELLED if status == Status.CANCELLED else SILENT
    outcome: Settled = Succeeded() if status == Status.SUCCEEDED else Failed(reason or usual)
    return dict.fromkeys(device_ids, outcome)
