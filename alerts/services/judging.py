"""Judging inside the ingest transaction: load what is watched, ask the pure judge, write what changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alerts.models import Alert, Threshold
from alerts.rules import NORMAL, Level, Rule, judge
from alerts.services import lifecycle
from alerts.watched import Key, Watched, save_conditions, watched_metrics
from telemetry.batch import Sample, StoredBatch
from telemetry.rules import metric_for

LATE_MS = 600_000  # a reading that arrives later than this after its time is judged, but pages nobody
SEVERITIES = {Level.WARNING: Alert.Severity.WARNING, Level.CRITICAL: Alert.Severity.CRITICAL}


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
    by_device = watched_metrics({sample.device_id for sample in batch.fresh})
    if not by_device:
        return
    steps: list[Step] = []
    current: set[Key] = set()  # not at rest after a reading that is not late
    for sample in batch.fresh:
        watched = by_device.get(sample.device_id)
        if watched:
            is_late = batch.received_at - sample.timestamp > LATE_MS
            steps += _judge_sample(sample, watched, current, is_late=is_late)
    for step in steps:
        _carry_out(step, received_at=batch.received_at)
    moved = {
        (device_id, metric): each
        for device_id, watched in by_device.items()
        for metric, each in watched.items()
        if each.condition is not each.before or each.late
    }
    if moved:
        _settle(moved, steps, current, received_at=batch.received_at)


def _judge_sample(
    sample: Sample, watched: dict[str, Watched], current: set[Key], *, is_late: bool
) -> Iterator[Step]:
    for metric, value in sample.data.items():
        each = watched.get(metric)
        if each is None:
            continue
        before = each.condition
        after = judge(each.rule, before, value, sample.timestamp)
        if not is_late and after is not NORMAL:
            current.add((sample.device_id, metric))
        if after is before:
            continue
        each.condition = after
        if after.level is not before.level:
            yield Step(
                (sample.device_id, metric), each.rule, before.level, after.level, value, sample.timestamp
            )


def _settle(moved: dict[Key, Watched], steps: list[Step], current: set[Key], *, received_at: int) -> None:
    """Keep the conditions that changed, and page what began in a backlog and is still open now."""
    began_late = {step.key for step in steps if received_at - step.at > LATE_MS}
    changed = []
    for key, each in sorted(moved.items()):
        was_late = each.late or key in began_late
        is_open = each.condition.level is not Level.NORMAL
        if was_late and is_open and key in current:
            alert = Alert.objects.filter(open_key=open_key_of(key)).first()
            if alert is not None:
                lifecycle.no_longer_late(alert=alert, at=_moment(received_at))
        late = was_late and is_open and key not in current
        if each.condition is not each.before or late != each.late:
            each.late = late
            changed.append((key, each))
    save_conditions(changed)


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


def open_key_of(key: Key) -> str:
    """At most one open alert per device and metric."""
    return f"metric:{key[0]}:{key[1]}"


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
