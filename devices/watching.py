"""Who may listen to what devices do, and how channel names speak of a device: for every room's channels."""

from devices.identity import DevicePrincipal
from devices.queries import find_device
from factory.accounts.permissions import VIEWER


def device_key(text: str) -> int | None:
    """The `<id>` of a channel name: the integer id, or the device's own."""
    device = find_device(int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None
    device = device or find_device(text)
    return device.pk if device else None


def may_watch(listener) -> bool:
    """People watch; a device is told only what is meant for it."""
    return not isinstance(listener.principal, DevicePrincipal) and VIEWER.allows(listener)
