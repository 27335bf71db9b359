"""Judging: load what is not at rest, ask the pure judge, write what changed.

Readings are judged inside the ingest transaction; delays that run out without one, by a worker. Both
hold the devices' telemetry locks, so that each device is judged by one at a time.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from django.db import transaction
from django.db.models import Q

from alerts.conditions import Standing, Standings, due_moment, save_standings, standings_of
from alerts.models import Alert, ConditionState
from alerts.rulebook import Rules, current_edition, reader
from alerts.rules import NORMAL, Condition, Level, Rule, elapse, judge, revise
from alerts.services import announcing, lifecycle
from factory.retrying import again_after_deadlock
from telemetry.batch import Sample, StoredBatch
from telemetry.rules import metric_for
from telemetry.services import lock_devices

LATE_MS = 600_000  # a reading that arrives later than this after its time is judged, but pages nobody
DEVICES_AT_ONCE = 200  # in one transaction of the worker: their readings wait meanwhile
TURN_LIMIT = 5_000  # conditions looked at in one turn
SEVERITIES = {Level.WARNING: Alert.Severity.WARNING, Level.CRITICAL: Alert.Severity.CRITICAL}
NOTHING_STANDS: dict[str, Standing] = {}


@dataclass(frozen=True, slots=True)
class Step:
    """One change of level: at a reading, or when a delay ran out."""

    device_id: int
    metric: str
    rule: Rule
    before: Level
    after: Level
    value: float
    at: int  # event time, ms
    is_late: bool


def judge_batch(batch: StoredBatch) -> None:
    """Judge what was news in a stored batch, on event time; the devices' state rows are locked."""
    device_ids = {sample.device_id for sample in batch.fresh}
    edition, standings, rules = _court(device_ids)
    steps: list[Step] = []
    for sample in batch.fresh:
        device_id = sample.device_id
        watched = rules[device_id]
        if not watched:
            continue
        stands = standings.get(device_id, NOTHING_STANDS)
        for metric, value in sample.data.items():
            rule = watched.get(metric)
            if rule is None or (rule.low <= value <= rule.high and metric not in stands):
                continue
            stands = standings.setdefault(device_id, {})
            standing = stands.setdefault(metric, Standing())
            steps += _hear(sample, metric, rule, standing, received_at=batch.received_at)
    if standings:
        _conclude(steps, standings, rules, edition=edition, at=batch.received_at)


@transaction.atomic
def judge_without_readings(*, device_ids: Iterable[int], at: datetime) -> int:
    """Let the delays of these devices run out that have, by the rules of now; returns how many levels changed."""
    ids = sorted(set(device_ids))
    lock_devices(device_ids=ids)
    edition, standings, rules = _court(ids)
    now = int(at.timestamp() * 1000)
    steps: list[Step] = []
    for device_id, metric, standing in _each(standings):
        rule = rules[device_id].get(metric)
        if rule is not None:
            steps += _let_run_out(device_id, metric, rule, standing, until=now - standing.lag_ms)
    _conclude(steps, standings, rules, edition=edition, at=now)
    return len(steps)


def judge_what_is_due(*, at: datetime) -> int:
    """Judge all that waits for a delay to run out, or was last judged by rules that have changed since."""
    now = int(at.timestamp() * 1000)
    waiting = ConditionState.objects.filter(Q(due_at__lte=now) | ~Q(edition=current_edition()))
    due = sorted(set(waiting.order_by().values_list("device_id", flat=True)[:TURN_LIMIT]))
    changed = 0
    for start in range(0, len(due), DEVICES_AT_ONCE):
        ids = due[start : start + DEVICES_AT_ONCE]
        changed += again_after_deadlock(partial(judge_without_readings, device_ids=ids, at=at))
    return changed


def _court(device_ids: Collection[int]) -> tuple[int, Standings, dict[int, Rules]]:
    """The edition of the rules, what of these devices is not at rest, and the rules in force for them."""
    edition, standings = standings_of(device_ids)
    rules = reader.in_force(device_ids, edition=edition)
    for device_id, metric, standing in _each(standings):
        rule = rules[device_id].get(metric)
        if rule is not None and standing.edition != edition:
            standing.condition = revise(rule, standing.condition, standing.value)
    return edition, standings, rules


def _each(standings: Standings) -> Iterator[tuple[int, str, Standing]]:
    for device_id, stands in sorted(standings.items()):
        for metric, standing in sorted(stands.items()):
            yield device_id, metric, standing


