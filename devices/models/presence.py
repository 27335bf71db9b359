from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.utils.translation import gettext_lazy

from devices.models.devices import Device

SILENT_SECONDS = (15, 86_400)  # as DEVICE_SILENT_SECONDS
TOLERANCE_SECONDS = 60  # where nothing else was set
LONGEST_TOLERANCE_SECONDS = 86_400


class PresenceQuerySet(models.QuerySet["Presence"]):
    def missed(self) -> "PresenceQuerySet":
        """Those of silent devices; `since` is when each was last there."""
        last_there = Case(When(said_goodbye=True, then=F("went_silent_at")), default=F("last_seen_at"))
        silent = self.filter(went_silent_at__isnull=False, device__status=Device.Status.OFFLINE)
        return silent.annotate(since=last_there)


class Presence(models.Model):
    """When a device was last heard, and when its silence becomes news."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="presence")
    last_seen_at = models.DateTimeField(null=True)
    silent_at = models.DateTimeField(null=True)  # stored deadline; null while nobody waits for the device
    # When we noticed that it is gone, after its deadline or its goodbye. Null for one that is there, that was
    # never heard, or of which a person has said what it is: nobody misses it.
    went_silent_at = models.DateTimeField(null=True)
    said_goodbye = models.BooleanField(default=False)  # it went by its own word, or by its will
    # Which of its lives the device was in when it last said hello: a goodbye of an earlier one is stale.
    generation = models.BigIntegerField(null=True)

    # A web process holds a socket of it, and says so again while it does: it is told there and not over MQTT.
    socket_until = models.DateTimeField(null=True)

    objects = PresenceQuerySet.as_manager()

    class Meta:
        db_table = "devices_presence"
        indexes = [
            models.Index(fields=["silent_at"], name="presence_by_deadline"),
            models.Index(fields=["went_silent_at"], name="presence_by_silence"),
        ]


class SilenceRule(models.Model):
    """How long devices of a type may be silent, and what becomes of it. Types without one use the settings."""

    class Severity(models.TextChoices):
        INFO = "info", gettext_lazy("Info")
        WARNING = "warning", gettext_lazy("Warning")
        CRITICAL = "critical", gettext_lazy("Critical")

    type = models.CharField(max_length=16, choices=Device.Type, unique=True)
    silent_seconds = models.PositiveIntegerField(
        validators=[MinValueValidator(SILENT_SECONDS[0]), MaxValueValidator(SILENT_SECONDS[1])],
        help_text="Silence after which a device is held for offline.",
    )
    tolerance_seconds = models.PositiveIntegerField(
        default=TOLERANCE_SECONDS,
        validators=[MaxValueValidator(LONGEST_TOLERANCE_SECONDS)],
        help_text="How much longer it may last before people are told.",
    )
    severity = models.CharField(max_length=16, choices=Severity, default=Severity.WARNING)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(silent_seconds__range=SILENT_SECONDS)
                & Q(tolerance_seconds__lte=LONGEST_TOLERANCE_SECONDS),
                name="silence_rule_in_range",
            )
        ]

    def __str__(self) -> str:
        return f"Silence of {self.get_type_display()}"
