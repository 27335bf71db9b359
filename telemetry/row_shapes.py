"""What `telemetry.rows` looks like to clients, for every room's procedures."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from factory.trpc.fields import MILLIS
from factory.trpc.serializers import FreeForm, WireSerializer
from telemetry.door import READINGS_LIMIT
from telemetry.metrics import DECLARED

_WHOSE = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}
_WHEN = {"type": "integer", "format": MILLIS}
_VALUE = {"type": ["number", "null"]}
_DATA = {"type": "object", "additionalProperties": _VALUE}
# What `telemetry.door` takes. It judges item by item: what of many is not so is rejected, and the others are stored.
ONE_READING = {
    "type": "object",
    "properties": {"deviceId": _WHOSE, "data": _DATA, "timestamp": _WHEN},
    "required": ["data"],
}
FLAT_READING = {
    "type": "object",
    "properties": {
        "deviceId": _WHOSE,
        **{metric.key: _VALUE for metric in DECLARED},
        "timestamp": _WHEN,
    },
}
MANY_READINGS = {
    "type": "object",
    "properties": {
        "deviceId": _WHOSE,
        "readings": {"type": "array", "items": ONE_READING, "minItems": 1, "maxItems": READINGS_LIMIT},
    },
    "required": ["readings"],
}
MESSAGE = {"anyOf": [ONE_READING, FLAT_READING, MANY_READINGS]}


class Measured(WireSerializer):
    """What all shapes of a reading have."""

    device_id = serializers.IntegerField()
    timestamp = serializers.IntegerField()
    temperature = serializers.FloatField(allow_null=True)
    humidity = serializers.FloatField(allow_null=True)
    vibration = serializers.FloatField(allow_null=True)
    power = serializers.FloatField(allow_null=True)
    pressure = serializers.FloatField(allow_null=True)
    rpm = serializers.FloatField(allow_null=True)


class ReadingRow(Measured):
    data = serializers.DictField(child=serializers.FloatField())  # type: ignore[assignment]  # a field called data


class MetricFigures(WireSerializer):
    """What a bucket says of one metric; `integral` is in the metric's unit times seconds."""

    avg = serializers.FloatField()
    min = serializers.FloatField()
    max = serializers.FloatField()
    sum = serializers.FloatField()
    count = serializers.IntegerField()
    last = serializers.FloatField()
    integral = serializers.FloatField()
    covered_ms = serializers.IntegerField()
    increase = serializers.FloatField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField(), required=False)


@extend_schema_field(serializers.DictField(child=MetricFigures()))
class FiguresByMetric(FreeForm):
    """Made as it goes out."""


class BucketRow(WireSerializer):
    timestamp = serializers.IntegerField()
    count = serializers.IntegerField()
    avg_temperature = serializers.FloatField(source="avgTemperature", allow_null=True)
    avg_humidity = serializers.FloatField(source="avgHumidity", allow_null=True)
    avg_power = serializers.FloatField(source="avgPower", allow_null=True)
    avg_vibration = serializers.FloatField(source="avgVibration", allow_null=True)
    avg_pressure = serializers.FloatField(source="avgPressure", allow_null=True)
    avg_rpm = serializers.FloatField(source="avgRpm", allow_null=True)
    metrics = FiguresByMetric()
