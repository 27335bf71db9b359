from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy, gettext_noop

from devices.models.devices import Device
from devices.models.fields import ExactCharField

COMMAND_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}\Z"
NO_COMMAND_NAME = gettext_noop("A letter first, then letters, digits and _ . - only, at most 64.")
TTL_SECONDS = (1, 30 * 86_400)
USUAL_TTL_SECONDS = 3_600


class CommandType(models.Model):
    """A command that devices of a type understand, and what its parameters have to look like."""

    name = ExactCharField(
        max_length=64, validators=[RegexValidator(COMMAND_NAME, gettext_lazy(NO_COMMAND_NAME))]
    )
    # Empty: devices of every type that has no entry of its own for the name.
    device_type = models.CharField(max_length=16, choices=Device.Type, blank=True, default="")
    label = models.CharField(max_length=120, blank=True)
    description = models.CharField(max_length=500, blank=True)
    schema = models.JSONField(
        default=dict, blank=True, help_text="JSON Schema (2020-12) of the parameters; {} takes any object."
    )
    ttl_seconds = models.PositiveIntegerField(
        default=USUAL_TTL_SECONDS,
        validators=[MinValueValidator(TTL_SECONDS[0]), MaxValueValidator(TTL_SECONDS[1])],
        help_text="How long it waits for the device, where the sender does not say.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "device_type"], name="one_command_type_per_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_device_type_display() or 'any type'})"


class CommandQuerySet(models.QuerySet["Command"]):
    def unfinished(self) -> "CommandQuerySet":
        return self.filter(status__in=Command.UNFINISHED)


class Command(models.Model):
    """Something a device is to do. Whoever delivers it counts an attempt first, so that none is pushed twice."""

    class Status(models.TextChoices):
        QUEUED = "queued", gettext_lazy("Queued")
        SENT = "sent", gettext_lazy("Sent")
        ACKNOWLEDGED = "acknowledged", gettext_lazy("Acknowledged")
        SUCCEEDED = "succeeded", gettext_lazy("Succeeded")
        FAILED = "failed", gettext_lazy("Failed")
        EXPIRED = "expired", gettext_lazy("Expired")

    UNFINISHED = (Status.QUEUED, Status.SENT, Status.ACKNOWLEDGED)

    device = models.ForeignKey(Device, models.CASCADE, related_name="commands")
    name = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    result = models.JSONField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # how often it was pushed
    # When it is to be pushed next. Null: it waits for the device to come back or to ask, or it is over.
    push_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    # The sender's: the same one again is the same command. Null where it named none.
    request_key = ExactCharField(max_length=100, null=True, unique=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = CommandQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["push_at"], name="command_by_push"),
            models.Index(fields=["status", "expires_at"], name="command_by_expiry"),
            models.Index(fields=["device", "id"], name="command_by_device"),
            models.Index(fields=["device", "status"], name="command_by_device_status"),
        ]

    def __str__(self) -> str:
        return f"Command {self.pk}: {self.name}"
