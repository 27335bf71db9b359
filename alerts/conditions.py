"""Where judged metrics stand, as plain values: one statement per batch reads those that are not at rest.

Only these have a row. A healthy plant has none, and then judging costs one small answer per batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from alerts.models import ConditionState
from alerts.rules import NORMAL, Condition, Latch, Rule, runs_out_at

STANDING = """
SELECT b.edition, c.device_id, c.metric, c.id, c.late, c.lag_ms, c.value, c.due_at, c.edition,
       c.warning, c.warning_since, c.warning_count, c.critical, c.critical_since, c.critical_count
  FROM (SELECT 1 AS one) AS always
  LEFT JOIN alerts_rulebook b ON b.id = 1
  LEFT JOIN alerts_condition c ON c.device_id IN ({ids})
"""


@dataclass(slots=True)
class Standing:
    """One metric of one device on its way through a batch."""

    condition: Condition = NORMAL
    before: Condition = NORMAL
    state_id: int | None = None
    late: bool = False
    lag_ms: int = 0  # how long after its time the reading arrived that moved it last
    value: float = 0.0  # of that reading
    due_at: int | None = None
    edition: int = 0
    heard_now: bool = False  # a reading of the batch that was not late left it as it is, and not at rest
    began_late: bool = False  # a step of the batch came from a late reading

    def is_kept(self, *, due_at: int | None, late: bool, edition: int) -> bool:
        """Nothing to write: it stands, and waits, as its row says."""
        return (
            self.condition is self.before
            and self.late == late
            and self.due_at == due_at
            and self.edition == edition
        )


Standings = dict[int, dict[str, Standing]]  # by device and metric


def standings_of(device_ids: Iterable[int]) -> tuple[int, Standings]:
    """The edition of the rules in force, and what of these devices is not at rest."""
    ids = ",".join(str(int(device_id)) for device_id in device_ids)
    found: Standings = {}
    with connection.cursor() as cursor:
        cursor.execute(STANDING.format(ids=ids))
        rows = cursor.fetchall()
    for _, device_id, metric, state_id, late, lag_ms, value, due_at, edition, *latches in rows:
        if device_id is None:
            continue
        condition = Condition(
            warning=Latch(bool(latches[0]), latches[1], latches[2]),
            critical=Latch(bool(latches[3]), latches[4], latches[5]),
        )
        found.setdefault(device_id, {})[metric] = Standing(
            condition, condition, state_id, bool(late), lag_ms, value, due_at, edition
        )
    return rows[0][0] or 0, found


def due_moment(rule: Rule, standing: Standing) -> int | None:
    """When, on our clock, its delay runs out if the device is not heard again; ms since the epoch."""
    moment = runs_out_at(rule, standing.condition)
    return None if moment is None else moment + standing.lag_ms


def save_standings(changed: Iterable[tuple[int, str, Standing]]) -> None:
    """Keep where these metrics stand now; the devices' telemetry locks are held.

    Rows are put in anew: two statements, where an update of each would be one for every metric that moves.
    """
    written = list(changed)
    stale = [standing.state_id for _, _, standing in written if standing.state_id is not None]
    if stale:
        ConditionState.objects.filter(pk__in=stale).delete()
    ConditionState.objects.bulk_create(
        _row(device_id, metric, standing)
        for device_id, metric, standing in written
        if standing.condition is not NORMAL
    )


def _row(device_id: int, metric: str, standing: Standing) -> ConditionState:
    warning, critical = standing.condition.warning, standing.condition.critical
    return ConditionState(
        device_id=device_id,
        metric=metric,
        warning=warning.closed,
        warning_since=warning.since,
        warning_count=warning.count,
        critical=critical.closed,
        critical_since=critical.since,
        critical_count=critical.count,
        value=standing.value,
        late=standing.late,
        lag_ms=standing.lag_ms,
        due_at=standing.due_at,
        edition=standing.edition,
    )
