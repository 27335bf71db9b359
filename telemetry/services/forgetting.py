from devices.models import Device
from telemetry.models import DirtyQuarter, Quarter, Reading

FORGET_ROWS = 10_000


def forget_orphans() -> int:
    """Remove the readings and rollups of devices that are gone, in steps short enough for a running plant.

    They have no foreign key, so nothing cascades to them. Returns how many devices were forgotten.
    """
    # In this order: a device that is registered and heard in between must not look like an orphan.
    heard: set[int] = set()
    for model in (Reading, Quarter, DirtyQuarter):
        heard.update(model.objects.order_by().values_list("device_id", flat=True).distinct())
    known = set(Device.objects.filter(pk__in=heard).values_list("pk", flat=True))
    orphans = sorted(heard - known)
    for device_id in orphans:
        rows = Reading.objects.filter(device_id=device_id).order_by("timestamp")
        while times := list(rows.values_list("timestamp", flat=True)[:FORGET_ROWS]):
            rows.filter(timestamp__lte=times[-1]).delete()
        Quarter.objects.filter(device_id=device_id).delete()
        DirtyQuarter.objects.filter(device_id=device_id).delete()
    return len(orphans)
