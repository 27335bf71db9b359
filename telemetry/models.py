from django.db import models

from devices.models import Device


class Reading(models.Model):
    """What a device measured at one moment: `data` is {metric: number}. Times are ms since the epoch, UTC.

    No foreign key, because partitioned tables may not have one; no admin, because it refuses
    composite keys. Written by `telemetry.services.store_readings` only.
    """

    pk = models.CompositePrimaryKey("device_id", "timestamp")
    device_id = models.BigIntegerField()
    timestamp = models.BigIntegerField()
    data = models.JSONField()
    received_at = models.BigIntegerField()


class State(models.Model):
    """The newest value of each metric of a device, {metric: [value, timestamp]}, and its newest time.

    Its row is the lock that orders all writing of one device's readings.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    newest = models.BigIntegerField(null=True)
    latest = models.JSONField(default=dict)
