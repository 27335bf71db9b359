"""What a chart is told of a course: which readings to fetch, its limits, and when alerts were open."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.models import Alert, Threshold
from analytics.templatetags.plant import decimals
from telemetry.rules import metric_for

SHORTEST_LEAD, LONGEST_LEAD = timedelta(minutes=15), timedelta(days=1)
LONGEST_COURSE = timedelta(days=365)


def course_of(
    *,
    device_id: int,
    metric: str,
    metrics: int,
    threshold: Threshold | None,
    alerts: Iterable[Alert],
    span: timedelta | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> dict:
    """The last `span` up to now, or from `start` to `end`; without an end it grows with the readings.

    `metrics` is how many the device measures: the points of a thinned course are shared among them.
    """
    rule = metric_for(metric)
    return {
        "deviceId": device_id,
        "metric": rule.key,
        "label": rule.called,
        "unit": rule.unit,
        "decimals": decimals(rule.key),
        "rangeMs": span and int(span.total_seconds() * 1000),
        "from": start and _ms(start),
        "to": end and _ms(end),
        "metrics": metrics,
        "maxGapMs": rule.max_gap_seconds * 1000,
        "limits": limits_of(threshold),
        "alerts": [
            {
                "from": _ms(alert.started_at),
                "to": (over := over_at(alert)) and _ms(over),
                "severity": alert.severity,
            }
            for alert in alerts
        ],
    }


def limits_of(threshold: Threshold | None) -> list[dict]:
    """The bounds in force, from the lowest on; none where nothing is watched."""
    if threshold is None or not threshold.enabled:
        return []
    named = (
        ("limit", threshold.min_value),
        ("warning", threshold.warning_min),
        ("warning", threshold.warning_max),
        ("limit", threshold.max_value),
    )
    return [{"name": name, "value": value} for name, value in named if value is not None]


def over_at(alert: Alert) -> datetime | None:
    """When the trouble was over on the floor, as far as anybody knows; one that somebody resolved ends there."""
    return alert.ended_at or alert.resolved_at


def window_around(alert: Alert, *, at: datetime) -> tuple[datetime, datetime | None]:
    """(start, end) of the course to look at for an alert: some time before it, and after it unless it is open."""
    over = over_at(alert)
    lasted = (over or at) - alert.started_at
    lead = min(max(lasted / 2, SHORTEST_LEAD), LONGEST_LEAD)
    end = None if over is None or over + lead >= at else over + lead
    return max(alert.started_at - lead, (end or at) - LONGEST_COURSE), end


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
