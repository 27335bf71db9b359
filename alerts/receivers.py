from django.dispatch import receiver
from django.utils import timezone

from alerts.rulebook import begin_edition
from alerts.services.judging import judge_batch
from alerts.services.thresholds import drop_thresholds_of_group
from devices.signals import device_type_changed
from grouping.signals import membership_changed
from telemetry.signals import readings_stored


@receiver(readings_stored, dispatch_uid="alerts.judge_readings")
def judge_readings(sender, batch, **kwargs):
    judge_batch(batch)


@receiver(membership_changed, dispatch_uid="alerts.rules_reach_others")
def follow_group(sender, group, is_going, **kwargs):
    if is_going:
        drop_thresholds_of_group(group=group, at=timezone.now())
    begin_edition()


@receiver(device_type_changed, dispatch_uid="alerts.rules_of_another_type")
def read_rules_anew(sender, **kwargs):
    begin_edition()
