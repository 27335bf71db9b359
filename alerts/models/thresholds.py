from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from devices.models import Device
from factory.accounts.models import User
from grouping.models import Group

ONE_SCOPE = (
    Q(device__isnull=False, group__isnull=True, device_type__isnull=True)
    | Q(device__isnull=True, group__isnull=False, device_type__isnull=True)
    | Q(device__isnull=True, group__isnull=True, device_type__isnull=False)
)


class Threshold(models.Model):
    """What is expected of one metric: outside min..max is critical, outside the warning band a warning.

    It reaches one device, the devices of a group, or the devices of a type; the narrowest that reaches
    a device is in force.
    """

    device = models.ForeignKey(Device, models.CASCADE, null=True, blank=True, related_name="thresholds")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="thresholds")
    # Null where another scope is meant: three unique pairs need it.
    device_type = models.CharField(max_length=16, choices=Device.Type, null=True, blank=True)  # noqa: DJ001
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
            models.UniqueConstraint(fields=["device", "metric"], name="one_threshold_per_device_metric"),
            models.UniqueConstraint(fields=["group", "metric"], name="one_threshold_per_group_metric"),
            models.UniqueConstraint(fields=["device_type", "metric"], name="one_threshold_per_type_metric"),
            models.CheckConstraint(condition=ONE_SCOPE, name="threshold_has_one_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.scope}"

    @property
    def scope(self) -> str:
        """What it reaches, in words; without a query where `device` and `group` are loaded."""
        if self.device_id:
            return str(self.device)
        if self.group_id:
            return f"group {self.group}"
        return f"every {self.device_type}"


class ThresholdChange(models.Model):
    """Who changed what is expected, and when: a row for each threshold made, changed or taken away."""

    class Kind(models.TextChoices):
        CREATED = "created", gettext_lazy("Created")
        CHANGED = "changed", gettext_lazy("Changed")
        DELETED = "deleted", gettext_lazy("Deleted")

    threshold_id = models.BigIntegerField(db_index=True)  # the threshold may be gone
    scope = models.CharField(max_length=190)
    metric = models.CharField(max_length=63)
    kind = models.CharField(max_length=16, choices=Kind)
    before = models.JSONField(default=dict)  # {field: value}, only what differs
    after = models.JSONField(default=dict)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.metric} of {self.scope} {self.kind}"


class Rulebook(models.Model):
    """One row: which edition of the rules is in force. Every change of what reaches whom begins a new one.

    The number is drawn, not counted up: what a rolled back transaction read under it never comes back.
    """

    edition = models.BigIntegerField()


class ConditionState(models.Model):
    """Where a judged metric stands (`alerts.rules.Condition`) while it is not at rest.

    Written under the device's telemetry lock only. `late` says that its open alert began in a backlog
    and that nobody has been told yet. Times are in ms since the epoch.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    metric = models.CharField(max_length=63)
    warning = models.BooleanField(default=False)
    warning_since = models.BigIntegerField(null=True)
    warning_count = models.PositiveIntegerField(default=0)
    critical = models.BooleanField(default=False)
    critical_since = models.BigIntegerField(null=True)
    critical_count = models.PositiveIntegerField(default=0)
    value = models.FloatField()  # of the reading that moved it last
    late = models.BooleanField(default=False)
    lag_ms = models.BigIntegerField(default=0)  # how long after its time that reading arrived
    due_at = models.BigIntegerField(null=True)  # when a delay runs out, if nothing is heard until then
    edition = models.BigIntegerField(default=0)  # of the rulebook it was judged by

    class Meta:
        db_table = "alerts_condition"
        constraints = [
            models.UniqueConstraint(fields=["device", "metric"], name="one_condition_per_device_metric")
        ]
        indexes = [models.Index(fields=["due_at"], name="condition_by_deadline")]
