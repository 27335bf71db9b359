from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from factory.accounts.models import User


class ReportQuerySet(models.QuerySet["Report"]):
    def unfinished(self) -> "ReportQuerySet":
        return self.filter(status__in=Report.UNFINISHED)


class Report(models.Model):
    """A report that was asked for: what it is about, how far it is, and its files until it expires."""

    class Kind(models.TextChoices):
        DEVICE = "device", gettext_lazy("Device")
        ANALYTICS = "analytics", gettext_lazy("Analytics")
        ALERTS = "alerts", gettext_lazy("Alert history")

    class Status(models.TextChoices):
        QUEUED = "queued", gettext_lazy("Queued")
        RUNNING = "running", gettext_lazy("Running")
        DONE = "done", gettext_lazy("Done")
        FAILED = "failed", gettext_lazy("Failed")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    UNFINISHED = (Status.QUEUED, Status.RUNNING)
    WRITTEN = 80  # percent: the page and the table are there, paper is not

    kind = models.CharField(max_length=16, choices=Kind)
    parameters = models.JSONField()  # startTime, endTime in ms; deviceId, groupId, severity as there are
    title = models.CharField(max_length=200)
    filename = models.CharField(max_length=200)  # without an ending
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)  # percent
    error = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Whoever works at it says so again; when it has run out somebody else may. Of one that failed: not before.
    claimed_until = models.DateTimeField(null=True)
    folder = models.CharField(max_length=120, blank=True)  # in the storage; nobody can guess it
    pdf_bytes = models.BigIntegerField(null=True)
    # Of the person who asked for it. With a default of the database, for a version before.
    language = models.CharField(max_length=12, default="en", db_default="en")
    schedule = models.ForeignKey("ReportSchedule", models.SET_NULL, null=True, related_name="reports")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)  # when it was begun the last time
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects = ReportQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["status", "id"], name="report_by_status"),
            models.Index(fields=["expires_at"], name="report_by_expiry"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(progress__lte=100), name="report_progress_in_percent")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_written(self) -> bool:
        """The page and the table are there, whatever becomes of the paper."""
        return self.progress >= self.WRITTEN and self.status != self.Status.CANCELLED


class ReportSchedule(models.Model):
    """A report that is made again and again: each day, week or month about the one before, sent by e-mail."""

    class Cadence(models.TextChoices):
        DAILY = "daily", gettext_lazy("Daily")
        WEEKLY = "weekly", gettext_lazy("Weekly")
        MONTHLY = "monthly", gettext_lazy("Monthly")

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Report.Kind)
    parameters = models.JSONField(default=dict)  # deviceId, groupId, severity as there are
    cadence = models.CharField(max_length=8, choices=Cadence)
    at_time = models.TimeField()  # on the plant's clock
    recipients = models.JSONField()  # e-mail addresses
    # Of the person who planned it. With a default of the database, for a version before.
    language = models.CharField(max_length=12, default="en", db_default="en")
    enabled = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, db_index=True)  # null while it is not enabled
    # Why it was switched off, where nobody did that. With a default of the database, for a version before.
    error = models.CharField(max_length=500, blank=True, default="", db_default="")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ReportMail(models.Model):
    """A report on its way to one recipient."""

    class Status(models.TextChoices):
        PENDING = "pending", gettext_lazy("Pending")
        SENDING = "sending", gettext_lazy("Sending")
        SENT = "sent", gettext_lazy("Sent")
        FAILED = "failed", gettext_lazy("Failed")

    report = models.ForeignKey(Report, models.CASCADE, related_name="mails")
    recipient = models.CharField(max_length=190)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()  # of one that is being sent: when somebody else may
    error = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "recipient"], name="one_mail_a_recipient")]
        indexes = [models.Index(fields=["status", "due_at"], name="mail_by_due")]

    def __str__(self) -> str:
        return f"Report {self.report_id} to {self.recipient}"
