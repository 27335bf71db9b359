"""`manage.py rebuild_rollups`: compute the quarter-hours anew from raw, by the metrics' rules of today."""

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from telemetry.models import State
from telemetry.rules import known_metrics
from telemetry.services.metrics import note_rebuilt
from telemetry.services.rollups import rebuild


class Command(BaseCommand):
    help = "Compute the rollups anew where raw readings are still there. The plant may run meanwhile."

    def handle(self, **options: Any) -> None:
        due = [metric.key for metric in known_metrics() if metric.rebuild_due]
        devices = list(State.objects.order_by("device_id").values_list("device_id", flat=True))
        quarters = 0
        for device_id in tqdm(devices, unit="device", disable=None, leave=False):
            quarters += rebuild(device_id=device_id)
        note_rebuilt(keys=due)
        self.stdout.write(f"Rebuilt {quarters} quarter-hours of {len(devices)} devices.")
