"""What may be told of where a config goes, also when nobody can read its address any more."""

from alerts.models import NotificationConfig
from alerts.outbox.transports import MAIL, TRANSPORTS
from factory.sealed import CannotUnseal


def shown(config: NotificationConfig) -> str:
    """Its recipient as people may see it."""
    try:
        return TRANSPORTS[config.type].shown(config.recipient)
    except CannotUnseal:
        return "…"


def way(config: NotificationConfig) -> str:
    """The way to there, as in `Outage.transport`."""
    try:
        return TRANSPORTS[config.type].way(config.recipient, config.pk)
    except CannotUnseal:
        return MAIL if config.type == NotificationConfig.Type.EMAIL else f"{config.type}:#{config.pk}"
