from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from devices.models import Device
from grouping.models import BatchOperation, Group
from ota.models.deployments import Deployment
from ota.models.firmware import Firmware


class Rollout(models.Model):
    """One version for many devices, in waves: the next one begins only when the one before has gone well."""

    class Status(models.TextChoices):
        DRAFT = "draft", gettext_lazy("Draft")
        RUNNING = "running", gettext_lazy("Running")
        PAUSED = "paused", gettext_lazy("Paused")
        COMPLETED = "completed", gettext_lazy("Completed")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    UNFINISHED = (Status.DRAFT, Status.RUNNING, Status.PAUSED)

    name = models.CharField(max_length=120)
    firmware = models.ForeignKey(Firmware, models.PROTECT, related_name="rollouts")
    # Whom it is for: a group, a filter, or devices picked one by one (all three null and empty).
    group = models.ForeignKey(Group, models.SET_NULL, null=True, related_name="+")
    filter = models.TextField(blank=True, max_length=2000)
    is_continuous = models.BooleanField(
        default=False
    )  # devices that come to match later are taken in, last wave
    waves = models.JSONField()  # ascending, in percent of all devices, the last one 100: [5, 25, 100]
    # Instead of percents: how many devices each of the first waves has; all others are one more wave.
    wave_counts = models.JSONField(null=True)
    success_threshold = models.PositiveSmallIntegerField()  # percent of a wave that must succeed to go on
    failure_threshold = (
        models.PositiveSmallIntegerField()
    )  # percent of a wave that may fail; past it, it pauses
    max_parallel = models.PositiveIntegerField(null=True)  # active deployments at a time
    health_seconds = models.PositiveIntegerField(default=0)  # to watch a wave's alerts before the next one
    window = models.JSONField(
        null=True
    )  # {"days": [1..7], "start": "22:00", "end": "05:00"}, plant's time zone
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    current_wave = models.PositiveSmallIntegerField(default=0)  # counted from 1; 0: not started
    wave_done_at = models.DateTimeField(null=True)  # since when the current wave is being watched
    paused_because = models.CharField(max_length=300, blank=True)
    resumed_at = models.DateTimeField(null=True)  # what devices had before that has been seen by somebody
    batch = models.ForeignKey(BatchOperation, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["status", "id"], name="rollout_by_status")]

    def __str__(self) -> str:
        return self.name


class RolloutDevice(models.Model):
    """A device's place in a rollout: exactly one outcome."""

    class Status(models.TextChoices):
        PLANNED = "planned", gettext_lazy("Planned")
        DEPLOYING = "deploying", gettext_lazy("Deploying")
        SUCCEEDED = "succeeded", gettext_lazy("Succeeded")
        FAILED = "failed", gettext_lazy("Failed")
        SKIPPED = "skipped", gettext_lazy("Skipped")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    rollout = models.ForeignKey(Rollout, models.CASCADE, related_name="places")
    device = models.ForeignKey(Device, models.SET_NULL, null=True, related_name="+")
    device_name = models.CharField(max_length=120)  # also of one that is gone
    wave = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=16, choices=Status, default=Status.PLANNED)
    reason = models.CharField(max_length=300, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)  # a retry of the failed is the next one
    # It failed before somebody had the rollout go on all the same: thresholds do not count it any more.
    is_forgiven = models.BooleanField(default=False)
    deployment = models.OneToOneField(Deployment, models.SET_NULL, null=True, related_name="place")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rollout", "device"], name="one_place_per_rollout_device")
        ]
        indexes = [models.Index(fields=["rollout", "wave", "status", "id"], name="place_by_wave")]

    def __str__(self) -> str:
        return f"{self.device_name} in rollout {self.rollout_id}"
