from datetime import datetime

from django.db import models
from django.db.models import F, Q

from devices.models import Device
from factory.accounts.models import User
from grouping.models import Group


class MaintenanceWindowQuerySet(models.QuerySet["MaintenanceWindow"]):
    def not_over(self, *, at: datetime) -> "MaintenanceWindowQuerySet":
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at))


class MaintenanceWindow(models.Model):
    """Planned work, once or every week: alerts are kept, and nobody is told until it is over.

    It reaches one device, a group, a type, a zone, or, where none of these is given, the whole plant.
    Weekly: on `days` (1 Monday to 7 Sunday) from `start_time` to `end_time` on the clock of `time_zone`; an
    end that is not after the start is on the next day. `starts_at` and `ends_at` bound it; a single
    window has both and no days.
    """

    name = models.CharField(max_length=120)
    device = models.ForeignKey(Device, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    device_type = models.CharField(max_length=16, choices=Device.Type, blank=True)
    zone = models.CharField(max_length=64, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    days = models.JSONField(default=list, blank=True)
    start_time = models.TimeField(null=True, blank=True)
    end_time = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    objects = MaintenanceWindowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="window_ends_after_its_start"
            )
        ]
        indexes = [models.Index(fields=["ends_at"], name="window_by_end")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_for_all(self) -> bool:
        """It reaches the whole plant."""
        return not (self.device_id or self.group_id or self.device_type or self.zone)
