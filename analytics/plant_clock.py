"""The clock on the plant's wall, and the one that a person goes by."""

from zoneinfo import ZoneInfo

from django.conf import settings

from factory.accounts.models import User
from factory.accounts.preferences import zone_of

# Pages of days and shifts of the plant, and forms whose times are those of its clock: the same for everybody.
OF_THE_PLANT = (
    "/performance/",
    "/energy/",
    "/oee/",
    "/reports/",
    "/maintenance/",
    "/notifications/",
    "/alerts/figures/",
    "/alerts/history",
    "/firmware/rollouts/new",
)


def plant_zone() -> ZoneInfo:
    return ZoneInfo(settings.PLANT_TIME_ZONE)


def clock_for(user: User, path: str) -> ZoneInfo:
    """The clock by which a page tells times: the person's own, but the plant's where its days are meant."""
    return plant_zone() if path.startswith(OF_THE_PLANT) else zone_of(user)
