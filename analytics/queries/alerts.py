from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Case, Count, IntegerField, Q, Value, When

from alerts.models import Alert, AlertQuerySet
from alerts.queries.alerts import alerts_matching
from analytics.marks import Mark
from devices.models import Device
from grouping.models import Group

# An alert's beginning on the floor is at most minutes after we heard of it, however wrong a device's clock is.
AHEAD = timedelta(hours=1)
SEVERITY_RANK = Case(
    When(severity=Alert.Severity.CRITICAL, then=Value(0)),
    When(severity=Alert.Severity.WARNING, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
WORKED_ON_LAST = Case(
    When(silence=Alert.Silence.MAINTENANCE, then=Value(1)), default=Value(0), output_field=IntegerField()
)


def alerts_in_view(
    *,
    status: str = "",
    severity: str = "",
    type: str = "",
    zone: str = "",
    group_id: int | None = None,
    search: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> AlertQuerySet:
    """Alerts by what a page's filters say, newest first; an empty filter narrows nothing."""
    found = alerts_matching(
        status=status or None,
        severity=severity or None,
        type=type or None,
        group_id=group_id,
        search=search or None,
        start=start,
        end=end,
    )
    if start is not None:
        found = found.filter(created_at__gte=start - AHEAD)  # which has an index
    if zone:
        found = found.filter(Q(device__zone=zone) | Q(device=None, zone=zone))
    return found


def not_over_at(at: datetime) -> Q:
    """Alerts whose trouble was not over then, begun or not; `analytics.charts.over_at` says when one is."""
    return Q(ended_at__gt=at) | Q(ended_at=None, resolved_at__gt=at) | Q(ended_at=None, resolved_at=None)


def alerts_within(start: datetime, end: datetime) -> AlertQuerySet:
    """All that lay in [start, end): first those that had begun before, then the newest."""
    earlier = Case(When(started_at__lt=start, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = Alert.objects.filter(Q(started_at__gte=start) | not_over_at(start), started_at__lt=end)
    return found.order_by(earlier, "-started_at", "-pk")


def inbox(*, shelved: bool = False, **filters) -> AlertQuerySet:
    """The open alerts to look after, or those on the shelf: critical ones first, then the newest."""
    found = alerts_in_view(**filters).open()
    on_shelf = Q(silence=Alert.Silence.SHELVED)
    return found.filter(on_shelf if shelved else ~on_shelf).order_by(SEVERITY_RANK, "-pk")


def worst_open_alerts(*, limit: int, zone: str = "", group_id: int | None = None) -> list[Alert]:
    """What needs somebody now: critical first, then the newest; what is being worked on comes last."""
    found = inbox(zone=zone, group_id=group_id)
    return list(found.order_by(WORKED_ON_LAST, SEVERITY_RANK, "-pk")[:limit])


def open_alert_counts() -> dict[str, int]:
    """How many alerts are open and not on the shelf, how many of them critical, and how many are shelved."""
    on_shelf = Q(silence=Alert.Silence.SHELVED)
    return (
        Alert.objects.open()
        .order_by()
        .aggregate(
            open=Count("id", filter=~on_shelf),
            critical=Count("id", filter=~on_shelf & Q(severity=Alert.Severity.CRITICAL)),
            shelved=Count("id", filter=on_shelf),
        )
    )


class OpenMark(NamedTuple):
    """What colours the map: an open alert that is not on the shelf."""

    device_id: int | None
    zone: str  # of an alert about several devices
    severity: str
    status: str
    silence: str

    @property
    def mark(self) -> Mark:
        return _drawn_as(self.severity, self.silence)

    @property
    def is_serious(self) -> bool:
        return self.mark in (Mark.CRITICAL, Mark.WARNING)


def _drawn_as(severity: str, silence: str) -> Mark:
    """In planned work nothing is as bad as it looks."""
    return Mark.MAINTENANCE if silence == Alert.Silence.MAINTENANCE else Mark(severity)


def marks_of(alerts: Iterable[Alert]) -> list[Mark]:
    """How these alerts, where they are open and not on the shelf, colour what they are about."""
    return [
        _drawn_as(alert.severity, alert.silence)
        for alert in alerts
        if alert.status != Alert.Status.RESOLVED and alert.silence != Alert.Silence.SHELVED
    ]


def open_marks(*, device_ids: Iterable[int] | None = None) -> list[OpenMark]:
    """Every open alert that is not on the shelf, or those of some devices."""
    found = Alert.objects.open().exclude(silence=Alert.Silence.SHELVED).order_by()
    if device_ids is not None:
        found = found.filter(device_id__in=device_ids)
    return [OpenMark(*row) for row in found.values_list(*OpenMark._fields)]


def known_zones() -> list[str]:
    """The zones devices stand in, by name."""
    return list(Device.objects.exclude(zone="").order_by("zone").values_list("zone", flat=True).distinct())


def known_groups() -> list[tuple[int, str]]:
    """(id, name) of every group, by name."""
    return list(Group.objects.order_by("name").values_list("pk", "name"))
