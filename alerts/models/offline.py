from django.db import models

from alerts.models.alerts import Alert
from devices.models import Device


class OfflineWatch(models.Model):
    """A device that has gone silent: from when on that is worth an alert, and the alert that tells of it."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    zone = models.CharField(max_length=64, blank=True, db_index=True)  # where it stood when it went
    since = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)
    alert = models.ForeignKey(Alert, models.SET_NULL, null=True, related_name="silent_devices")
