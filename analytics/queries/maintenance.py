from dataclasses import dataclass
from datetime import datetime

from alerts.models import MaintenanceWindow
from alerts.queries.maintenance import maintenance_windows
from alerts.windows import is_within

SHOWN, OVER_SHOWN = 200, 20


@dataclass
class PlannedWork:
    """The work that goes on, is planned, and was done last."""

    open: list[MaintenanceWindow]
    planned: list[MaintenanceWindow]
    more: bool
    over: list[MaintenanceWindow]


def planned_work(*, at: datetime) -> PlannedWork:
    """What is not over in the order in which it begins, and the last that is."""
    coming = MaintenanceWindow.objects.not_over(at=at).select_related("device", "group", "created_by")
    found = list(coming.order_by("starts_at", "pk")[: SHOWN + 1])
    return PlannedWork(
        open=[window for window in found[:SHOWN] if is_within(window, at)],
        planned=[window for window in found[:SHOWN] if not is_within(window, at)],
        more=len(found) > SHOWN,
        over=list(maintenance_windows().filter(ends_at__lte=at).order_by("-ends_at", "-pk")[:OVER_SHOWN]),
    )
