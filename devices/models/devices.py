from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy

from devices.models.fields import ExactCharField

EXTERNAL_ID = r"^[A-Za-z0-9._:-]{1,64}\Z"


class DeviceQuerySet(models.QuerySet["Device"]):
    def with_presence(self) -> "DeviceQuerySet":
        return self.select_related("presence")

    def in_service(self) -> "DeviceQuerySet":
        return self.filter(deactivated_at=None)


class Device(models.Model):
    """A machine, sensor or gateway on the floor."""

    class Type(models.TextChoices):
        SENSOR = "sensor", gettext_lazy("Sensor")
        ACTUATOR = "actuator", gettext_lazy("Actuator")
        CONTROLLER = "controller", gettext_lazy("Controller")
        GATEWAY = "gateway", gettext_lazy("Gateway")

    class Status(models.TextChoices):
        ONLINE = "online", gettext_lazy("Online")
        OFFLINE = "offline", gettext_lazy("Offline")
        MAINTENANCE = "maintenance", gettext_lazy("Maintenance")
        ERROR = "error", gettext_lazy("Error")

    # The name the device uses for itself: `deviceId` in a device object, its user name on MQTT.
    external_id = ExactCharField(
        "device id",
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(EXTERNAL_ID, gettext_lazy("Letters, digits and . _ : - only, at most 64."))
        ],
        help_text="Never changes. Letters, digits and . _ : - only.",
    )
    name = models.CharField(max_length=120)
    type = models.CharField(max_length=16, choices=Type)
    status = models.CharField(max_length=16, choices=Status, default=Status.OFFLINE)
    location = models.CharField(max_length=120, blank=True)
    zone = models.CharField(max_length=64, blank=True, db_index=True)
    firmware_version = models.CharField(max_length=64, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # Out of service for good or for long: it keeps its history, and has no token, no place in lists and batches.
    deactivated_at = models.DateTimeField(null=True, editable=False)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["status", "id"], name="device_by_status"),
            models.Index(fields=["name", "id"], name="device_by_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.external_id})"

    @property
    def last_seen_at(self):
        presence = getattr(self, "presence", None)
        return presence.last_seen_at if presence else None
