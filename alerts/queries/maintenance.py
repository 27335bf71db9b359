from django.db.models import QuerySet
from django.utils.translation import gettext

from alerts.models import MaintenanceWindow
from factory.errors import NotFound


class WindowUnknown(NotFound):
    """There is no such maintenance window."""


def maintenance_windows() -> QuerySet[MaintenanceWindow]:
    """Every window, the one that began last first."""
    return MaintenanceWindow.objects.select_related("device", "group", "created_by").order_by(
        "-starts_at", "-pk"
    )


def get_window(window_id: int) -> MaintenanceWindow:
    """One maintenance window; refuses when there is none."""
    window = maintenance_windows().filter(pk=window_id).first()
    if window is None:
        raise WindowUnknown(gettext("There is no maintenance window %(id)s.") % {"id": window_id})
    return window
