from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from devices.models import Device, ExactCharField
from grouping.models import Group

LONGEST_MICRO_STOP = 300  # seconds
USUAL_MICRO_STOP = 60


class MachineProfile(models.Model):
    """What a device is as a machine, from `valid_from` on: how fast it can be, what it counts, when it runs.

    It runs while a metric is above a level (each value holds until the next one, or for the metric's maximum
    gap), or between events (a metric above 0 begins, 0 ends; each holds until the next one), or while its status is
    one of some.
    """

    class RunningBy(models.TextChoices):
        METRIC = "metric", gettext_lazy("Metric")
        EVENTS = "events", gettext_lazy("Events")
        STATUS = "status", gettext_lazy("Status")

    device = models.ForeignKey(Device, models.CASCADE, related_name="machine_profiles")
    valid_from = models.BigIntegerField(default=0)  # ms; 0: since ever
    ideal_cycle_seconds = models.FloatField()
    total_metric = ExactCharField(max_length=63)
    good_metric = ExactCharField(max_length=63, blank=True)
    reject_metric = ExactCharField(max_length=63, blank=True)
    running_by = models.CharField(max_length=8, choices=RunningBy)
    running_metric = ExactCharField(max_length=63, blank=True)
    running_above = models.FloatField(default=0.0)
    running_statuses = models.JSONField(default=list, blank=True)
    micro_stop_seconds = models.PositiveIntegerField(
        default=USUAL_MICRO_STOP, validators=[MaxValueValidator(LONGEST_MICRO_STOP)]
    )
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "valid_from"], name="one_profile_from_a_time_on"),
            models.CheckConstraint(condition=Q(ideal_cycle_seconds__gt=0), name="a_cycle_takes_time"),
            models.CheckConstraint(condition=Q(good_metric="") | Q(reject_metric=""), name="good_or_rejects"),
        ]
        ordering = ["device", "valid_from"]

    def __str__(self) -> str:
        return f"Machine profile of device {self.device_id}"


class Product(models.Model):
    """A product that a machine makes in a cycle of its own."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="products")
    name = ExactCharField(max_length=120)
    ideal_cycle_seconds = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "name"], name="one_product_of_a_name"),
            models.CheckConstraint(condition=Q(ideal_cycle_seconds__gt=0), name="a_product_takes_time"),
        ]

    def __str__(self) -> str:
        return self.name


class ProductRun(models.Model):
    """From `start` (ms) on a machine makes a product; null: whatever its profile says."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    product = models.ForeignKey(Product, models.CASCADE, null=True, related_name="runs")
    start = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "start"], name="one_product_at_a_time")]

    def __str__(self) -> str:
        return f"Product {self.product_id} of device {self.device_id} from {self.start}"


class Line(models.Model):
    """A group that is a serial line: one station, its bottleneck or its last one, speaks for all of it."""

    group = models.OneToOneField(Group, models.CASCADE, primary_key=True, related_name="+")
    station = models.ForeignKey(Device, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"Line {self.group_id} by device {self.station_id}"


class MachineMark(models.Model):
    """Up to where a machine's states are derived. Its row is the lock that orders all writing of them.

    `seen_at` is the newest sample that was looked at. Results of shifts are kept up to `kept_to`; `edition` moves with
    everything that changes what a shift comes to, so that nobody keeps a result of before.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    seen_at = models.BigIntegerField(null=True)
    followed_to = models.BigIntegerField(null=True)
    kept_to = models.BigIntegerField(default=0)
    edition = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"States of device {self.device_id}"


class Redo(models.Model):
    """A span of time of which a machine's states are to be derived anew, since something came late or is other."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    start = models.BigIntegerField()
    end = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["device"], name="redo_by_device")]

    def __str__(self) -> str:
        return f"Redo of device {self.device_id}"
