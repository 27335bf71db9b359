from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean

from django.db.models import Count

from alerts.models import Alert
from devices.models import Device
from grouping.queries import members_of
from telemetry.queries import latest_values

AVERAGED = ("temperature", "humidity", "power")


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """How the devices of a group are doing, those of nested groups too; none that is out of service."""

    group_id: int
    at: datetime
    statuses: dict[str, int] = field(default_factory=dict)
    averages: dict[str, float | None] = field(default_factory=dict)  # of each device's newest value
    alerts: dict[str, int] = field(default_factory=dict)  # active ones by severity

    @property
    def devices(self) -> int:
        return sum(self.statuses.values())


def group_figures(*, group_id: int, at: datetime) -> GroupFigures:
    """The figures of one group as of now, in five queries; refuses when there is no such group."""
    members = members_of(group_id=group_id)
    rows = Device.objects.in_service().filter(pk__in=members).values_list("pk", "status")
    status_of = dict(rows)
    statuses = dict.fromkeys(map(str, Device.Status), 0)
    for status in status_of.values():
        statuses[status] += 1
    newest = latest_values(device_ids=list(status_of))
    active = Alert.objects.filter(device_id__in=list(status_of), status=Alert.Status.ACTIVE).order_by()
    severities = dict(active.values_list("severity").annotate(alerts=Count("pk")))
    return GroupFigures(
        group_id=group_id,
        at=at,
        statuses=statuses,
        averages={
            metric: _mean(values[metric][0] for values in newest.values() if metric in values)
            for metric in AVERAGED
        },
        alerts={str(severity): severities.get(severity, 0) for severity in Alert.Severity},
    )


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None
