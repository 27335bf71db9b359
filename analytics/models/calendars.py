from datetime import date

from django.db import models
from django.db.models import Q

from devices.models import Device, ExactCharField
from grouping.models import Group

SINCE_EVER = date(1970, 1, 1)


class Calendar(models.Model):
    """When a device, the devices of a group or the whole plant are to produce, from a day on.

    Times are on the clock of `time_zone`. On `holidays` (dates) no shift begins.
    """

    device = models.ForeignKey(Device, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    target = models.CharField(max_length=32, editable=False)  # device:7, group:3 or plant
    valid_from = models.DateField(default=SINCE_EVER)  # for shifts that begin on this day or later
    time_zone = models.CharField(max_length=64)
    holidays = models.JSONField(default=list, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "valid_from"], name="one_calendar_from_a_day_on"),
            models.CheckConstraint(condition=Q(device=None) | Q(group=None), name="calendar_has_one_target"),
        ]
        ordering = ["target", "valid_from"]

    def __str__(self) -> str:
        return f"Shifts of {self.target}"


class Shift(models.Model):
    """A time of work on some days (1 Monday to 7 Sunday). One that ends at or before its start ends a day later.

    `breaks` is [[start, end], ...] as "HH:MM".
    """

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="shifts")
    name = ExactCharField(max_length=60)
    days = models.JSONField()
    start_time = models.TimeField()
    end_time = models.TimeField()
    breaks = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "name"], name="one_shift_of_a_name")]
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name
