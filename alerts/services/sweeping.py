"""The sweeper: what is due goes out, most urgent first. Mail and the other ways each have a turn of their own."""

import logging
from collections import defaultdict
from datetime import datetime
from time import monotonic

from django.db import Error
from django.db.models import Count, Q, QuerySet

from alerts.models import Delivery
from alerts.outbox.transports import MAIL, MAIL_SECONDS, SECONDS, Lines
from alerts.queries.notifications import OPEN
from alerts.services import outages
from alerts.services.delivering import STEP_ASIDE, Clock, Outcome, is_blamed, running_from, try_once
from factory.live.lease import LeaseKeeper

logger = logging.getLogger(__name__)

RUN_SECONDS, RUN_AT_MOST = 120.0, 2_000
WAY_SECONDS = 20.0  # of a run, for one way that is not mail: a slow receiver leaves time for the others
LEASE_OF_MAIL, LEASE_OF_OTHERS = "alerts.deliveries", "alerts.deliveries.others"
BROKEN_AT_MOST = 20  # deliveries that could not be handled, until a run ends


def send_due(*, at: datetime) -> int:
    """Send all that is due, the most urgent first; returns how many.

    Of several sweepers one works on mail and one on the rest, so that neither holds up the other.
    """
    clock = running_from(at)
    return _if_free(clock, of_mail=True) + _if_free(clock, of_mail=False)


def _if_free(clock: Clock, *, of_mail: bool) -> int:
    name, seconds = (LEASE_OF_MAIL, MAIL_SECONDS) if of_mail else (LEASE_OF_OTHERS, SECONDS)
    keeper = LeaseKeeper(name, seconds=seconds + 5)
    if not keeper.take():
        return 0
    try:
        outages.give_up(at=clock())
        with Lines() as lines:
            return _Run(keeper, clock, lines, of_mail=of_mail).go()
    finally:
        keeper.release()


class _Run:
    """One turn of the sweeper, and what it has learnt of the ways so far."""

    def __init__(self, keeper: LeaseKeeper, clock: Clock, lines: Lines, *, of_mail: bool) -> None:
        self._keeper, self._clock, self._lines, self._of_mail = keeper, clock, lines, of_mail
        self._closed, self._on_trial = outages.whose_turn(of_mail=of_mail, at=clock())
        self._proven: set[str] = set()
        self._spent: set[str] = set()  # ways that had their time
        self._took: dict[str, float] = defaultdict(float)
        self._broken: list[int] = []
        self._sent = 0

    def go(self) -> int:
        begun, is_empty = monotonic(), False
        for _ in range(RUN_AT_MOST):
            following = self._due().order_by("urgency", "pk").values_list("pk", "way").first()
            if following is None:
                is_empty = True
                break
            is_late = monotonic() - begun > RUN_SECONDS
            if is_late or len(self._broken) >= BROKEN_AT_MOST or not self._keeper.take():
                break
            self._turn(*following)
        works = self._on_trial - self._closed
        outages.mend(ways=works - self._spent if is_empty else ())
        outages.try_again(ways=works & self._spent if is_empty else works, at=self._clock())
        return self._sent

    def _due(self) -> QuerySet[Delivery]:
        due = Delivery.objects.filter(status__in=OPEN, due_at__lte=self._clock())
        due = due.filter(way=MAIL) if self._of_mail else due.exclude(way=MAIL)
        return due.exclude(way__in=self._closed | self._spent).exclude(pk__in=self._broken)

    def _turn(self, delivery_id: int, way: str) -> None:
        outcome = self._try(delivery_id, way)
        if self._is_down(outcome, way) and (other := self._of_another_config(outcome, way)) is not None:
            second = self._try(other, way)
            if second.sent:  # so it was the message after all
                rows = Delivery.objects.filter(pk=delivery_id, status=Delivery.Status.PENDING)
                rows.update(due_at=self._clock() + STEP_ASIDE)
            outcome = second if second.claim is not None else outcome
        if outcome.claim is None:
            return
        if outcome.error is not None and self._is_down(outcome, way):
            was_turn = way in self._on_trial
            outages.note_outage(way=way, error=outcome.error.words, at=self._clock(), was_turn=was_turn)
            self._closed.add(way)
            return
        if outcome.error is None or not outcome.error.in_doubt:
            self._proven.add(way)
        if way in self._on_trial:
            outages.note_success(way=way, at=self._clock())

    def _try(self, delivery_id: int, way: str) -> Outcome:
        begun = monotonic()
        try:
            outcome = try_once(
                delivery_id=delivery_id, clock=self._clock, lines=self._lines, proven=way in self._proven
            )
        except Error:
            logger.exception("delivery.error", extra={"delivery_id": delivery_id})
            self._broken.append(delivery_id)
            return Outcome()
        self._sent += outcome.sent
        self._took[way] += monotonic() - begun
        if not self._of_mail and self._took[way] > WAY_SECONDS:
            self._spent.add(way)
        return outcome

    def _is_down(self, outcome: Outcome, way: str) -> bool:
        error = outcome.error
        return error is not None and error.down and not is_blamed(error, way in self._proven)

    def _of_another_config(self, outcome: Outcome, way: str) -> int | None:
        """A delivery of somebody else by the same way, of those that were tried least."""
        if outcome.claim is None:
            return None
        others = self._due().filter(way=way).exclude(config=outcome.claim.config)
        failed = Count("tries", filter=Q(tries__succeeded=False))
        found = others.annotate(failed=failed).order_by("failed", "urgency", "pk")
        return found.values_list("pk", flat=True).first()
