from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy

from devices.models import Device
from ota.models.firmware import Firmware

LONGEST_SECONDS = 90 * 86_400


class UpdateRule(models.Model):
    """How long devices of a type may stay in each state of an update. Types without one use the settings."""

    type = models.CharField(max_length=16, choices=Device.Type, unique=True)
    pending_seconds = models.PositiveIntegerField(
        default=7 * 86_400, validators=[MinValueValidator(60), MaxValueValidator(LONGEST_SECONDS)]
    )
    downloading_seconds = models.PositiveIntegerField(
        default=3_600, validators=[MinValueValidator(60), MaxValueValidator(LONGEST_SECONDS)]
    )
    installing_seconds = models.PositiveIntegerField(
        default=1_800, validators=[MinValueValidator(60), MaxValueValidator(LONGEST_SECONDS)]
    )
    # After completion: the old version heard of again in this time means that the update was rolled back.
    health_seconds = models.PositiveIntegerField(
        default=86_400, validators=[MaxValueValidator(LONGEST_SECONDS)]
    )
    max_attempts = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )

    def __str__(self) -> str:
        return f"Updates of {self.get_type_display()}"


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def active(self) -> "DeploymentQuerySet":
        return self.filter(status__in=Deployment.ACTIVE)


class Deployment(models.Model):
    """One device on its way from one version to another. At most one of a device is active: the database holds it."""

    class Status(models.TextChoices):
        PENDING = "pending", gettext_lazy("Pending")
        DOWNLOADING = "downloading", gettext_lazy("Downloading")
        INSTALLING = "installing", gettext_lazy("Installing")
        COMPLETED = "completed", gettext_lazy("Completed")
        FAILED = "failed", gettext_lazy("Failed")
        ROLLED_BACK = "rolled_back", gettext_lazy("Rolled Back")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    ACTIVE = (Status.PENDING, Status.DOWNLOADING, Status.INSTALLING)

    device = models.ForeignKey(Device, models.CASCADE, related_name="deployments")
    firmware = models.ForeignKey(Firmware, models.PROTECT, related_name="deployments")
    rollout = models.ForeignKey("ota.Rollout", models.SET_NULL, null=True, related_name="deployments")
    previous_version = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    # The device's id while it is active, null afterwards: MariaDB knows no unique index over some rows only.
    active_key = models.BigIntegerField(null=True, unique=True, editable=False)
    progress = models.PositiveSmallIntegerField(default=0)  # percent
    error_message = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    # When the present state has lasted too long. Of a completed one: until when the old version is listened for.
    deadline_at = models.DateTimeField(null=True)
    push_at = models.DateTimeField(null=True)  # when the device is to be told next; null: it was, or it asks
    pushes = models.PositiveSmallIntegerField(default=0)  # since it was last seen to come back
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)  # the download began
    completed_at = models.DateTimeField(null=True)  # it was over, in whichever way

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["device", "id"], name="deployment_by_device"),
            models.Index(fields=["rollout", "status", "id"], name="deployment_by_rollout"),
            models.Index(fields=["status", "deadline_at"], name="deployment_by_deadline"),
            models.Index(fields=["push_at"], name="deployment_by_push"),
        ]

    def __str__(self) -> str:
        return f"Deployment {self.pk} of device {self.device_id}"


class DeploymentEvent(models.Model):
    """A step of a deployment: what, when, by whom, why."""

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="events")
    status = models.CharField(max_length=16, choices=Deployment.Status)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    said = models.CharField(max_length=500, blank=True)  # the device's or our own words

    class Meta:
        indexes = [models.Index(fields=["deployment", "id"], name="event_by_deployment")]

    def __str__(self) -> str:
        return f"{self.status} of deployment {self.deployment_id}"
