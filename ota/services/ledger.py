"""Steps of deployments. Each is checked against the table and leaves an event; those of one transaction are written
together, compare-and-set, with all that follows from them.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from factory.accounts.models import User
from factory.errors import Conflict
from factory.said import said as word_for
from ota.models import Deployment, DeploymentEvent
from ota.patience import patience_by_type
from ota.services.alarming import end_for, raise_for
from ota.services.news import tell_on_commit
from ota.signals import EndedDeployment, deployments_ended
from ota.states import ACTIVE, COMPLETED, DOWNLOADING, ENDS, FAILED, PENDING, PEOPLE, ROLLED_BACK, may_follow

WRITTEN = (
    "status",
    "progress",
    "error_message",
    "attempts",
    "previous_version",
    "deadline_at",
    "push_at",
    "pushes",
    "updated_at",
    "started_at",
    "completed_at",
)
ALL_DONE = 100


class DeploymentMovedOn(Conflict):
    """It is in another state than the step begins from."""


class Ledger:
    """Steps of deployments that are held, in one transaction; nothing is written before `write`."""

    def __init__(self, *, at: datetime) -> None:
        self._at = at
        self._patience = patience_by_type()
        self._before: dict[int, str] = {}  # status in the database, of those that change
        self._changed: dict[int, Deployment] = {}
        self._events: list[DeploymentEvent] = []
        self._by_themselves: dict[int, bool] = {}  # whether the last step of each was taken without people

    def take(
        self,
        deployment: Deployment,
        new: str,
        *,
        by: str,
        said: str = "",
        progress: int = 0,
        person: User | None = None,
    ) -> None:
        """A step at somebody's word, one of `ota.states`; refused where the table has no such step."""
        old = deployment.status
        if not may_follow(old, new, by=by):
            raise DeploymentMovedOn(
                gettext("Deployment %(id)s is %(old)s; it cannot become %(new)s.")
                % {"id": deployment.pk, "old": word_for(old), "new": word_for(new)}
            )
        self._note_change(deployment)
        patience = self._patience[deployment.device.type]
        deployment.status = Deployment.Status(new)
        deployment.active_key = deployment.device_id if new in ACTIVE else None
        deployment.deadline_at = patience.deadline(new, at=self._at)
        deployment.error_message = said[:500] if new in (FAILED, ROLLED_BACK) else ""
        if new == COMPLETED:
            deployment.progress = ALL_DONE
        elif new in ACTIVE:
            deployment.progress = progress
        if new == DOWNLOADING:
            deployment.started_at = deployment.started_at or self._at
        deployment.push_at = None
        if new in ENDS:
            deployment.completed_at = self._at
        elif new == PENDING:
            deployment.started_at = deployment.completed_at = None
            deployment.pushes = 0
        self._by_themselves[deployment.pk] = by != PEOPLE
        self.remark(deployment, said, person=person)

    def remark(self, deployment: Deployment, said: str, *, person: User | None = None) -> None:
        """An event without a step."""
        self._note_change(deployment)
        self._events.append(
            DeploymentEvent(
                deployment=deployment, status=deployment.status, at=self._at, by=person, said=said[:500]
            )
        )

    def advance(self, deployment: Deployment, progress: int) -> None:
        """How far it is within its state. It only grows, and while it does, the state may last."""
        if progress <= deployment.progress:
            return
        self._note_change(deployment)
        deployment.progress = progress
        patience = self._patience[deployment.device.type]
        deployment.deadline_at = patience.deadline(deployment.status, at=self._at)

    def most_attempts(self, deployment: Deployment) -> int:
        return self._patience[deployment.device.type].max_attempts

    def _note_change(self, deployment: Deployment) -> None:
        if deployment.pk not in self._changed:
            # Before the first change of it: this is what the database has.
            self._before[deployment.pk] = deployment.status
            self._changed[deployment.pk] = deployment
        deployment.updated_at = self._at

    def write(self) -> None:
        """Write all of it, tell those above and, after the commit, those who watch."""
        changed = list(self._changed.values())
        if not changed:
            return
        with transaction.atomic():
            self._update(changed)
            DeploymentEvent.objects.bulk_create(self._events, batch_size=500)
            moved = [each for each in changed if self._before[each.pk] != each.status]
            self._follow(moved)
        tell_on_commit(changed, at=self._at)

    def _update(self, changed: list[Deployment]) -> None:
        """As few statements as can be: those that change alike are written together."""
        alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for each in changed:
            values = [getattr(each, name) for name in WRITTEN]
            alike[self._before[each.pk], each.active_key is not None, *values].append(each.pk)
        for (before, is_active, *values), ids in alike.items():
            written: dict[str, Any] = dict(zip(WRITTEN, values, strict=True))
            written["active_key"] = F("device_id") if is_active else None
            if Deployment.objects.filter(pk__in=ids, status=before).update(**written) != len(ids):
                raise DeploymentMovedOn(
                    gettext("Another one was quicker with deployment %(id)s.") % {"id": ids[0]}
                )

    def _follow(self, moved: list[Deployment]) -> None:
        completed = [each for each in moved if each.status == COMPLETED]
        if completed:
            _stop_listening(completed)
            end_for(completed, at=self._at)
        in_trouble = [each for each in moved if each.status in (FAILED, ROLLED_BACK)]
        raise_for([each for each in in_trouble if self._by_themselves[each.pk]], at=self._at)
        ended = [each for each in moved if each.status in ENDS]
        if ended:
            deployments_ended.send(
                sender=Deployment,
                at=self._at,
                ended=[
                    EndedDeployment(
                        each.pk, each.device_id, each.rollout_id, str(each.status), each.error_message
                    )
                    for each in ended
                ],
            )


def _stop_listening(completed: list[Deployment]) -> None:
    """What a device runs says nothing any more about updates that succeeded before; one tried again may be older."""
    newest = {each.device_id: each.pk for each in completed}
    earlier = Deployment.objects.filter(device_id__in=newest, status=COMPLETED).exclude(deadline_at=None)
    rows = list(earlier.values_list("pk", "device_id"))
    over = sorted(pk for pk, device_id in rows if pk != newest[device_id])
    if over:
        Deployment.objects.filter(pk__in=over, status=COMPLETED).update(deadline_at=None)
