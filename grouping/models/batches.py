from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from devices.models import Command, Device, ExactCharField
from grouping.models.groups import Group


class BatchOperation(models.Model):
    """One thing done to many devices. Who is in it is fixed when it is made: one item a device."""

    class Status(models.TextChoices):
        PENDING = "pending", gettext_lazy("Pending")
        IN_PROGRESS = "in_progress", gettext_lazy("In Progress")
        COMPLETED = "completed", gettext_lazy("Completed")
        FAILED = "failed", gettext_lazy("Failed")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    UNFINISHED = (Status.PENDING, Status.IN_PROGRESS)

    # Null: of devices that were picked one by one, or of a group that is gone.
    group = models.ForeignKey(Group, models.SET_NULL, null=True, related_name="batches")
    operation = models.CharField(max_length=64)  # a name in grouping/operations.py
    parameters = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    total = models.PositiveIntegerField()
    # The sender's, after who that is: the same one again is the same batch. Null where it named none.
    idempotency_key = ExactCharField(max_length=130, null=True, unique=True)
    request_digest = models.CharField(max_length=64)  # what was asked under that key
    outcome = models.JSONField(null=True)  # what came of it as a whole, for example a rollout's id
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["status", "id"], name="batch_by_status"),
            models.Index(fields=["group", "id"], name="batch_by_group"),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk}: {self.operation}"


class BatchItem(models.Model):
    """What becomes of one device in a batch: exactly one outcome."""

    class Status(models.TextChoices):
        PENDING = "pending", gettext_lazy("Pending")
        WORKING = "working", gettext_lazy("Working")  # a worker has claimed it
        WAITING = "waiting", gettext_lazy("Waiting")  # for the device's word
        SUCCEEDED = "succeeded", gettext_lazy("Succeeded")
        FAILED = "failed", gettext_lazy("Failed")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    UNFINISHED = (Status.PENDING, Status.WORKING, Status.WAITING)

    batch = models.ForeignKey(BatchOperation, models.CASCADE, related_name="items")
    device = models.ForeignKey(Device, models.SET_NULL, null=True, related_name="batch_items")
    device_name = models.CharField(max_length=120)  # also of one that is gone
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    attempt = models.PositiveSmallIntegerField(default=1)  # a retry of the failed is the next one
    claim = models.CharField(max_length=32, blank=True, default="")  # of the worker that has it
    claimed_until = models.DateTimeField(null=True)
    command = models.ForeignKey(Command, models.SET_NULL, null=True, related_name="+")
    deadline_at = models.DateTimeField(null=True)  # of waiting for what is no command
    error = models.CharField(max_length=300, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "device"], name="one_item_per_batch_device")]
        indexes = [
            models.Index(fields=["batch", "status", "id"], name="batch_item_by_status"),
            models.Index(fields=["claimed_until"], name="batch_item_by_claim"),
            models.Index(fields=["deadline_at"], name="batch_item_by_deadline"),
        ]

    def __str__(self) -> str:
        return f"{self.device_name} in batch {self.batch_id}"
