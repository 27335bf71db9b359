from django.db import models

from devices.models.devices import Device


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

    def is_alive(self, at) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)
