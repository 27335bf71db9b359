"""Sending what is in the outbox: tried again with back-off, never twice on purpose, never forgotten."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from time import monotonic

from django.db import transaction
from django.db.models import F

from alerts.models import Attempt, Delivery
from alerts.outbox.messages import compose
from alerts.outbox.transports import MAIL, MAIL_SECONDS, SECONDS, TRANSPORTS, Lines, TransportError, within
from alerts.services import outages
from alerts.services.claiming import Claim, claim
from factory.retrying import again_after_deadlock
from factory.sealed import CannotUnseal

logger = logging.getLogger(__name__)

ATTEMPTS = 10
BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=15), timedelta(hours=1)
# A way that answers with an error five times for the same message may mind the message: another one's turn.
BLAMED_AFTER, STEP_ASIDE = 5, timedelta(minutes=10)
# What may have arrived is repeated for some hours, and not for ever: each time may be one more copy.
ATTEMPTS_IN_DOUBT = 5

_others_at_once = BoundedSemaphore(3)  # of each process: messages by other ways than mail

KEY_LOST = "The key it was sealed under is lost: enter its address anew, and give a webhook a new secret."

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try. Without a claim nothing was tried."""

    claim: Claim | None = None
    error: TransportError | None = None

    @property
    def sent(self) -> int:
        return len(self.claim.deliveries) if self.claim and not self.error else 0


def send_delivery(*, delivery_id: int, at: datetime) -> bool:
    """Try one delivery at once; True when it went out. What has to wait is left to the sweeper."""
    way = Delivery.objects.filter(pk=delivery_id).values_list("way", flat=True).first()
    if way is None or outages.is_out(way=way):
        return False
    if way == MAIL:
        return _send_at_once(delivery_id, way, running_from(at))
    # A receiver that takes its time must not take all threads: mail goes out by them too.
    if _is_under_way(way, at) or not _others_at_once.acquire(blocking=False):
        return False
    try:
        return _send_at_once(delivery_id, way, running_from(at))
    finally:
        _others_at_once.release()


def _is_under_way(way: str, at: datetime) -> bool:
    return Delivery.objects.filter(way=way, status=Delivery.Status.SENDING, due_at__gt=at).exists()


def _send_at_once(delivery_id: int, way: str, clock: Clock) -> bool:
    with Lines() as lines:
        outcome = try_once(delivery_id=delivery_id, clock=clock, lines=lines)
    if outcome.error is not None and outcome.error.down:
        outages.note_outage(way=way, error=outcome.error.words, at=clock(), was_turn=False)
    return outcome.sent > 0


def try_now(*, delivery_id: int, at: datetime) -> bool:
    """As `send_delivery`, whatever is known of its way: somebody is waiting for the answer."""
    clock = running_from(at)
    with Lines() as lines:
        return try_once(delivery_id=delivery_id, clock=clock, lines=lines, seconds=SECONDS).sent > 0


def try_once(
    *, delivery_id: int, clock: Clock, lines: Lines, proven: bool = False, seconds: float = MAIL_SECONDS
) -> Outcome:
    """Send a delivery, with what goes out together with it, and write down what came of it.

    `proven`: its way has worked a moment ago. `seconds`: for how long we wait at most.
    """
    claimed = claim(delivery_id=delivery_id, at=clock())
    if claimed is None:
        return Outcome()
    error = _send(claimed, clock(), lines, seconds)
    at = clock()
    again_after_deadlock(lambda: _write_down(claimed, error, at, proven=proven))
    return Outcome(claimed, error)


@transaction.atomic
def _write_down(claimed: Claim, error: TransportError | None, at: datetime, *, proven: bool) -> None:
    if error is None:
        claimed.rows().update(status=Delivery.Status.SENT, sent_at=at, error="")
    else:
        claimed.rows().update(**_after(error, claimed, at, proven=proven))
    Attempt.objects.bulk_create(
        Attempt(delivery=each, at=at, succeeded=error is None, words=error.words[:500] if error else "")
        for each in claimed.deliveries
    )


def _send(claimed: Claim, at: datetime, lines: Lines, seconds: float) -> TransportError | None:
    config = claimed.config
    try:
        message = compose(claimed.deliveries, at=at)
        transport = TRANSPORTS[config.type]
        within(
            min(transport.seconds, seconds),
            lambda: transport.send(message, recipient=config.recipient, secret=config.secret, lines=lines),
        )
    except CannotUnseal:
        return TransportError(KEY_LOST, permanent=True)
    except TransportError as error:
        if error.down:
            lines.drop_all()  # a thread that is late may still hold one
        return error
    except Exception as error:
        # Its text may hold the recipient's secrets: only its kind is told and logged.
        words = f"Unforeseen: {type(error).__name__}"
        logger.error("delivery.error", extra={"delivery_id": claimed.deliveries[0].pk, "error": words})
        return TransportError(words)
    return None


def _after(error: TransportError, claimed: Claim, at: datetime, *, proven: bool) -> dict:
    """What a failed delivery becomes."""
    first = claimed.deliveries[0]
    attempts = max(each.attempts for each in claimed.deliveries)
    told = {"error": error.words[:500], "due_at": at}
    if first.event_id is None:  # whoever tries it out is watching
        over, wait = True, timedelta(0)
    elif error.down and not is_blamed(error, proven):
        over = error.answered and first.created_at <= at - outages.PATIENCE
        is_suspect = error.answered and first.tries.filter(succeeded=False).count() >= BLAMED_AFTER
        wait = STEP_ASIDE if is_suspect else timedelta(0)
        told["attempts"] = F("attempts") - 1  # it had no chance
    elif error.in_doubt:
        over = attempts >= ATTEMPTS_IN_DOUBT
        wait = STEP_ASIDE * 2 ** (attempts - 1)
    elif error.patient:
        over = error.permanent or first.created_at <= at - outages.PATIENCE
        wait = min(BACK_OFF * 2 ** min(attempts - 1, 20), STEP_ASIDE)
    else:
        over = error.permanent or attempts >= ATTEMPTS
        wait = max(min(BACK_OFF * 2 ** (attempts - 1), LONGEST_BACK_OFF), error.wait or timedelta(0))
    logger.warning(
        "delivery.failed" if over else "delivery.postponed",
        extra={"delivery_id": first.pk, "deliveries": len(claimed.deliveries), "error": error.words},
    )
    status = Delivery.Status.FAILED if over else Delivery.Status.PENDING
    return {**told, "status": status, "due_at": at + wait}


def is_blamed(error: TransportError, proven: bool) -> bool:
    """A server that has just taken other messages, and answers this one with an error, minds this one."""
    return error.answered and proven


def running_from(at: datetime) -> Clock:
    begun = monotonic()
    return lambda: at + timedelta(seconds=monotonic() - begun)
