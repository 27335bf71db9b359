from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from devices.models.devices import Device


class ClaimCode(models.Model):
    """Lets devices register themselves: one device once, or a fleet up to a number. We keep its hash only."""

    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False)  # its last characters, to tell codes apart
    label = models.CharField(max_length=120, blank=True)
    max_uses = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    uses = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    # What becomes of those who come by it.
    device_type = models.CharField(max_length=16, choices=Device.Type, blank=True)
    zone = models.CharField(max_length=64, blank=True)
    tags = models.JSONField(default=list, blank=True)
    device_id_prefix = models.CharField(max_length=64, blank=True)  # only ids that begin so
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses")), name="claim_code_not_overused")
        ]

    def __str__(self) -> str:
        return self.label or f"…{self.hint}"

    def is_good(self, at) -> bool:
        """Neither revoked nor expired; it may be used up."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


class Claim(models.Model):
    """A device that came by a code."""

    code = models.ForeignKey(ClaimCode, models.CASCADE, related_name="claims")
    device = models.OneToOneField(Device, models.CASCADE, related_name="claim")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Device {self.device_id} by code {self.code_id}"
