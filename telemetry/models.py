from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from devices.models import Device, ExactCharField


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
    # Out of service: readings are refused. In this row, so that the refusal costs no look-up of its own.
    is_closed = models.BooleanField(default=False, db_default=False)


class Rollup(models.Model):
    """What a device's readings of one metric come to in one bucket, which begins at `bucket` (ms since the epoch).

    The row with an empty metric counts the readings themselves. A bucket that only an interval between two
    samples crosses has no samples: its count is 0 and its values are null.
    """

    pk = models.CompositePrimaryKey("device_id", "metric", "bucket")
    device_id = models.BigIntegerField()
    metric = ExactCharField(max_length=63)
    bucket = models.BigIntegerField()
    count = models.IntegerField()
    sum = models.FloatField()
    min = models.FloatField(null=True)
    min_at = models.BigIntegerField(null=True)
    max = models.FloatField(null=True)
    max_at = models.BigIntegerField(null=True)
    first = models.FloatField(null=True)
    first_at = models.BigIntegerField(null=True)
    last = models.FloatField(null=True)
    last_at = models.BigIntegerField(null=True)
    integral = models.FloatField()  # the metric's unit times seconds
    covered_ms = models.BigIntegerField()
    increase = models.FloatField(null=True)  # of a counter
    resets = models.IntegerField(default=0, db_default=0)  # times it fell and was counted from 0 again
    rollovers = models.IntegerField(default=0, db_default=0)

    class Meta:
        abstract = True


class Quarter(Rollup):
    """A quarter of an hour. Recomputed from raw, never counted up by hand: `telemetry.services.rollups`."""


class Day(Rollup):
    """A calendar day of the plant: always the sum of its quarters, for answers over months and many devices."""


class Watermark(models.Model):
    """Up to where a device's readings are in the rollups; what is newer is answered from raw.

    `last` is {metric: [value, timestamp]} as of `rolled_to`: where the next interval begins. `turn` moves
    with every change, so that of two workers one wins.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    rolled_to = models.BigIntegerField()
    last = models.JSONField(default=dict)
    turn = models.BigIntegerField(default=0)
    days_zone = models.CharField(max_length=64, default="")  # whose calendar days the rows of `Day` are


class DirtyQuarter(models.Model):
    """A quarter whose rollup no longer tells what raw says, since something late arrived in or beside it."""

    pk = models.CompositePrimaryKey("device_id", "bucket")
    device_id = models.BigIntegerField()
    bucket = models.BigIntegerField()
    version = models.BigIntegerField(default=1)

    class Meta:
        db_table = "telemetry_dirty"


class MeterExchange(models.Model):
    """At `at` (ms) a device's counter was exchanged for another one, which began at a value of its own."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    metric = ExactCharField(max_length=63)
    at = models.BigIntegerField()
    old_value = models.FloatField()  # what the old one showed last
    new_value = models.FloatField()  # what the new one began with
    note = models.CharField(max_length=300, blank=True)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    noted_at = models.DateTimeField()

    class Meta:
        db_table = "telemetry_exchange"
        constraints = [
            models.UniqueConstraint(fields=["device", "metric", "at"], name="one_exchange_at_a_time")
        ]

    def __str__(self) -> str:
        return f"Exchange of {self.metric} of device {self.device_id} at {self.at}"


class MetricRule(models.Model):
    """What an admin declared of a metric; it goes before the built-in declaration of the same key."""

    class Kind(models.TextChoices):
        GAUGE = "gauge", gettext_lazy("Gauge")
        COUNTER = "counter", gettext_lazy("Counter")

    class Integration(models.TextChoices):
        HOLD = "hold", gettext_lazy("Hold")
        TRAPEZOID = "trapezoid", gettext_lazy("Trapezoid")

    key = ExactCharField(max_length=63, primary_key=True)
    label = models.CharField(max_length=120)
    unit = models.CharField(max_length=32, blank=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.GAUGE)
    integration = models.CharField(max_length=16, choices=Integration, default=Integration.TRAPEZOID)
    max_gap_seconds = models.IntegerField(default=900)
    plausible_min = models.FloatField(null=True)
    plausible_max = models.FloatField(null=True)
    rollover = models.FloatField(null=True)  # a counter starts at 0 again when it reaches this
    # Set when the rule changed after something had been rolled up by the old one.
    rebuild_due = models.BooleanField(default=False)

    class Meta:
        db_table = "telemetry_metric"

    def __str__(self) -> str:
        return self.key


class ArchivedDay(models.Model):
    """A UTC day of readings that is kept as a file, or about to be. Days without readings have no row."""

    day = models.DateField(primary_key=True)
    path = models.CharField(max_length=200, blank=True, editable=False)
    rows = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    last_received = models.BigIntegerField(null=True)  # ms; what came in later is not in the file
    archived_at = models.DateTimeField(null=True)  # the file was read back and holds what the database held
    dropped_at = models.DateTimeField(null=True)  # from then on the database may not hold all of the day
    kept_until = models.DateTimeField(null=True)  # brought back by `manage.py restore_archive`
    claimed_until = models.DateTimeField(null=True)  # somebody is at work on it
    error = models.CharField(max_length=500, blank=True)  # what stood in the way the last time

    class Meta:
        db_table = "telemetry_archived_day"

    def __str__(self) -> str:
        return f"Readings of {self.day}"
