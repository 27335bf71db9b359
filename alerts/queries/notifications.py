from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext

from alerts.models import Attempt, Delivery, NotificationConfig, Outage
from alerts.outbox.signed import LinkExpired, LinkForged, delivery_of
from alerts.outbox.transports import MAIL
from factory.accounts.models import User
from factory.errors import NotFound
from factory.sealed import CannotUnseal

OPEN = (Delivery.Status.PENDING, Delivery.Status.SENDING)


class ConfigUnknown(NotFound):
    """There is no such config, or it is somebody else's."""


class LinkUnknown(NotFound):
    """We never sent this link."""


class LinkUseless(NotFound):
    """The link in a message leads nowhere any more."""


class DeliveryUnknown(NotFound):
    """There is no such delivery, or it is somebody else's."""


def configs_that_count() -> list[NotificationConfig]:
    """Those that are told: switched on, of people who are there still, and of ALERT_EMAIL as it is now."""
    found = NotificationConfig.objects.filter(enabled=True, from_environment=False)
    found = found.filter(Q(owner=None) | Q(owner__is_active=True))
    ours = config_of_environment()
    return [*found.order_by("pk"), *([ours] if ours and ours.enabled else [])]


def config_of_environment() -> NotificationConfig | None:
    """The config of ALERT_EMAIL as it is now; of several, the first counts."""
    if not settings.ALERT_EMAIL:
        return None
    found = NotificationConfig.objects.filter(from_environment=True).order_by("pk")
    return next((config for config in found if is_of_environment(config)), None)


def is_of_environment(config: NotificationConfig) -> bool:
    """Whether it stands for ALERT_EMAIL as it is now. What cannot be read any more stands for nothing."""
    try:
        return config.from_environment and config.recipient == settings.ALERT_EMAIL
    except CannotUnseal:
        return False


def configs_seen_by(user: User) -> QuerySet[NotificationConfig]:
    """One's own; admins see everybody's and the plant's."""
    found = NotificationConfig.objects.select_related("owner").order_by("pk")
    return found if user.has_rank_of(User.Role.ADMIN) else found.filter(owner=user)


def get_config(config_id: int, *, user: User) -> NotificationConfig:
    """One config as far as this person may see it."""
    config = configs_seen_by(user).filter(pk=config_id).first()
    if config is None:
        raise ConfigUnknown(gettext("There is no config %(id)s.") % {"id": config_id})
    return config


def deliveries_seen_by(
    user: User, *, alert_id: int | None = None, status: str | None = None
) -> QuerySet[Delivery]:
    """What went out or did not, newest first, with every attempt; of one's own configs, for admins of all."""
    tries = Prefetch("tries", Attempt.objects.order_by("pk"))
    found = Delivery.objects.select_related("event").prefetch_related(tries).order_by("-pk")
    if not user.has_rank_of(User.Role.ADMIN):
        found = found.filter(config__owner=user)
    if alert_id is not None:
        found = found.filter(event__alert_id=alert_id)
    return found.filter(status=status) if status is not None else found


def queue_size(user: User) -> int:
    """How many of them are still to be sent."""
    return deliveries_seen_by(user).filter(status__in=OPEN).count()


def trials_since(config: NotificationConfig, *, at: datetime, minutes: int) -> int:
    """How many trial messages its owner has sent lately, by configs deleted since then too."""
    trials = Delivery.objects.filter(event=None, created_at__gt=at - timedelta(minutes=minutes))
    return trials.filter(
        Q(config__owner=config.owner_id) | Q(config=None, way=way_of_trials(config.owner_id))
    ).count()


def way_of_trials(owner_id: int | None) -> str:
    """What stands as the way of trials whose config is gone, so that they still count as their owner's."""
    return f"trial:{owner_id or 'plant'}"


def delivery_of_link(token: str, *, at: datetime) -> Delivery:
    """What a link in a message is about; refuses what is not ours, too old, or of somebody who has left."""
    try:
        delivery_id = delivery_of(token, at)
    except LinkForged:
        raise LinkUnknown(gettext("This link is not one of ours, or a part of it got lost.")) from None
    except LinkExpired:
        raise LinkUseless(gettext("This link was good for seven days.")) from None
    found = Delivery.objects.select_related("config__owner", "event__alert__device")
    delivery = found.select_related("event__alert__acknowledged_by").filter(pk=delivery_id).first()
    if delivery is None or delivery.event is None:
        raise LinkUseless(gettext("The alert of this link is gone."))
    config = delivery.config
    if config is None or (config.owner is not None and not config.owner.is_active):
        raise LinkUseless(gettext("Whom this link was sent to does not get alerts any more."))
    return delivery


def outages() -> list[Outage]:
    """The ways of sending that do not work just now, the longest first."""
    return list(Outage.objects.order_by("since", "pk"))


def is_mail_going_out() -> bool:
    """Whether the mail server took what was handed to it last; for readiness."""
    try:
        return not Outage.objects.filter(transport=MAIL).exists()
    except DatabaseError:
        return True  # that it is away is another line of readiness
