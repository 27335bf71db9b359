"""Devices that went silent, as beat comes to know of them."""

from datetime import timedelta

from alerts.models import Alert, Delivery
from alerts.services.offline import watch_silence
from devices.presence import hear_status
from devices.services import note_seen, notice_silent_devices
from tests.builders import NOON, make_device

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
GONE = NOON + 2 * MINUTE  # who was last heard at noon is held for offline
DUE = GONE + MINUTE


def a_turn(at):
    """What beat does every few seconds."""
    notice_silent_devices(at=at)
    watch_silence(at=at)


def silent(*, last_heard=NOON, at=None, **properties):
    """A device that was last heard at noon and has just been noticed to be gone."""
    device = make_device(**properties)
    note_seen(device_ids=[device.pk], at=last_heard)
    notice_silent_devices(at=at or last_heard + 2 * MINUTE)
    return device


def hall(count, **properties):
    return [silent(zone="Hall B", name=f"Press {number}", **properties) for number in range(1, count + 1)]


def hear(device, at):
    note_seen(device_ids=[device.pk], at=at)


def say(device, word, at):
    hear_status(external_id=device.external_id, word=word, at=at)


def alerts():
    return list(Alert.objects.order_by("pk").values_list("message", "severity", "status", "occurrences"))


def steps(alert=None):
    alert = alert or Alert.objects.get()
    return list(alert.events.order_by("pk").values_list("kind", "note"))


def told():
    return list(Delivery.objects.order_by("pk").values_list("event__kind", flat=True))
