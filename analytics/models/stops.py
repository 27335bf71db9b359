from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from devices.models import Device, ExactCharField
from factory.accounts.models import User


class StopCode(models.Model):
    """Why a machine stands. A planned stop is not planned busy time; any other one is a loss of availability."""

    code = ExactCharField(max_length=40, primary_key=True)
    label = models.CharField(max_length=120)
    planned = models.BooleanField(default=False)
    failure = models.BooleanField(default=False)  # it counts for MTBF and MTTR
    active = models.BooleanField(default=True)  # offered to people; what has it already keeps it

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(planned=False) | Q(failure=False), name="no_failure_is_planned"
            )
        ]

    def __str__(self) -> str:
        return self.label


class StateInterval(models.Model):
    """What a machine did from `start` to `end` (ms).

    Derived from what it reports: then neighbours differ in their state, and rows change when something comes late.
    Or added by a person who says that it stood: then it goes before what was derived.
    """

    class State(models.TextChoices):
        RUNNING = "running", gettext_lazy("Running")
        STOPPED = "stopped", gettext_lazy("Stopped")
        UNKNOWN = "unknown", gettext_lazy("Unknown")

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State)
    is_added = models.BooleanField(default=False)
    code = models.ForeignKey(
        StopCode, models.PROTECT, null=True, blank=True, related_name="+"
    )  # of an added one
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        db_table = "analytics_state_interval"
        constraints = [
            models.UniqueConstraint(fields=["device", "is_added", "start"], name="one_state_at_a_time"),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="a_state_lasts"),
        ]
        indexes = [models.Index(fields=["device", "end"], name="state_by_end")]

    def __str__(self) -> str:
        return f"Device {self.device_id} {self.state} from {self.start}"


class StopReason(models.Model):
    """What a person said of the derived stop that lay at `start` to `end` (ms), so that it survives being derived
    anew: a stop has the reason that covers most of it."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    code = models.ForeignKey(StopCode, models.PROTECT, related_name="+")
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["device", "start"], name="reason_by_device")]
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("start")), name="a_reason_has_a_time")]

    def __str__(self) -> str:
        return f"{self.code_id} at {self.start} of device {self.device_id}"
