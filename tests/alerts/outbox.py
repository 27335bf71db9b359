"""What the tests of notifications share: configs, and alerts that put something into the outbox."""

from datetime import datetime
from itertools import count
from typing import Any

from alerts.models import Alert, AlertEvent, Delivery, NotificationConfig
from alerts.services.configs import register_config
from alerts.services.lifecycle import open_alert
from tests.builders import NOON, make_user

_numbers = count(1)


def make_config(*, at: datetime = NOON, **properties: Any) -> NotificationConfig:
    """An e-mail config of a new person, unless something else is said."""
    owner = properties.pop("owner", None) or make_user(role="admin" if properties.get("plant") else "user")
    given = {"type": "email", "recipient": f"person{next(_numbers)}@example.com", **properties}
    return register_config(by=owner, at=at, **given)


def raise_trouble(
    *, severity: str = "critical", at: datetime = NOON, message: str = "Too hot", **about: Any
) -> Alert:
    """A new alert, told of to everyone whom it concerns."""
    return open_alert(
        open_key=f"trouble:{next(_numbers)}",
        type="system_error",
        severity=severity,
        message=message,
        at=at,
        started_at=at,
        **about,
    )


def event_of(alert: Alert) -> AlertEvent:
    return alert.events.get()


def statuses() -> list[str]:
    """How all deliveries stand, oldest first."""
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))
