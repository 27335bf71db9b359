"""Taking deliveries out of the outbox: by one worker at a time, and only those whose time has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q, QuerySet

from alerts.models import Alert, AlertEvent, Attempt, Delivery, NotificationConfig
from alerts.outbox.holding import FLOOD, TOGETHER, Hold, Rules, Told, why_wait
from alerts.outbox.recipients import way
from alerts.outbox.transports import TRANSPORTS
from alerts.queries.notifications import OPEN, is_of_environment
from alerts.services.telling import NEWS
from factory.retrying import again_after_deadlock

CLAIM = timedelta(seconds=90)  # after it another worker may try; sending takes less
DIGEST = 5_000  # deliveries that one message may stand for
VANISHED = "The worker did not come back. It may have gone out all the same."


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries of one config that go out as one message now, and until when they are ours."""

    deliveries: list[Delivery]
    config: NotificationConfig
    until: datetime

    def rows(self) -> QuerySet[Delivery]:
        """They, as far as nobody else has taken them over."""
        ids = [delivery.pk for delivery in self.deliveries]
        return Delivery.objects.filter(pk__in=ids, status=Delivery.Status.SENDING, due_at=self.until)

    @property
    def way(self) -> str:
        return way(self.config)


def claim(*, delivery_id: int, at: datetime) -> Claim | None:
    """Take a delivery, with all that is to go out together with it; None when it is not to be sent now."""
    return again_after_deadlock(lambda: _claim(delivery_id, at))


@transaction.atomic
def _claim(delivery_id: int, at: datetime) -> Claim | None:
    config = _locked_config(delivery_id)
    ours = Delivery.objects.select_related("event__alert__device", "event__alert__acknowledged_by")
    due = ours.filter(config=config, status__in=OPEN, due_at__lte=at)
    delivery = due.filter(pk=delivery_id).first()
    if delivery is None:
        return None
    needless = _why_needless(delivery, config)
    if config is None or needless:
        _skip(delivery, needless)
        return None
    if delivery.event is None:
        return _taken([delivery], config, at)
    others = due.filter(event__isnull=False)
    is_again = delivery.status == Delivery.Status.SENDING  # whose worker did not come back
    is_digest = is_again or others.filter(held_for__in=TOGETHER).exists()
    hold = _why_wait(delivery, config, at, is_digest=is_digest)
    if hold is not None and hold.until > at:
        Delivery.objects.filter(pk=delivery.pk).update(
            status=Delivery.Status.PENDING, due_at=hold.until, held_for=hold.reason
        )
        return None
    if is_again:  # the same ones, so that the message has the same id
        same = others.filter(status=Delivery.Status.SENDING, due_at=delivery.due_at)
        return _taken(list(same.order_by("urgency", "pk")), config, at)
    if is_digest or hold is not None:  # of a flood, it has waited long enough already
        return _taken(_worth_telling(others.order_by("urgency", "pk")[:DIGEST], config), config, at)
    return _taken([delivery], config, at)


def _locked_config(delivery_id: int) -> NotificationConfig | None:
    """Held until the end, so that of two workers each counts what the other one sends."""
    config_id = Delivery.objects.filter(pk=delivery_id).values_list("config_id", flat=True).first()
    return NotificationConfig.objects.select_for_update().filter(pk=config_id).first() if config_id else None


def _taken(deliveries: list[Delivery], config: NotificationConfig, at: datetime) -> Claim | None:
    if not deliveries:
        return None
    stale = [each for each in deliveries if each.status == Delivery.Status.SENDING]
    Attempt.objects.bulk_create(
        Attempt(delivery=each, at=at, succeeded=False, words=VANISHED) for each in stale
    )
    found = Claim(deliveries, config, at + CLAIM)
    ids = [each.pk for each in deliveries]
    Delivery.objects.filter(pk__in=ids, status__in=OPEN, due_at__lte=at).update(
        status=Delivery.Status.SENDING, due_at=found.until, attempts=F("attempts") + 1
    )
    for each in deliveries:
        each.attempts += 1
        each.config = config  # with its owner, whose language the message is in
    return found


