from django.db import models
from django.utils.translation import gettext_lazy

from alerts.models.alerts import AlertEvent
from factory.accounts.models import User
from factory.sealed import SealedText, seal, unseal


class NotificationConfig(models.Model):
    """Where one person, or the plant itself, wants to hear of which alerts.

    Without an owner it is the plant's own. `recipient` may hold secrets: nobody is shown it again whole, and like
    `secret`, which signs what a webhook gets, it lies in the database sealed.
    """

    class Type(models.TextChoices):
        EMAIL = "email", gettext_lazy("Email")
        SMS = "sms", gettext_lazy("Sms")
        PUSH = "push", gettext_lazy("Push")
        WEBHOOK = "webhook", gettext_lazy("Webhook")

    owner = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="notification_configs"
    )
    enabled = models.BooleanField(default=True)
    type = models.CharField(max_length=16, choices=Type)
    sealed_recipient = SealedText(db_column="recipient")
    severity_filter = models.JSONField(null=True, blank=True)  # [severity], null for all
    device_filter = models.JSONField(null=True, blank=True)  # [device pk]
    group_filter = models.JSONField(null=True, blank=True)  # [group pk], nested groups included
    event_filter = models.JSONField(null=True, blank=True)  # [kind of event], null for opened and rose
    quiet_hours = models.JSONField(null=True, blank=True)  # {start, end, days?, exceptCritical?}
    throttle_minutes = models.PositiveIntegerField(null=True, blank=True)
    escalate_after_minutes = models.PositiveIntegerField(null=True, blank=True)
    sealed_secret = SealedText(db_column="secret", blank=True)
    from_environment = models.BooleanField(default=False, editable=False)  # ALERT_EMAIL
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    # Both raise CannotUnseal where the key they were sealed under is lost.

    @property
    def recipient(self) -> str:
        return unseal(self.sealed_recipient)

    @recipient.setter
    def recipient(self, plain: str) -> None:
        self.sealed_recipient = seal(plain)

    @property
    def secret(self) -> str:
        return unseal(self.sealed_secret)

    @secret.setter
    def secret(self, plain: str) -> None:
        self.sealed_secret = seal(plain)


class Delivery(models.Model):
    """The outbox: one message about one event by one config, written with the alert itself.

    A trial message ("send a test") has no event.
    """

    class Status(models.TextChoices):
        PENDING = "pending", gettext_lazy("Pending")
        SENDING = "sending", gettext_lazy("Sending")
        SENT = "sent", gettext_lazy("Sent")
        FAILED = "failed", gettext_lazy("Failed")
        # needless by the time it was due, for example acknowledged before the escalation
        SKIPPED = "skipped", gettext_lazy("Skipped")

    event = models.ForeignKey(AlertEvent, models.CASCADE, null=True, related_name="deliveries")
    config = models.ForeignKey(NotificationConfig, models.SET_NULL, null=True, related_name="deliveries")
    type = models.CharField(max_length=16, choices=NotificationConfig.Type)
    recipient = models.CharField(max_length=190)  # as people may see it
    way = models.CharField(max_length=190)  # as in Outage.transport
    urgency = models.PositiveSmallIntegerField()  # 0 critical, 1 warning, 2 info: the order of sending
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    # Pending: not before this moment. Sending: another worker may take over after it.
    due_at = models.DateTimeField()
    held_for = models.CharField(max_length=32, blank=True)  # quiet hours, throttle, escalation, flood
    error = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "config"], name="one_delivery_per_event_config")
        ]
        indexes = [
            models.Index(fields=["status", "due_at"], name="delivery_by_due"),
            models.Index(fields=["config", "status", "sent_at"], name="delivery_by_config"),
        ]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"Delivery {self.pk} to {self.recipient}"


class Attempt(models.Model):
    """One try to send a delivery, and what the other side said."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    succeeded = models.BooleanField()
    words = models.CharField(max_length=500, blank=True)


class Outage(models.Model):
    """A way of sending that does not work just now: nothing is tried on it before `retry_at`, then one first."""

    transport = models.CharField(max_length=190, unique=True)  # for example `email`, or a webhook's host
    since = models.DateTimeField()
    retry_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=1)
    error = models.CharField(max_length=500)
