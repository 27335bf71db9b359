from collections.abc import Iterable
from functools import partial

from django.db import transaction

from devices.models import Device
from devices.signals import devices_changed


def tell_of_changes(device_ids: Iterable[int]) -> None:
    """Let rooms above know, after the commit, that filters may find these devices where they did not, or no more."""
    ids = sorted(set(device_ids))
    if ids:
        # What the news leads to is mended by a sweep where it fails; it never costs the change itself.
        news = partial(devices_changed.send, sender=Device, device_ids=ids)
        transaction.on_commit(news, robust=True)
