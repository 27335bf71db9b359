from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.lookups import IContains

SILENT_SECONDS = (15, 86_400)  # as DEVICE_SILENT_SECONDS
TOLERANCE_SECONDS = 60  # where nothing else was set
LONGEST_TOLERANCE_SECONDS = 86_400
EXTERNAL_ID = r"^[A-Za-z0-9._:-]{1,64}\Z"


class ExactCharField(models.CharField):
    """Text that is equal only to itself. MariaDB would take capitals, accents and a space at the end for the same."""

    def db_parameters(self, connection):
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            mariadb = connection.mysql_is_mariadb
            parameters["collation"] = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return parameters


@ExactCharField.register_lookup
class FoundInAnyCase(IContains):
    """Searching stays as generous as it is in other columns."""

    def process_lhs(self, compiler, connection, lhs=None):
        sql, parameters = super().process_lhs(compiler, connection, lhs)
        return (f"{sql} COLLATE utf8mb4_unicode_ci" if connection.vendor == "mysql" else sql), parameters


class DeviceQuerySet(models.QuerySet["Device"]):
    def with_presence(self) -> "DeviceQuerySet":
        return self.select_related("presence")


class Device(models.Model):
    """A machine, sensor or gateway on the floor."""

    class Type(models.TextChoices):
        SENSOR = "sensor"
        ACTUATOR = "actuator"
        CONTROLLER = "controller"
        GATEWAY = "gateway"

    class Status(models.TextChoices):
        ONLINE = "online"
        OFFLINE = "offline"
        MAINTENANCE = "maintenance"
        ERROR = "error"

    # The name the device uses for itself: `deviceId` in a device object, its user name on MQTT.
    external_id = ExactCharField(
        "device id",
        max_length=64,
        unique=True,
        validators=[RegexValidator(EXTERNAL_ID, "Letters, digits and . _ : - only, at most 64.")],
        help_text="Never changes. Letters, digits and . _ : - only.",
    )
    name = models.CharField(max_length=120)
    type = models.CharField(max_length=16, choices=Type)
    status = models.CharField(max_length=16, choices=Status, default=Status.OFFLINE)
    location = models.CharField(max_length=120, blank=True)
    zone = models.CharField(max_length=64, blank=True, db_index=True)
    firmware_version = models.CharField(max_length=64, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["status", "id"], name="device_by_status")]

    def __str__(self) -> str:
        return f"{self.name} ({self.external_id})"

    @property
    def last_seen_at(self):
        presence = getattr(self, "presence", None)
        return presence.last_seen_at if presence else None


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
        INFO = "info"
        WARNING = "warning"
        CRITICAL = "critical"

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


class CredentialQuerySet(models.QuerySet["Credential"]):
    def alive(self, at) -> "CredentialQuerySet":
        return self.filter(revoked_at=None).exclude(expires_at__lte=at)


class Credential(models.Model):
    """A token of a device. We keep its hash only; one device may have several, to rotate with overlap."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="credentials")
    token_hash = models.CharField(max_length=64, unique=True)
    # What a broker's password file holds for this token ($7$...: PBKDF2), since our hash is not one it knows.
    broker_verifier = models.CharField(max_length=200, blank=True, default="", editable=False)
    label = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = CredentialQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Credential {self.pk} of device {self.device_id}"


class RefusedMessage(models.Model):
    """A message of a device that nobody understood, kept for a look: the last hundred of each device."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="refused_messages")
    topic = models.CharField(max_length=64)  # what follows `factory/<d>/`
    payload = models.TextField()  # its beginning, as text
    reason = models.CharField(max_length=255)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["device", "id"], name="refused_by_device")]

    def __str__(self) -> str:
        return f"Refused message {self.pk} on {self.topic}"
