"""Serializer fields that speak of devices, for every room's procedures."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

MOST = 2**63 - 1


@extend_schema_field({"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST}, {"type": "string"}]})
class DeviceReference(serializers.Field):
    """A device by its integer id or its string device id."""

    default_error_messages = {"invalid": "must be the integer id or the string device id"}

    def to_internal_value(self, data) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("invalid")
        if isinstance(data, int) and not 0 < data <= MOST:
            self.fail("invalid")
        return data

    def to_representation(self, value):
        return value
