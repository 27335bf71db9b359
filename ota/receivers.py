from django.dispatch import receiver

from devices.signals import devices_deactivated, running_versions_heard
from ota.services.deployments import end_for_devices
from ota.services.rollout_outcomes import follow_deployments
from ota.services.running import hear_running_versions
from ota.signals import deployments_ended


@receiver(running_versions_heard, dispatch_uid="ota.running_versions")
def close_the_loop(sender, versions, at, has_started_anew=False, **kwargs):
    hear_running_versions(versions=versions, at=at, has_started_anew=has_started_anew)


@receiver(devices_deactivated, dispatch_uid="ota.out_of_service")
def end_what_is_under_way(sender, device_ids, at, **kwargs):
    end_for_devices(device_ids=device_ids, at=at, because="The device was taken out of service.")


@receiver(deployments_ended, dispatch_uid="ota.rollouts_follow")
def note_outcomes(sender, ended, at, **kwargs):
    follow_deployments(ended=ended, at=at)
