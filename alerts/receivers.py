from django.dispatch import receiver
from django.utils import timezone

from alerts.rulebook import begin_edition
from alerts.services.drifting import end_drift, tell_of_drift
from alerts.services.judging import judge_batch
from alerts.services.retiring import end_alerts_of
from alerts.services.thresholds import drop_thresholds_of_group
from devices.signals import config_drifted, configurations_settled, device_type_changed, devices_deactivated
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


@receiver(devices_deactivated, dispatch_uid="alerts.out_of_service")
def end_what_is_open(sender, device_ids, at, **kwargs):
    end_alerts_of(device_ids=device_ids, at=at)


@receiver(config_drifted, dispatch_uid="alerts.configurations_differ")
def tell_of_differing(sender, device_ids, at, **kwargs):
    tell_of_drift(device_ids=device_ids, at=at)


@receiver(configurations_settled, dispatch_uid="alerts.configurations_agree")
def end_differing(sender, device_ids, at, **kwargs):
    end_drift(device_ids=device_ids, at=at)
