"""What a person does with the outbox: a trial message, and one more try for what has failed."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from alerts import tasks
from alerts.models import Delivery, NotificationConfig
from alerts.queries.notifications import DeliveryUnknown, deliveries_seen_by, trials_since
from alerts.services.delivering import try_now
from alerts.services.telling import new_delivery
from factory.accounts.models import User
from factory.errors import Conflict, DomainError
from factory.languages import in_english
from factory.queueing import enqueue_on_commit
from factory.said import said

TRIALS_A_MINUTE = 5


class TooManyTrials(DomainError):
    """Each is a message to somebody."""

    code = "TOO_MANY_REQUESTS"


class NotFailed(Conflict):
    """Only what has failed can be tried once more."""


def send_trial(*, config: NotificationConfig, at: datetime) -> Delivery:
    """Send a trial message now and wait for what the other side says; it is not tried again by itself."""
    if trials_since(config, at=at, minutes=1) >= TRIALS_A_MINUTE:
        raise TooManyTrials(
            gettext("At most %(most)s trial messages a minute. Wait a little.") % {"most": TRIALS_A_MINUTE}
        )
    delivery = new_delivery(config, event=None, at=at)
    delivery.save(force_insert=True)
    with in_english():  # what the other side says is kept
        try_now(delivery_id=delivery.pk, at=at)
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def retry_deliveries(*, ids: Sequence[int], by: User, at: datetime) -> list[Delivery]:
    """Put what has failed back into the queue, at once: all of these, or none."""
    wanted = sorted(set(ids))
    found = {delivery.pk: delivery for delivery in deliveries_seen_by(by).filter(pk__in=wanted)}
    for pk in wanted:
        if pk not in found:
            raise DeliveryUnknown(gettext("There is no delivery %(id)s.") % {"id": pk})
        won = Delivery.objects.filter(pk=pk, status=Delivery.Status.FAILED, config__isnull=False).update(
            status=Delivery.Status.PENDING, attempts=0, due_at=at, held_for="", error=""
        )
        if not won:
            raise NotFailed(_why_not(pk))
        enqueue_on_commit(tasks.send_delivery, delivery_id=pk)
    return list(deliveries_seen_by(by).filter(pk__in=wanted))


def _why_not(pk: int) -> str:
    delivery = Delivery.objects.filter(pk=pk).first()
    if delivery is None:
        return gettext("Delivery %(id)s is gone.") % {"id": pk}
    if delivery.config_id is None:
        return gettext("Delivery %(id)s has no config any more.") % {"id": pk}
    return gettext("Delivery %(id)s has not failed: it is %(status)s.") % {
        "id": pk,
        "status": said(delivery.status),
    }