def _worth_telling(deliveries: QuerySet[Delivery], config: NotificationConfig) -> list[Delivery]:
    worth = []
    for delivery in deliveries:
        needless = _why_needless(delivery, config)
        if needless:
            _skip(delivery, needless)
        else:
            worth.append(delivery)
    return worth


def _skip(delivery: Delivery, reason: str) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(status=Delivery.Status.SKIPPED, error=reason)


def _why_needless(delivery: Delivery, config: NotificationConfig | None) -> str:
    """Why nobody has to be told any more; empty when somebody has to."""
    if config is None:
        return "Its config was deleted."
    if delivery.event is None:
        return ""
    if not config.enabled:
        return "Its config was switched off."
    if config.owner is not None and not config.owner.is_active:
        return "Its person may not sign in any more."
    if config.from_environment and not is_of_environment(config):
        return "ALERT_EMAIL is another address now."
    alert = delivery.event.alert
    if alert.silence and alert.status != Alert.Status.RESOLVED:
        return f"The alert is silent now: {alert.get_silence_display()}."
    if not config.escalate_after_minutes:
        return ""
    if delivery.event.kind in NEWS and alert.status != Alert.Status.ACTIVE:
        who = f" by {alert.acknowledged_by}" if alert.acknowledged_by else ""
        return f"{alert.status.capitalize()}{who} before it was escalated."
    if delivery.event.kind not in NEWS and not _was_told(config, alert, delivery.event):
        return "It was over before it was escalated."
    return ""


def _was_told(config: NotificationConfig, alert: Alert, event: AlertEvent) -> bool:
    told = Delivery.objects.filter(config=config, event__alert=alert, status=Delivery.Status.SENT)
    return told.filter(event_id__lt=event.pk).exists()


def _why_wait(
    delivery: Delivery, config: NotificationConfig, at: datetime, *, is_digest: bool
) -> Hold | None:
    throttle = timedelta(minutes=config.throttle_minutes) if config.throttle_minutes else None
    rules = Rules(config.quiet_hours, throttle, floods=not TRANSPORTS[config.type].is_machine)
    hold = why_wait(
        rules,
        urgency=delivery.urgency,
        waiting_since=_first_due(delivery, config),
        told=_told_lately(config, since=at - rules.memory, at=at),
        at=at,
        zone=ZoneInfo(settings.TIME_ZONE),
        is_digest=is_digest,
    )
    if hold is not None and hold.reason == FLOOD:
        return _together(hold, config, at)
    return hold


def _first_due(delivery: Delivery, config: NotificationConfig) -> datetime:
    if config.escalate_after_minutes and delivery.event is not None and delivery.event.kind in NEWS:
        return delivery.created_at + timedelta(minutes=config.escalate_after_minutes)
    return delivery.created_at


def _together(hold: Hold, config: NotificationConfig, at: datetime) -> Hold:
    """With those that wait for the end of the flood already."""
    waiting = Delivery.objects.filter(
        config=config, status=Delivery.Status.PENDING, held_for=FLOOD, due_at__gt=at
    )
    first = waiting.aggregate(first=Min("due_at"))["first"]
    return Hold(min(first, hold.until), hold.reason) if first else hold


def _told_lately(config: NotificationConfig, *, since: datetime, at: datetime) -> list[Told]:
    """The messages of this config, those under way included. What went out as one is one."""
    lately = Q(status=Delivery.Status.SENT, sent_at__gt=since) | Q(
        status=Delivery.Status.SENDING, due_at__gt=at
    )
    found = Delivery.objects.filter(lately, config=config, event__isnull=False).order_by()
    messages = found.values_list("sent_at", "due_at").annotate(most_urgent=Min("urgency"))
    return [Told(sent_at or due_at - CLAIM, urgency) for sent_at, due_at, urgency in messages]
