from django.conf import settings
from django.db import models

from devices.models.devices import Device


class Configuration(models.Model):
    """A device's twin: how people want it set up, and how it says it is."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="configuration")
    desired = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)  # of what is desired; 0: nobody has wished anything yet
    desired_at = models.DateTimeField(null=True)
    reported = models.JSONField(null=True)
    reported_version = models.PositiveIntegerField(null=True)
    reported_at = models.DateTimeField(null=True)
    in_sync = models.BooleanField(default=True)  # every desired value is reported as such
    # When being apart becomes news. Null: in sync, told already, or the device is away and cannot follow.
    drift_at = models.DateTimeField(null=True)
    drifted_at = models.DateTimeField(null=True)  # since when people know that it is apart
    push_at = models.DateTimeField(null=True)  # when the desired side is to be sent out; null: it was

    class Meta:
        indexes = [
            models.Index(fields=["push_at"], name="configuration_by_push"),
            models.Index(fields=["drift_at"], name="configuration_by_drift"),
        ]

    def __str__(self) -> str:
        return f"Configuration of device {self.device_id}"


class ConfigurationVersion(models.Model):
    """What was desired, version by version, and by whom."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="configuration_versions")
    version = models.PositiveIntegerField()
    desired = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "version"], name="one_configuration_per_version")
        ]

    def __str__(self) -> str:
        return f"Version {self.version} of device {self.device_id}"
