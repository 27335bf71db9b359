from django.db import models

from devices.models.devices import Device


class TypeDefaults(models.Model):
    """What a new device of a type starts with, and which metrics are looked for on it."""

    type = models.CharField(max_length=16, choices=Device.Type, unique=True)
    metrics = models.JSONField(default=list, blank=True)  # names, in the order they are shown
    tags = models.JSONField(default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    configuration = models.JSONField(default=dict, blank=True)  # desired from the start; {}: nothing

    class Meta:
        verbose_name = verbose_name_plural = "type defaults"

    def __str__(self) -> str:
        return f"Defaults of {self.get_type_display()}"
