"""What tests of pages share: an alert to look at, and reading a page as a person does."""

import re
from html import unescape

from django.utils import timezone

from alerts.models import Alert, Delivery, NotificationConfig, Threshold
from devices.models import Device
from tests.alerts.outbox import raise_trouble
from tests.builders import NOON, make_device, make_threshold, store

NASTY = '<script>alert("x")</script>'
HTMX = {"HX-Request": "true"}
ROLES = ("user", "operator", "technician", "admin")


def make_alert(device: Device | None = None, *, value: float = 96.4) -> Alert:
    device = device or make_device(name="Press 3", zone="Hall B")
    if not Threshold.objects.filter(device=device).exists():
        make_threshold(device, max_value=90.0, warning_max=80.0)
    store(device, (timezone.now(), value))
    return Alert.objects.get(device=device)


def words(response) -> str:
    """What a person reads: the page without its tags."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", unescape(text))


def failed_delivery(config: NotificationConfig) -> Delivery:
    """A message by this config that the other side refused."""
    raise_trouble(message="Too hot")
    delivery = Delivery.objects.get(config=config)
    Delivery.objects.filter(pk=delivery.pk).update(status="failed", error="550 No such user", attempts=1)
    delivery.tries.create(at=NOON, succeeded=False, words="550 No such user")
    return delivery
