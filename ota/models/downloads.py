from django.db import models


class DownloadSlot(models.Model):
    """One of the places for downloads through the server. Held for a short time, and again and again while it lasts."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    holder = models.CharField(max_length=32, blank=True)  # a random mark of the download
    device_id = models.BigIntegerField(null=True)  # no key: a device that is gone lets go by itself
    until = models.DateTimeField(null=True)  # past it the place is free, whatever became of the holder

    def __str__(self) -> str:
        return f"Download slot {self.number}"
