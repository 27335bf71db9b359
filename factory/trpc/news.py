"""What a subscription says: news that is on the wire already, as `/ws` has it, declared as any other output."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from factory.trpc.serializers import WireSerializer, wire_name


class NewsSerializer(WireSerializer):
    """Reads its fields under their wire names."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for name, field in fields.items():
            if field.source is None and wire_name(name) != name:
                field.source = wire_name(name)
        return fields


class NewsTime(serializers.DateTimeField):
    """A time that came as ISO 8601: a Date for those clients that know dates."""

    def to_representation(self, value: Any) -> Any:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
