from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef

from devices.models.devices import Device


class StatusChangeQuerySet(models.QuerySet["StatusChange"]):
    def turns_since(self, at: datetime) -> "StatusChangeQuerySet":
        """Changes after `at` from another status; the first that is noted of a device is how it began, not a turn."""
        earlier = StatusChange.objects.filter(device=OuterRef("device"), at__lt=OuterRef("at"))
        return self.filter(Exists(earlier), at__gt=at)


class StatusChange(models.Model):
    """From `at` on a device had this status. One that fell silent was offline since it was last heard."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="status_changes")
    status = models.CharField(max_length=16, choices=Device.Status)
    at = models.DateTimeField()

    objects = StatusChangeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["device", "at", "id"], name="status_by_device"),
            models.Index(fields=["at"], name="status_by_time"),
        ]

    def __str__(self) -> str:
        return f"Device {self.device_id} {self.status} from {self.at:%Y-%m-%d %H:%M:%S}"
