"""What the inputs of this room's procedures have in common."""

import re
from datetime import date, time
from string import ascii_letters, digits
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices.fields import DeviceReference
from factory.errors import InvalidInput
from factory.trpc.serializers import MomentField, StrictInteger, StrictString, WireSerializer

CLOCK = re.compile(r"(\d\d):(\d\d)", re.ASCII)
CODE = frozenset(ascii_letters + digits + "._-")


@extend_schema_field({"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9]$"})
class ClockField(serializers.Field):
    """A time of the clock, "06:00" to "23:59"."""

    default_error_messages = {"clock": "Expected a time of the clock such as 06:00."}

    def to_internal_value(self, data: Any) -> time:
        try:
            hours, minutes = CLOCK.fullmatch(data).groups()  # type: ignore[union-attr]  # refused below
            return time(int(hours), int(minutes))
        except (AttributeError, TypeError, ValueError):
            return self.fail("clock")

    def to_representation(self, value: time) -> str:
        return f"{value:%H:%M}"


@extend_schema_field({"type": "string", "format": "date"})
class DayField(serializers.Field):
    """A day of the calendar, "2026-12-24"."""

    default_error_messages = {"day": "Expected a day such as 2026-12-24."}

    def to_internal_value(self, data: Any) -> date:
        try:
            return date.fromisoformat(data if len(data) == 10 else "")
        except (TypeError, ValueError):
            return self.fail("day")

    def to_representation(self, value: date | str) -> str:
        return str(value)


class Of(WireSerializer):
    """A device, a group, or with neither the plant."""

    device_id = DeviceReference(required=False)
    group_id = StrictInteger(min_value=1, required=False)


class Within(Of):
    start_time = MomentField()
    end_time = MomentField()


class ByDevice(WireSerializer):
    device_id = DeviceReference()


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


@extend_schema_field({"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,40}$"})
class Code(StrictString):
    """The code of a stop: letters, digits and . _ - only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=40, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text or not all(sign in CODE for sign in text):
            raise serializers.ValidationError("Letters, digits and . _ - only.")
        return text


def one_of(device_id: object, group_id: object) -> None:
    if device_id is not None and group_id is not None:
        raise InvalidInput.at("groupId", "give either deviceId or groupId")
