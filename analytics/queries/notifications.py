from dataclasses import dataclass

from alerts.models import Delivery, NotificationConfig, Outage
from alerts.outbox.recipients import way
from alerts.queries.notifications import configs_seen_by, deliveries_seen_by, outages
from factory.accounts.models import User

LOG_SHOWN = 50
CONFIGS_SHOWN = 500


@dataclass
class NotificationPage:
    """Where one hears of alerts, and what went out."""

    own: list[NotificationConfig]
    others: list[NotificationConfig]  # for admins: the plant's, then everybody else's
    outages: list[Outage]  # of ways that these configs go
    log: list[Delivery]
    more: bool
    failed: int


def notification_page(*, user: User, failed_only: bool) -> NotificationPage:
    """One's own configs and log; admins see everybody's."""
    configs = list(configs_seen_by(user)[:CONFIGS_SHOWN])
    ways = {way(config) for config in configs}
    status = Delivery.Status.FAILED.value
    log = deliveries_seen_by(user, status=status if failed_only else None)
    rows = list(log.select_related("event__alert__device")[: LOG_SHOWN + 1])
    return NotificationPage(
        own=[config for config in configs if config.owner_id == user.pk],
        others=sorted(
            (config for config in configs if config.owner_id != user.pk),
            key=lambda config: (config.owner_id is not None, str(config.owner or ""), config.pk),
        ),
        outages=[outage for outage in outages() if outage.transport in ways],
        log=rows[:LOG_SHOWN],
        more=len(rows) > LOG_SHOWN,
        failed=deliveries_seen_by(user, status=status).count(),
    )
