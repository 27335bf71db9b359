"""What the figures of the overview were before: an hour ago, and over the last day."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncHour

from alerts.models import Alert, AlertEvent
from analytics.models import Demand
from analytics.models.energy import PLANT
from devices.models import Device, StatusChange
from telemetry.fold import QUARTER_MS

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
KW_OF_KWH = HOUR_MS / QUARTER_MS  # a kWh in a quarter of an hour is 4 kW


@dataclass
class Trends:
    """`power_course` is in kW by quarter of an hour, None where nothing is known; `open_course` by hour."""

    went: int  # devices that fell silent in the last hour
    came: int  # and that came back
    open_before: int  # an hour ago
    open_course: list[int]
    power_course: list[float | None]
    power_before: float | None  # kW, an hour ago
    power_yesterday: float | None  # a day ago


def trends_at(at: datetime, *, open_now: int) -> Trends:
    """How the plant came to be as it is. `open_now` alerts are open."""
    moved = StatusChange.objects.turns_since(at - HOUR).aggregate(
        went=Count("id", filter=Q(status=Device.Status.OFFLINE)),
        came=Count("id", filter=Q(status=Device.Status.ONLINE)),
    )
    course = _open_course(at, open_now)
    power = _power_course(int(at.timestamp() * 1000))
    return Trends(
        went=moved["went"],
        came=moved["came"],
        open_before=max(0, open_now - _more_open_since(at - HOUR)),
        open_course=course,
        power_course=power,
        power_before=power[-4] if len(power) >= 4 else None,
        power_yesterday=power[0] if power else None,
    )


def _changes_of_open() -> Q:
    return Q(kind__in=(AlertEvent.Kind.OPENED, AlertEvent.Kind.RESOLVED)) & ~Q(
        alert__silence=Alert.Silence.SHELVED
    )


def _more_open_since(start: datetime) -> int:
    """By how many there are more open alerts than then; those on the shelf are not counted, then as now."""
    count = AlertEvent.objects.filter(_changes_of_open(), at__gt=start).aggregate(
        opened=Count("id", filter=Q(kind=AlertEvent.Kind.OPENED)),
        resolved=Count("id", filter=Q(kind=AlertEvent.Kind.RESOLVED)),
    )
    return count["opened"] - count["resolved"]


def _open_course(at: datetime, open_now: int) -> list[int]:
    """How many were open at each full hour of the last day, and now: reckoned back from now."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rows = (
        AlertEvent.objects.filter(_changes_of_open(), at__gte=hour - DAY)
        .order_by()
        .annotate(hour=TruncHour("at", tzinfo=UTC))
        .values_list("hour", "kind")
        .annotate(count=Count("id"))
    )
    more: Counter[datetime] = Counter()
    for begins, kind, count in rows:
        more[begins] += count if kind == AlertEvent.Kind.OPENED else -count
    course, count = [open_now], open_now
    for back in range(25):
        count -= more[hour - back * HOUR]
        course.append(max(0, count))
    return course[::-1]


def _power_course(at: int) -> list[float | None]:
    """Of the plant, in the last 24 hours, as far as it is kept; empty where nothing is."""
    end = at - at % QUARTER_MS
    rows = Demand.objects.filter(scope=PLANT, bucket__gte=end - DAY_MS, bucket__lt=end, stale=False)
    known = dict(rows.values_list("bucket", "kwh"))
    if not known:
        return []
    last = max(known)  # the newest ones are kept when nothing comes late any more
    powers = (known.get(bucket) for bucket in range(end - DAY_MS, last + 1, QUARTER_MS))
    return [None if kwh is None else kwh * KW_OF_KWH for kwh in powers]
