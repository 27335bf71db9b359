"""Who may listen to what devices do, and how channels and subscriptions speak of a device: for every room's."""

from rest_framework import serializers

from devices.fields import DeviceReference
from devices.identity import DevicePrincipal
from devices.queries import find_device
from factory.accounts.permissions import VIEWER
from factory.errors import InvalidInput
from factory.trpc.serializers import StrictString, WireSerializer

DEVICES_AT_ONCE = 100


def device_key(text: str) -> int | None:
    """The `<id>` of a channel name: the integer id, or the device's own."""
    device = find_device(int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None
    device = device or find_device(text)
    return device.pk if device else None


def may_watch(listener) -> bool:
    """People watch; a device is told only what is meant for it."""
    return not isinstance(listener.principal, DevicePrincipal) and VIEWER.allows(listener)


class OfDevices(WireSerializer):
    """The input of a subscription about devices: one, some, or all of them."""

    device_id = DeviceReference(required=False, allow_null=True)
    device_ids = serializers.ListField(
        child=DeviceReference(), required=False, allow_null=True, max_length=DEVICES_AT_ONCE
    )
    last_event_id = StrictString(required=False, allow_null=True, max_length=100)

    @staticmethod
    def names(
        *, device_id: int | str | None = None, device_ids: list[int | str] | None = None
    ) -> list[str] | None:
        """As channel names have them; None for all devices."""
        if device_id is not None and device_ids is not None:
            raise InvalidInput.at("deviceIds", "not together with deviceId")
        if device_id is not None:
            return [str(device_id)]
        return None if device_ids is None else [str(each) for each in device_ids]
