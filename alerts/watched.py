"""What is watched, as plain values: one statement per batch, because a model instance per rule would cost more
than all the judging."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from alerts.models import ConditionState
from alerts.rules import NORMAL, Condition, Latch, Rule

Key = tuple[int, str]  # device, metric

WATCHED = """
SELECT t.device_id, t.metric,
       t.id, t.min_value, t.max_value, t.warning_min, t.warning_max, t.hysteresis,
       t.hold_seconds * 1000, t.clear_seconds * 1000, t.count,
       c.id, c.late, c.warning, c.warning_since, c.warning_count, c.critical, c.critical_since, c.critical_count
  FROM alerts_threshold t
  LEFT JOIN alerts_condition c ON c.device_id = t.device_id AND c.metric = t.metric
 WHERE t.enabled AND t.device_id IN ({ids})
"""


@dataclass(slots=True)
class Watched:
    """One watched metric of one device on its way through a batch."""

    rule: Rule
    state_id: int | None  # the row of its condition, once it has one
    late: bool
    before: Condition
    condition: Condition


def watched_metrics(device_ids: Iterable[int]) -> dict[int, dict[str, Watched]]:
    """{device: {metric: Watched}}: the rules in force for these devices, and where each metric stands."""
    ids = ",".join(str(int(device_id)) for device_id in device_ids)
    found: dict[int, dict[str, Watched]] = {}
    with connection.cursor() as cursor:
        cursor.execute(WATCHED.format(ids=ids))
        for row in cursor.fetchall():
            condition = _condition(*row[13:]) if row[11] is not None else NORMAL
            watched = Watched(Rule(*row[2:11]), row[11], bool(row[12]), condition, condition)
            found.setdefault(row[0], {})[row[1]] = watched
    return found


def _condition(
    warning: int,
    warning_since: int | None,
    warning_count: int,
    critical: int,
    critical_since: int | None,
    critical_count: int,
) -> Condition:
    if not (warning or critical or warning_count or critical_count):
        return NORMAL
    return Condition(
        warning=Latch(bool(warning), warning_since, warning_count),
        critical=Latch(bool(critical), critical_since, critical_count),
    )


def save_conditions(changed: Iterable[tuple[Key, Watched]]) -> None:
    """Keep where these metrics stand now; the devices' telemetry locks are held."""
    created = []
    for (device_id, metric), watched in changed:
        warning, critical = watched.condition.warning, watched.condition.critical
        values = {
            "warning": warning.closed,
            "warning_since": warning.since,
            "warning_count": warning.count,
            "critical": critical.closed,
            "critical_since": critical.since,
            "critical_count": critical.count,
            "late": watched.late,
        }
        if watched.state_id is None:
            created.append(ConditionState(device_id=device_id, metric=metric, **values))
        else:
            ConditionState.objects.filter(pk=watched.state_id).update(**values)
    ConditionState.objects.bulk_create(created)
