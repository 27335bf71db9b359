from django.conf import settings
from django.db import models

from devices.models import Device, ExactCharField


class FirmwareQuerySet(models.QuerySet["Firmware"]):
    def offered(self) -> "FirmwareQuerySet":
        """Those that may be deployed: not withdrawn."""
        return self.filter(withdrawn_at=None)


class Firmware(models.Model):
    """One version of the software of a type of device. What is in the file never changes; a mistake is withdrawn."""

    version = ExactCharField(max_length=64)  # semantic: 2.10.0, 2.10.0-rc.1
    device_type = models.CharField(max_length=16, choices=Device.Type)
    # Grows with every version of a type, also where version numbers are put back: what was signed later is newer.
    sequence = models.PositiveIntegerField()
    release_notes = models.TextField(blank=True)  # Markdown
    hardware = models.JSONField(default=list, blank=True)  # names of boards it runs on; []: all of the type
    is_stable = models.BooleanField(default=False)
    file = models.CharField(max_length=255, blank=True)  # its name in the storage; empty: it lies at `url`
    url = models.CharField(max_length=1000, blank=True)  # of a file that somebody else keeps
    size = models.PositiveBigIntegerField()  # bytes, counted by us
    checksum = models.CharField(max_length=64)  # SHA-256, hex, computed by us
    manifest = models.TextField(blank=True)  # canonical JSON, byte by byte what was signed
    signature = models.TextField(blank=True)  # Ed25519 over the manifest, base64; empty: not signed
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_because = models.CharField(max_length=300, blank=True)

    objects = FirmwareQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "firmware"
        constraints = [
            models.UniqueConstraint(fields=["device_type", "version"], name="one_firmware_per_version"),
            models.UniqueConstraint(fields=["device_type", "sequence"], name="one_firmware_per_sequence"),
            models.UniqueConstraint(fields=["device_type", "checksum"], name="one_firmware_per_content"),
        ]

    def __str__(self) -> str:
        return f"{self.version} for {self.get_device_type_display().lower()}s"


class UploadedToday(models.Model):
    """How many bytes somebody has uploaded on a day (UTC)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    day = models.DateField()
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="one_upload_sum_per_day")]

    def __str__(self) -> str:
        return f"User {self.user_id} on {self.day}"
