from django.dispatch import receiver

from devices.signals import devices_deactivated, devices_reactivated
from telemetry.services import close_devices, open_devices


@receiver(devices_deactivated, dispatch_uid="telemetry.refuse_readings")
def refuse_readings(sender, device_ids, **kwargs):
    close_devices(device_ids=device_ids)


@receiver(devices_reactivated, dispatch_uid="telemetry.take_readings")
def take_readings(sender, device_ids, **kwargs):
    open_devices(device_ids=device_ids)
