"""Ways of sending that do not work just now. Nothing is tried on them but one delivery now and then."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import F, Q

from alerts.models import Delivery, Outage
from alerts.outbox.transports import MAIL
from alerts.services.claiming import CLAIM

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=10)
PATIENCE = timedelta(hours=24)


def is_out(*, way: str) -> bool:
    return Outage.objects.filter(transport=way).exists()


def whose_turn(*, of_mail: bool, at: datetime) -> tuple[set[str], set[str]]:
    """The ways to be left alone for now, and those on which one delivery is to be tried: of mail, or the others."""
    is_mail = Q(transport=MAIL)
    ours = Outage.objects.filter(is_mail if of_mail else ~is_mail)
    retries = dict(ours.values_list("transport", "retry_at"))
    return {way for way in retries if retries[way] > at}, {way for way in retries if retries[way] <= at}


def note_outage(*, way: str, error: str, at: datetime, was_turn: bool) -> None:
    """A way has failed. When it was its turn to be tried again, the wait for the next time doubles."""
    outage, is_new = Outage.objects.get_or_create(
        transport=way, defaults={"since": at, "retry_at": at + FIRST_WAIT, "error": error[:500]}
    )
    if is_new:
        logger.warning("delivery.outage", extra={"way": way, "error": error})
    elif was_turn:
        wait = min(FIRST_WAIT * 2 ** min(outage.failures, 20), LONGEST_WAIT)
        Outage.objects.filter(pk=outage.pk).update(
            failures=F("failures") + 1, retry_at=at + wait, error=error[:500]
        )


def note_success(*, way: str, at: datetime) -> None:
    """It works again. Until all that waited is out, new messages queue up behind it, in order of urgency."""
    Outage.objects.filter(transport=way).update(since=at, failures=0, retry_at=at + CLAIM)


def mend(*, ways: Iterable[str]) -> None:
    """They work again, and all that waited for them is out."""
    for way in ways:
        Outage.objects.filter(transport=way).delete()
        logger.info("delivery.outage_over", extra={"way": way})


def try_again(*, ways: Iterable[str], at: datetime) -> None:
    """There was more than one run could send: the next one goes on."""
    Outage.objects.filter(transport__in=ways).update(retry_at=at)


def give_up(*, at: datetime) -> int:
    """What could not be sent for a day has failed; a person may still try it again."""
    long_ago = at - PATIENCE
    given_up = 0
    for outage in Outage.objects.filter(since__lte=long_ago):
        waiting = Delivery.objects.filter(way=outage.transport, status=Delivery.Status.PENDING)
        given_up += waiting.filter(created_at__lte=long_ago, due_at__lte=at).update(
            status=Delivery.Status.FAILED, error=f"Given up after 24 hours. {outage.error}"[:500]
        )
    return given_up
