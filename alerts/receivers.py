from django.dispatch import receiver

from alerts.services.judging import judge_batch
from telemetry.signals import readings_stored


@receiver(readings_stored, dispatch_uid="alerts.judge_readings")
def judge_readings(sender, batch, **kwargs):
    judge_batch(batch)
