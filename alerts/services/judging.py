"""Judging inside the ingest transaction: load rules and conditions, ask the pure judge, write what changed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alerts.models import Alert, ConditionState, Threshold
from alerts.rules import Condition, Latch, Level, Rule, judge
from alerts.services import lifecycle
from telemetry.batch import Sample, StoredBatch
from telemetry.metrics import metric_for

LATE_MS = 600_000  # a reading that arrives later than this after its time is judged, but pages nobody
SEVERITIES = {Level.WARNING: Alert.Severity.WARNING, Level.CRITICAL: Alert.Severity.CRITICAL}

Key = tuple[int, str]  # device, metric


@dataclass(frozen=True, slots=True)
class Step:
    """One change of level, at a reading."""

    key: Key
    rule: Rule
    before: Level
    after: Level
    value: float
    at: int  # event time, ms


def judge_batch(batch: StoredBatch) -> None:
    """Judge what was news in a stored batch, on event time; the devices' state rows are locked."""
    rules = rules_for({sample.device_id for sample in batch.fresh})
    if not rules:
        return
    states = _states_for({device_id for device_id, _ in rules})
    before = {key: condition_of(state) for key, state in states.items()}
    after = dict(before)
    steps: list[Step] = []
    current: set[Key] = set()  # judged by a reading that is not late
    for sample in batch.fresh:
        steps += _judge_sample(sample, rules, after)
        if batch.received_at - sample.timestamp <= LATE_MS:
            current.update((sample.device_id, metric) for metric in sample.data)
    for step in steps:
        _carry_out(step, received_at=batch.received_at)
    late = {key for key, state in states.items() if state.late}
    late |= {step.key for step in steps if batch.received_at - step.at > LATE_MS}
    _page_what_is_still_open(late & current, after, received_at=batch.received_at)
    _save(states, before, after, steps, current)


def _judge_sample(sample: Sample, rules: dict[Key, Rule], conditions: dict[Key, Condition]) -> list[Step]:
    steps = []
    for metric, value in sample.data.items():
        key = (sample.device_id, metric)
        rule = rules.get(key)
        if rule is None:
            continue
        before = conditions.get(key, NORMAL)
        after = judge(rule, before, value, sample.timestamp)
        if after is before:
            continue
        conditions[key] = after
        if after.level is not before.level:
            steps.append(Step(key, rule, before.level, after.level, value, sample.timestamp))
    return steps


NORMAL = Condition()


def rules_for(device_ids: set[int]) -> dict[Key, Rule]:
    """The rules in force for these devices, by device and metric: one query, so a change counts at once."""
    rows = Threshold.objects.filter(device_id__in=device_ids, enabled=True)
    return {(row.device_id, row.metric): rule_of(row) for row in rows}


def rule_of(row: Threshold) -> Rule:
    """The pure rule a threshold row stands for."""
    return Rule(
        id=row.pk or 0,
        min_value=row.min_value,
        max_value=row.max_value,
        warning_min=row.warning_min,
        warning_max=row.warning_max,
        hysteresis=row.hysteresis,
        hold_ms=row.hold_seconds * 1000,
        clear_ms=row.clear_seconds * 1000,
        count=row.count,
    )


def condition_of(state: ConditionState) -> Condition:
    """The pure condition a state row stands for."""
    return Condition(
        warning=Latch(state.warning, state.warning_since, state.warning_count),
        critical=Latch(state.critical, state.critical_since, state.critical_count),
    )


def open_key_of(key: Key) -> str:
    """At most one open alert per device and metric."""
    return f"metric:{key[0]}:{key[1]}"


def _states_for(device_ids: set[int]) -> dict[Key, ConditionState]:
    rows = ConditionState.objects.filter(device_id__in=device_ids)
    return {(row.device_id, row.metric): row for row in rows}


def _carry_out(step: Step, *, received_at: int) -> None:
    at, event_at = _moment(received_at), _moment(step.at)
    open_key = open_key_of(step.key)
    if step.after is Level.NORMAL:
        lifecycle.resolve_by_itself(open_key=open_key, at=at, ended_at=event_at, note="Back in range.")
        return
    figures: dict[str, Any] = {
        "value": step.value,
        "threshold": step.rule.bound_crossed(step.value, step.after),
        "message": describe(step),
    }
    if step.before is Level.NORMAL:
        lifecycle.open_alert(
            open_key=open_key,
            type=Alert.Type.THRESHOLD_EXCEEDED,
            severity=SEVERITIES[step.after],
            device_id=step.key[0],
            metric=step.key[1],
            at=at,
            started_at=event_at,
            late=received_at - step.at > LATE_MS,
            **figures,
        )
        return
    # Without an open alert a person has resolved it: it opens anew only after a value in range.
    alert = Alert.objects.filter(open_key=open_key).first()
    if alert is not None:
        if step.after < step.before:
            figures = {}  # the worst value stays
        lifecycle.change_severity(alert=alert, severity=SEVERITIES[step.after], at=at, **figures)


def _page_what_is_still_open(caught_up: set[Key], after: dict[Key, Condition], *, received_at: int) -> None:
    """Of a backlog only what is still open when the device has caught up is paged."""
    for key in sorted(caught_up):
        if after[key].level is not Level.NORMAL:
            alert = Alert.objects.filter(open_key=open_key_of(key)).first()
            if alert is not None:
                lifecycle.no_longer_late(alert=alert, at=_moment(received_at))


def _save(
    states: dict[Key, ConditionState],
    before: dict[Key, Condition],
    after: dict[Key, Condition],
    steps: list[Step],
    current: set[Key],
) -> None:
    stepped = {step.key for step in steps}
    changed: list[ConditionState] = []
    created: list[ConditionState] = []
    for key, condition in after.items():
        state = states.get(key) or ConditionState(device_id=key[0], metric=key[1])
        late = condition.level is not Level.NORMAL and key not in current and (key in stepped or state.late)
        if condition is before.get(key) and late == state.late:
            continue
        state.warning, state.critical = condition.warning.closed, condition.critical.closed
        state.warning_since, state.warning_count = condition.warning.since, condition.warning.count
        state.critical_since, state.critical_count = condition.critical.since, condition.critical.count
        state.late = late
        (changed if key in states else created).append(state)
    if created:
        ConditionState.objects.bulk_create(created)
    if changed:
        ConditionState.objects.bulk_update(changed, STATE_FIELDS)


STATE_FIELDS = [
    "warning",
    "warning_since",
    "warning_count",
    "critical",
    "critical_since",
    "critical_count",
    "late",
]


def describe(step: Step) -> str:
    """The alert in words: what, how much, against which bound."""
    metric = metric_for(step.key[1])
    unit = f" {metric.unit}" if metric.unit else ""
    bound = step.rule.bound_crossed(step.value, step.after)
    if bound is None:
        return f"{metric.label} {step.value:g}{unit}, not yet back in range"
    side = "over" if step.value > bound else "under"
    limit = "limit" if step.after is Level.CRITICAL else "warning limit"
    return f"{metric.label} {step.value:g}{unit}, {side} the {limit} of {bound:g}{unit}"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
