from django.db import models

from devices.models import Device
from factory.accounts.models import User


class Threshold(models.Model):
    """What is expected of one metric of a device: outside min..max is critical, outside the warning band a warning."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="thresholds")
    metric = models.CharField(max_length=63)
    min_value = models.FloatField(null=True, blank=True)
    max_value = models.FloatField(null=True, blank=True)
    warning_min = models.FloatField(null=True, blank=True)
    warning_max = models.FloatField(null=True, blank=True)
    hysteresis = models.FloatField(default=0)
    hold_seconds = models.PositiveIntegerField(default=0, help_text="How long a breach must last.")
    clear_seconds = models.PositiveIntegerField(default=0, help_text="How long the return must last.")
    count = models.PositiveIntegerField(default=1, help_text="How many readings in a row must breach.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "metric"], name="one_threshold_per_device_metric")
        ]

    def __str__(self) -> str:
        return f"{self.metric} of device {self.device_id}"


class ConditionState(models.Model):
    """Where a judged metric stands (`alerts.rules.Condition`), kept so that any process can go on judging.

    Written under the device's telemetry lock only. `late` says that its open alert began in a backlog
    and that nobody has been told yet.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    metric = models.CharField(max_length=63)
    warning = models.BooleanField(default=False)
    warning_since = models.BigIntegerField(null=True)
    warning_count = models.PositiveIntegerField(default=0)
    critical = models.BooleanField(default=False)
    critical_since = models.BigIntegerField(null=True)
    critical_count = models.PositiveIntegerField(default=0)
    late = models.BooleanField(default=False)

    class Meta:
        db_table = "alerts_condition"
        constraints = [
            models.UniqueConstraint(fields=["device", "metric"], name="one_condition_per_device_metric")
        ]


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> "AlertQuerySet":
        return self.exclude(status=Alert.Status.RESOLVED)


class Alert(models.Model):
    """Something on the floor that needs a human."""

    class Type(models.TextChoices):
        THRESHOLD_EXCEEDED = "threshold_exceeded"
        DEVICE_OFFLINE = "device_offline"
        FIRMWARE_UPDATE = "firmware_update"
        MAINTENANCE_REQUIRED = "maintenance_required"
        SYSTEM_ERROR = "system_error"

    class Severity(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        CRITICAL = "critical"

    class Status(models.TextChoices):
        ACTIVE = "active"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    device = models.ForeignKey(Device, models.CASCADE, null=True, related_name="alerts")
    type = models.CharField(max_length=32, choices=Type)
    severity = models.CharField(max_length=16, choices=Severity)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    metric = models.CharField(max_length=63, blank=True)
    value = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    message = models.CharField(max_length=300)
    # At most one open alert per thing that can go wrong. MariaDB has no partial index, so the key is
    # null once the alert is resolved, and the database holds the rest.
    open_key = models.CharField(max_length=100, unique=True, null=True, editable=False)  # noqa: DJ001
    occurrences = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(help_text="When it began on the floor (event time).")
    ended_at = models.DateTimeField(null=True, help_text="When it was over on the floor (event time).")
    late = models.BooleanField(default=False, help_text="Began in readings that arrived late.")
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
        ]

    def __str__(self) -> str:
        return f"Alert {self.pk}: {self.message}"


class AlertEvent(models.Model):
    """One step in an alert's life. Its id is the `seq` that dashboards see."""

    class Kind(models.TextChoices):
        OPENED = "opened"
        ROSE = "rose"
        FELL = "fell"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16, choices=Kind)
    severity = models.CharField(max_length=16, choices=Alert.Severity)
    status = models.CharField(max_length=16, choices=Alert.Status)
    value = models.FloatField(null=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()


class Delivery(models.Model):
    """The outbox: one message about one event to one recipient, written with the alert itself."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"

    event = models.ForeignKey(AlertEvent, models.CASCADE, related_name="deliveries")
    recipient = models.CharField(max_length=190)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    # Pending: not before this moment. Sending: another worker may take over after it.
    due_at = models.DateTimeField()
    error = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "recipient"], name="one_delivery_per_event_recipient")
        ]
        indexes = [models.Index(fields=["status", "due_at"], name="delivery_by_due")]
        verbose_name_plural = "deliveries"