def _hear(sample: Sample, metric: str, rule: Rule, standing: Standing, *, received_at: int) -> Iterator[Step]:
    device_id, at, value = sample.device_id, sample.timestamp, sample.data[metric]
    yield from _let_run_out(device_id, metric, rule, standing, until=at)
    is_late = received_at - at > LATE_MS
    after = judge(rule, standing.condition, value, at)
    if not is_late and after is not NORMAL:
        standing.heard_now = True
    if after is standing.condition:
        return
    standing.value, standing.lag_ms = value, received_at - at
    yield from _move(device_id, metric, rule, standing, after, at=at, is_late=is_late)


def _let_run_out(
    device_id: int, metric: str, rule: Rule, standing: Standing, *, until: int
) -> Iterator[Step]:
    is_late = standing.lag_ms > LATE_MS
    for condition, at in elapse(rule, standing.condition, until):
        yield from _move(device_id, metric, rule, standing, condition, at=at, is_late=is_late)


def _move(
    device_id: int, metric: str, rule: Rule, standing: Standing, after: Condition, *, at: int, is_late: bool
) -> Iterator[Step]:
    before, standing.condition = standing.condition.level, after
    if after.level is not before:
        standing.began_late |= is_late
        yield Step(device_id, metric, rule, before, after.level, standing.value, at, is_late)


def _conclude(
    steps: list[Step], standings: Standings, rules: dict[int, Rules], *, edition: int, at: int
) -> None:
    """Carry the steps out, drop what nobody watches any more, and keep where the rest stands."""
    moment = _moment(at)
    lifecycle.carry_out([_step_of_alert(step) for step in steps], at=moment)
    changed, unwatched = [], []
    for device_id, metric, standing in _each(standings):
        rule = rules[device_id].get(metric)
        if rule is None:
            standing.condition = NORMAL
            unwatched.append(_end_of_unwatched(device_id, metric, at=moment))
            changed.append((device_id, metric, standing))
            continue
        late = _still_late(device_id, metric, standing, at=moment)
        due_at = due_moment(rule, standing)
        if not standing.is_kept(due_at=due_at, late=late, edition=edition):
            standing.due_at, standing.late, standing.edition = due_at, late, edition
            changed.append((device_id, metric, standing))
    lifecycle.carry_out(unwatched, at=moment)
    save_standings(changed)


def _still_late(device_id: int, metric: str, standing: Standing, *, at: datetime) -> bool:
    """Whether its alert began in a backlog and nobody is told yet; what is still open now is told."""
    was_late = standing.late or standing.began_late
    if not was_late or standing.condition.level is Level.NORMAL:
        return False
    if standing.heard_now:
        announcing.no_longer_late(open_key=open_key_of(device_id, metric), at=at)
    return not standing.heard_now


def open_key_of(device_id: int, metric: str) -> str:
    """At most one open alert per device and metric."""
    return f"metric:{device_id}:{metric}"


def _end_of_unwatched(device_id: int, metric: str, *, at: datetime) -> lifecycle.Ending:
    return lifecycle.Ending(open_key_of(device_id, metric), at, "Its threshold was taken away.")


def _step_of_alert(step: Step) -> lifecycle.Step:
    event_at = _moment(step.at)
    open_key = open_key_of(step.device_id, step.metric)
    if step.after is Level.NORMAL:
        return lifecycle.Ending(open_key, event_at, "Back in range.")
    severity, bound = SEVERITIES[step.after], step.rule.bound_crossed(step.value, step.after)
    if step.before is Level.NORMAL:
        return lifecycle.Opening(
            open_key=open_key,
            type=Alert.Type.THRESHOLD_EXCEEDED,
            severity=severity,
            message=describe(step),
            started_at=event_at,
            device_id=step.device_id,
            metric=step.metric,
            value=step.value,
            threshold=bound,
            late=step.is_late,
        )
    return lifecycle.Change(open_key, severity, step.value, bound, describe(step), late=step.is_late)


def describe(step: Step) -> str:
    """The alert in words: what, how much, against which bound."""
    metric = metric_for(step.metric)
    unit = f" {metric.unit}" if metric.unit else ""
    bound = step.rule.bound_crossed(step.value, step.after)
    if bound is None:
        return f"{metric.label} {step.value:g}{unit}, not yet back in range"
    side = "over" if step.value > bound else "under"
    limit = "limit" if step.after is Level.CRITICAL else "warning limit"
    return f"{metric.label} {step.value:g}{unit}, {side} the {limit} of {bound:g}{unit}"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
