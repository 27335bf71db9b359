from django.db import models
from django.utils.translation import gettext_lazy

from devices.models import Device
from factory.accounts.models import User


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> "AlertQuerySet":
        return self.exclude(status=Alert.Status.RESOLVED)


class Alert(models.Model):
    """Something on the floor that needs a human."""

    class Type(models.TextChoices):
        THRESHOLD_EXCEEDED = "threshold_exceeded", gettext_lazy("Threshold Exceeded")
        DEVICE_OFFLINE = "device_offline", gettext_lazy("Device Offline")
        FIRMWARE_UPDATE = "firmware_update", gettext_lazy("Firmware Update")
        MAINTENANCE_REQUIRED = "maintenance_required", gettext_lazy("Maintenance Required")
        SYSTEM_ERROR = "system_error", gettext_lazy("System Error")

    class Severity(models.TextChoices):
        INFO = "info", gettext_lazy("Info")
        WARNING = "warning", gettext_lazy("Warning")
        CRITICAL = "critical", gettext_lazy("Critical")

    class Status(models.TextChoices):
        ACTIVE = "active", gettext_lazy("Active")
        ACKNOWLEDGED = "acknowledged", gettext_lazy("Acknowledged")
        RESOLVED = "resolved", gettext_lazy("Resolved")

    class Silence(models.TextChoices):
        """Why nobody is told of it for the time being."""

        NONE = ""
        LATE = "late", gettext_lazy("Late")
        SHELVED = "shelved", gettext_lazy("Shelved")
        MAINTENANCE = "maintenance", gettext_lazy("Maintenance")

    device = models.ForeignKey(Device, models.CASCADE, null=True, related_name="alerts")
    zone = models.CharField(max_length=64, blank=True)  # of an alert about several devices
    type = models.CharField(max_length=32, choices=Type)
    severity = models.CharField(max_length=16, choices=Severity)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    metric = models.CharField(max_length=63, blank=True)
    value = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    message = models.CharField(max_length=300)
    # What it is about, for example `metric:7:temperature`: the same each time that it happens.
    key = models.CharField(max_length=190, editable=False)
    # At most one open alert per thing that can go wrong. MariaDB has no partial index, so this is the
    # key while the alert is open and null once it is resolved, and the database holds the rest.
    open_key = models.CharField(max_length=190, unique=True, null=True, editable=False)  # noqa: DJ001
    occurrences = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(help_text="When it began on the floor (event time).")
    ended_at = models.DateTimeField(null=True, help_text="When it was over on the floor (event time).")
    late = models.BooleanField(default=False, help_text="Began in readings that arrived late.")
    silence = models.CharField(max_length=16, choices=Silence, default=Silence.NONE, blank=True)
    assigned_to = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    acknowledged_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    shelved_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = AlertQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["status", "-id"], name="alert_by_status"),
            models.Index(fields=["device", "status", "-id"], name="alert_by_device"),
            models.Index(fields=["silence", "status"], name="alert_by_silence"),
            models.Index(fields=["created_at"], name="alert_by_creation"),
            models.Index(fields=["key", "-id"], name="alert_by_key"),
        ]

    def __str__(self) -> str:
        return f"Alert {self.pk}: {self.message}"


class AlertEvent(models.Model):
    """One step in an alert's life. Its id is the `seq` that dashboards see."""

    class Kind(models.TextChoices):
        OPENED = "opened", gettext_lazy("Opened")
        ROSE = "rose", gettext_lazy("Rose")
        FELL = "fell", gettext_lazy("Fell")
        ACKNOWLEDGED = "acknowledged", gettext_lazy("Acknowledged")
        RESOLVED = "resolved", gettext_lazy("Resolved")
        COMMENTED = "commented", gettext_lazy("Commented")
        ASSIGNED = "assigned", gettext_lazy("Assigned")
        SHELVED = "shelved", gettext_lazy("Shelved")
        ANNOUNCED = "announced", gettext_lazy("Announced")  # what silenced it is over, and it is still there
        CHANGED = "changed", gettext_lazy("Changed")  # of an alert about several devices: which of them

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16, choices=Kind)
    severity = models.CharField(max_length=16, choices=Alert.Severity)
    status = models.CharField(max_length=16, choices=Alert.Status)
    value = models.FloatField(null=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["kind", "at"], name="event_by_kind")]


class Shelf(models.Model):
    """What somebody put aside for a while: its alerts are kept, but nobody is told of them.

    Shelved `once`, only this occurrence is meant; otherwise every one until the time is over.
    """

    key = models.CharField(max_length=190, unique=True)  # as in Alert.key
    until = models.DateTimeField(db_index=True)
    once = models.BooleanField(default=False)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "shelves"

    def __str__(self) -> str:
        return f"{self.key} until {self.until:%Y-%m-%d %H:%M}"
