from django.db import models

from devices.models.devices import Device


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
