from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Prefetch

from alerts.models import Alert, AlertEvent, Delivery, Shelf
from alerts.queries.thresholds import thresholds_in_force
from analytics.charts import course_of, window_around
from analytics.queries.devices import main_metric
from devices.models import Device
from factory.accounts.models import User
from telemetry.queries import latest_values

STEPS_SHOWN = 200
MEMBERS_SHOWN = 100
PEOPLE_SHOWN = 500
LOOK_BACK = timedelta(days=30)


@dataclass
class Story:
    """One alert with all that happened to it, and where to look."""

    alert: Alert
    steps: list[AlertEvent]  # oldest first; of very many the newest
    left_out: int
    course: dict | None
    shelf: Shelf | None
    same: int  # how often the same happened in the last 30 days, this time included
    members: list[Device] = field(default_factory=list)  # silent just now, of an alert about a zone

    @property
    def last(self) -> AlertEvent | None:
        """The step by which it is over."""
        over = (step for step in reversed(self.steps) if step.kind == AlertEvent.Kind.RESOLVED)
        return next(over, None)


def story_of(alert: Alert, *, at: datetime) -> Story:
    """An alert with its steps, whom each was told to, and the course around it."""
    steps, left_out = _steps(alert)
    shelf = None
    if alert.silence == Alert.Silence.SHELVED and alert.status != Alert.Status.RESOLVED:
        shelf = Shelf.objects.select_related("by").filter(key=alert.key).first()
    return Story(
        alert=alert,
        steps=steps,
        left_out=left_out,
        course=_course(alert, at),
        shelf=shelf,
        same=Alert.objects.filter(key=alert.key, created_at__gt=at - LOOK_BACK).count(),
        members=[] if alert.device_id or not alert.zone else _members(alert),
    )


def _steps(alert: Alert) -> tuple[list[AlertEvent], int]:
    told = Prefetch("deliveries", Delivery.objects.order_by("pk"))
    newest_first = AlertEvent.objects.filter(alert=alert).order_by("-pk")
    newest = list(newest_first.select_related("by").prefetch_related(told)[: STEPS_SHOWN + 1])
    if len(newest) <= STEPS_SHOWN:
        return newest[::-1], 0
    left_out = AlertEvent.objects.filter(alert=alert).count() - STEPS_SHOWN
    return newest[STEPS_SHOWN - 1 :: -1], left_out


def _members(alert: Alert) -> list[Device]:
    silent = Device.objects.filter(pk__in=alert.silent_devices.values("device"))
    return list(silent.with_presence().order_by("name", "pk")[: MEMBERS_SHOWN + 1])


def _course(alert: Alert, at: datetime) -> dict | None:
    """Of the metric it is about; of an alert about the device itself, the metric the device is known by."""
    if alert.device_id is None:
        return None
    values = latest_values(device_ids=[alert.device_id]).get(alert.device_id, {})
    in_force = {row.metric: row for row in thresholds_in_force(device_id=alert.device_id)}
    metric = alert.metric or main_metric(values, "", set(in_force))
    if metric not in values:
        return None
    start, end = window_around(alert, at=at)
    course = course_of(
        device_id=alert.device_id,
        metric=metric,
        metrics=len(values),
        threshold=in_force.get(metric),
        alerts=[alert],
        start=start,
        end=end,
    )
    bound = alert.threshold if alert.metric == metric else None
    if bound is not None and bound not in [limit["value"] for limit in course["limits"]]:
        course["limits"].append({"name": "limit then", "value": bound})
    return course


def people() -> list[User]:
    """Those an alert may be given to, by name."""
    return list(User.objects.filter(is_active=True).order_by("name", "email")[:PEOPLE_SHOWN])
