"""What the tests of rollups, days and charts share."""

from telemetry.batch import Sample
from telemetry.fold import QUARTER_MS
from telemetry.metrics import Metric
from telemetry.models import Quarter
from telemetry.queries import aggregated
from telemetry.services import store_readings

MINUTE = 60_000
HOUR = 60 * MINUTE

# What `declared_rules` declares, beside the gauges that are built in.
RULES = {
    "level": Metric("level", "Level", "l", integration="hold", max_gap_seconds=3600),
    "meter": Metric("meter", "Meter", "kWh", kind="counter"),
}


def put(device, *points):
    return store_readings(samples=[Sample(device.pk, at, data) for at, data in points], received_at=10**12)


def answer(devices, start, end, interval=QUARTER_MS, **options):
    return aggregated(
        device_ids=[d.pk for d in devices], start=start, end=end, interval_ms=interval, **options
    )


def quarters():
    return {(q.device_id, q.metric, q.bucket): q for q in Quarter.objects.all()}
