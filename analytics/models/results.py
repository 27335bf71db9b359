from django.db import models

from devices.models import Device


class ShiftResult(models.Model):
    """What a machine's shift came to, kept when nothing can change it by itself any more.

    Only ever a copy of what would be computed anew: whatever changes one of its parts deletes it. The columns are
    those of `analytics.oee.sums.Sums`.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    start = models.BigIntegerField()  # ms, of the shift
    end = models.BigIntegerField()
    shift_ms = models.BigIntegerField()
    break_ms = models.BigIntegerField()
    planned_stop_ms = models.BigIntegerField()
    planned_ms = models.BigIntegerField()
    run_ms = models.BigIntegerField()
    micro_ms = models.BigIntegerField()
    micro_stops = models.IntegerField()
    down_ms = models.BigIntegerField()
    stops = models.IntegerField()
    unknown_ms = models.BigIntegerField()
    total = models.FloatField()
    good = models.FloatField()
    ideal_ms = models.FloatField()
    good_ideal_ms = models.FloatField()
    by_code = models.JSONField(default=dict)
    planned_by_code = models.JSONField(default=dict)
    flags = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "start", "end"], name="one_result_of_a_shift")
        ]
        indexes = [models.Index(fields=["start"], name="result_by_start")]

    def __str__(self) -> str:
        return f"Shift of device {self.device_id} from {self.start}"
