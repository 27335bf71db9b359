"""Acknowledging by the link in a message: whoever has the message may, without signing in."""

from datetime import datetime

from alerts.models import Alert
from alerts.queries.notifications import delivery_of_link
from alerts.services.handling import acknowledge_alert


def acknowledge_by_link(*, token: str, at: datetime) -> Alert:
    """As the person whose config the message was sent by; by the plant's own, as nobody."""
    delivery = delivery_of_link(token, at=at)
    assert delivery.config is not None
    assert delivery.event is not None
    note = f"By the link sent to {delivery.recipient}."
    return acknowledge_alert(alert=delivery.event.alert, by=delivery.config.owner, at=at, note=note)
