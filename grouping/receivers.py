from django.dispatch import receiver

from devices.signals import devices_changed
from factory.queueing import enqueue_on_commit
from grouping import tasks
from grouping.queries import is_any_filling_itself

SOME = 1000  # past it all devices are looked at: the message would be larger than the work


@receiver(devices_changed, dispatch_uid="grouping.filters_find_others")
def look_who_is_found(sender, device_ids, **kwargs):
    if is_any_filling_itself():
        some = device_ids if len(device_ids) <= SOME else None
        enqueue_on_commit(tasks.refresh_members, device_ids=some)
