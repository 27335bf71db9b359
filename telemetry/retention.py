"""How long raw readings are kept, and from when on they are still there.

A UTC day is over a day longer than the retention before it expires: by then the door has refused its readings
for a day, and the rollups of the day after it no longer look back at them.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max

from telemetry.days import day_of, end_of, start_of
from telemetry.models import ArchivedDay

MARGIN = timedelta(days=1)


def expired_before(at: datetime) -> int:
    """Whatever was measured before this moment (ms, a midnight UTC) has been kept long enough."""
    moment = at - timedelta(days=settings.READINGS_RETENTION_DAYS) - MARGIN
    return start_of(moment.date())


def raw_begins() -> int | None:
    """From this moment (ms) on all raw readings are in the database; None: nothing was ever dropped."""
    day = ArchivedDay.objects.filter(dropped_at__isnull=False).aggregate(newest=Max("day"))["newest"]
    return None if day is None else end_of(day)


def raw_is_whole_from(at: int) -> int | None:
    """Since when, up to a moment (ms), no day of raw readings is missing; None: since ever."""
    days = ArchivedDay.objects.filter(dropped_at__isnull=False, day__lt=day_of(at))
    day = days.aggregate(newest=Max("day"))["newest"]
    return None if day is None else end_of(day)


def raw_is_there(start: int, end: int) -> bool:
    """Whether the database holds every raw reading of [start, end), restored days included."""
    days = ArchivedDay.objects.filter(dropped_at__isnull=False)
    return not days.filter(day__gte=day_of(start), day__lte=day_of(end - 1)).exists()
