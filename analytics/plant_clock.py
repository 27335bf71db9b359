"""The clock on the plant's wall."""

from zoneinfo import ZoneInfo

from django.conf import settings


def plant_zone() -> ZoneInfo:
    return ZoneInfo(settings.PLANT_TIME_ZONE)
