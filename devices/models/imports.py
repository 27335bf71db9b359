from django.conf import settings
from django.db import models

from devices.models.credentials import Credential
from devices.models.devices import Device


class DeviceImportQuerySet(models.QuerySet["DeviceImport"]):
    def unfinished(self) -> "DeviceImportQuerySet":
        return self.filter(status__in=DeviceImport.UNFINISHED)


class DeviceImport(models.Model):
    """A file with many devices: first looked through, then, when its owner says so, written; some rows at a time."""

    class Status(models.TextChoices):
        CHECKING = "checking"
        READY = "ready"  # looked through; waits for its owner's word
        WRITING = "writing"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    WORKING = (Status.CHECKING, Status.WRITING)
    UNFINISHED = (Status.CHECKING, Status.READY, Status.WRITING)

    name = models.CharField(max_length=200)  # of the file
    text = models.TextField()  # until it expires: its wrong rows can be had again
    update_present = models.BooleanField(default=True)  # change devices that are there already
    skip_bad = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.CHECKING)
    error = models.CharField(max_length=500, blank=True)
    rows = models.PositiveIntegerField()
    # How many rows of this phase have had their turn: moves in the transaction that writes them.
    next_row = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    bad = models.PositiveIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True)  # of the worker that is at it
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # begun since a row last had its turn
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)  # since when it is written
    phase_at = models.DateTimeField()  # since when it is looked through, or written
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects = DeviceImportQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["status", "id"], name="import_by_status"),
            models.Index(fields=["expires_at"], name="import_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"

    @property
    def percent(self) -> int:
        return 100 * self.next_row // self.rows if self.rows else 100

    @property
    def is_working(self) -> bool:
        return self.status in self.WORKING

    @property
    def is_started(self) -> bool:
        """From here on its counts are of what was written, before that of what would be."""
        return self.started_at is not None

    @property
    def is_over(self) -> bool:
        return self.status not in self.UNFINISHED


class ImportRefusal(models.Model):
    """What is wrong with a cell; rows are counted as a spreadsheet does."""

    of_import = models.ForeignKey(DeviceImport, models.CASCADE, related_name="refusals")
    row = models.PositiveIntegerField()
    field = models.CharField(max_length=64, blank=True)
    message = models.CharField(max_length=300)

    class Meta:
        indexes = [models.Index(fields=["of_import", "row", "id"], name="refusal_by_row")]

    def __str__(self) -> str:
        return f"row {self.row} of import {self.of_import_id}"


class ImportedDevice(models.Model):
    """A device that came by an import. It has no token before one is asked for, and this is the one it got then."""

    of_import = models.ForeignKey(DeviceImport, models.CASCADE, related_name="imported")
    device = models.OneToOneField(Device, models.CASCADE, related_name="imported")
    credential = models.ForeignKey(Credential, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"device {self.device_id} by import {self.of_import_id}"
