"""Planning work: while a window is open its alerts are kept, and people are told afterwards of what is left."""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from alerts.models import MaintenanceWindow
from alerts.queries.maintenance import WindowUnknown
from devices.models import Device
from devices.queries import get_device
from factory.accounts.models import User
from factory.errors import Conflict, InvalidInput
from grouping.models import Group
from grouping.queries import get_group
from grouping.services import lock_groups
from telemetry.services import lock_devices


class WindowIsOver(Conflict):
    """What is over cannot be ended."""


@transaction.atomic
def plan_maintenance(
    *,
    name: str,
    starts_at: datetime,
    by: User | None,
    at: datetime,
    ends_at: datetime | None = None,
    days: Sequence[int] = (),
    start_time: time | None = None,
    end_time: time | None = None,
    time_zone: str = "",
    device: Device | None = None,
    group: Group | None = None,
    device_type: str = "",
    zone: str = "",
) -> MaintenanceWindow:
    """Announce work, once (with an end) or weekly (with days and times on the clock of `time_zone`)."""
    if sum(bool(part) for part in (device, group, device_type, zone)) > 1:
        raise InvalidInput(
            gettext("Name at most one of deviceId, groupId, deviceType and zone; none is the whole plant.")
        )
    if ends_at is not None and ends_at <= starts_at:
        raise InvalidInput.at("endTime", gettext("must be after startTime"))
    if not days and ends_at is None:
        raise InvalidInput.at("endTime", gettext("a single window needs its end"))
    if any((day not in range(1, 8)) for day in days):
        raise InvalidInput.at("days", gettext("must be from 1 (Monday) to 7 (Sunday)"))
    if days and (start_time is None or end_time is None):
        raise InvalidInput.at("start", gettext("a weekly window needs start and end, as 06:00"))
    if not days and (start_time is not None or end_time is not None):
        raise InvalidInput.at("days", gettext("start and end are of a weekly window; name its days"))
    if group is not None:
        lock_groups()
        get_group(group.pk)  # it may have gone meanwhile
    if device is not None:
        lock_devices(device_ids=[device.pk])
        get_device(device.pk)  # as above
    return MaintenanceWindow.objects.create(
        name=name,
        device=device,
        group=group,
        device_type=device_type,
        zone=zone,
        starts_at=starts_at,
        ends_at=ends_at,
        days=sorted(set(days)),
        start_time=start_time,
        end_time=end_time,
        time_zone=_known_zone(time_zone or settings.TIME_ZONE),
        created_by=by,
        created_at=at,
    )


def end_maintenance(*, window: MaintenanceWindow, at: datetime) -> MaintenanceWindow:
    """The work is done: what is still open is told within seconds. One that has not begun never will."""
    if window.starts_at >= at:
        if not MaintenanceWindow.objects.filter(pk=window.pk, starts_at__gte=at).delete()[0]:
            raise WindowUnknown(gettext("There is no maintenance window %(id)s.") % {"id": window.pk})
        window.ends_at = window.starts_at
        return window
    if not MaintenanceWindow.objects.not_over(at=at).filter(pk=window.pk).update(ends_at=at):
        raise WindowIsOver(gettext("Maintenance window %(id)s is over already.") % {"id": window.pk})
    window.refresh_from_db()
    return window


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput.at(
            "timeZone", gettext("%(name)s is no time zone such as Europe/Berlin") % {"name": repr(name)}
        ) from None
