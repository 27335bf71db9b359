from django.db.models import Model, QuerySet

from devices.models import Device
from factory.retrying import again_after_deadlock
from telemetry.models import Day, DirtyQuarter, Quarter, Reading

FORGET_ROWS = 10_000


def forget_orphans() -> int:
    """Remove the readings and rollups of devices that are gone, in steps short enough for a running plant.

    They have no foreign key, so nothing cascades to them. Returns how many devices were forgotten.
    """
    # In this order: a device that is registered and heard in between must not look like an orphan.
    heard: set[int] = set()
    for model in (Reading, Quarter, Day, DirtyQuarter):
        heard.update(model.objects.order_by().values_list("device_id", flat=True).distinct())
    known = set(Device.objects.filter(pk__in=heard).values_list("pk", flat=True))
    orphans = sorted(heard - known)
    for device_id in orphans:
        _forget(Reading.objects.filter(device_id=device_id), by="timestamp")
        for rollups in (Quarter.objects.filter(device_id=device_id), Day.objects.filter(device_id=device_id)):
            for metric in rollups.order_by().values_list("metric", flat=True).distinct():
                _forget(rollups.filter(metric=metric), by="bucket")
        _forget(DirtyQuarter.objects.filter(device_id=device_id), by="bucket")
    return len(orphans)


def _forget(rows: QuerySet[Model], *, by: str) -> None:
    """Delete rows a step at a time, in the order of their key's last part, which none shares with another."""
    while some := list(rows.order_by(by).values_list(by, flat=True)[:FORGET_ROWS]):
        again_after_deadlock(rows.filter(**{f"{by}__lte": some[-1]}).delete)
