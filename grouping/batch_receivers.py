"""What devices say and what becomes of them, handed to the batches that wait for it."""

from django.dispatch import receiver
from django.utils import timezone

from devices.signals import commands_ended, configurations_settled, devices_deactivated
from grouping.services import outcomes


@receiver(commands_ended, dispatch_uid="grouping.batches_follow_commands")
def follow_commands(sender, ended, **kwargs):
    outcomes.follow_commands(ended=ended, at=timezone.now())


@receiver(configurations_settled, dispatch_uid="grouping.batches_follow_configurations")
def follow_configurations(sender, device_ids, at, **kwargs):
    outcomes.follow_configurations(device_ids=device_ids, at=at)


@receiver(devices_deactivated, dispatch_uid="grouping.batches_follow_deactivation")
def follow_deactivation(sender, device_ids, at, **kwargs):
    outcomes.follow_deactivation(device_ids=device_ids, at=at)


def look_after_deleting(*, device_ids) -> None:
    """In the transaction that may delete these devices."""
    outcomes.follow_deletion(device_ids=device_ids, at=timezone.now())
