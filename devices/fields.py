"""Serializer fields that speak of devices, for every room's procedures."""

from rest_framework import serializers


class DeviceReference(serializers.Field):
    """A device by its integer id or its string device id."""

    default_error_messages = {"invalid": "must be the integer id or the string device id"}

    def to_internal_value(self, data) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("invalid")
        if isinstance(data, int) and not 0 < data < 2**63:
            self.fail("invalid")
        return data

    def to_representation(self, value):
        return value
