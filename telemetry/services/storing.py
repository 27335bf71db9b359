from collections.abc import Sequence
from typing import Any

from django.db import transaction

from devices.services import note_seen
from factory.live.broadcast import broadcast_on_commit
from telemetry import sql
from telemetry.batch import Outcome, Sample, StoredBatch
from telemetry.models import Reading
from telemetry.presence import seen_lately
from telemetry.rows import reading_row
from telemetry.services.marking import mark_late
from telemetry.signals import readings_stored
from telemetry.sql import States

SENSOR_STREAM = "sensor"
SENSOR_SHARDS = 4
LIVE_PER_DEVICE = 100  # of one batch; a device flushing a backlog must not flood the dashboards
METRICS_PER_DEVICE = 256


@transaction.atomic
def store_readings(*, samples: Sequence[Sample], received_at: int) -> list[Outcome]:
    """Store, merge and judge readings of any devices in one transaction; one outcome per sample.

    Readings with the same device and timestamp merge metric by metric, and the later write wins.
    `received_at` is in ms since the epoch.
    """
    states = sql.lock_states([sample.device_id for sample in samples])
    stored = sql.select_readings(_needing_look_up(samples, states))
    outcomes = []
    written: dict[tuple[int, int], dict[str, float]] = {}
    names: dict[int, set[str]] = {}
    for sample in samples:
        if sample.device_id not in states:
            outcomes.append(Outcome.UNKNOWN_DEVICE)
            continue
        if _has_too_many_metrics(sample, names, states):
            outcomes.append(Outcome.TOO_MANY_METRICS)
            continue
        key = (sample.device_id, sample.timestamp)
        before = written.get(key) or stored.get(key)
        if before is None:
            written[key] = sample.data
        elif all(before.get(metric) == value for metric, value in sample.data.items()):
            outcomes.append(Outcome.DUPLICATE)
            continue
        else:
            written[key] = {**before, **sample.data}
        outcomes.append(Outcome.ACCEPTED)
    sql.upsert_readings([(*key, data) for key, data in written.items()], received_at=received_at)
    changed = [
        sample for sample, outcome in zip(samples, outcomes, strict=True) if outcome is Outcome.ACCEPTED
    ]
    mark_late(changed, states)
    fresh = _move_latest(changed, states)
    heard = {sample.device_id for sample in samples if sample.device_id in states}
    seen_lately.note(heard, at_ms=received_at, write=note_seen)
    if fresh:
        readings_stored.send(sender=Reading, batch=StoredBatch(received_at=received_at, fresh=fresh))
        broadcast_on_commit(SENSOR_STREAM, _live_items(changed, states), shards=SENSOR_SHARDS)
    return outcomes


def _has_too_many_metrics(sample: Sample, names: dict[int, set[str]], states: States) -> bool:
    """A device that makes up ever new names would make its own state, read at every reading, ever larger."""
    known = names.get(sample.device_id)
    if known is None:
        known = names[sample.device_id] = set(states[sample.device_id][1])
    if sample.data.keys() <= known:
        return False
    if len(known | sample.data.keys()) > METRICS_PER_DEVICE:
        return True
    known.update(sample.data)
    return False


def _needing_look_up(samples: Sequence[Sample], states: States) -> dict[int, set[int]]:
    """Only what is not newer than the device's newest reading can be there already."""
    wanted: dict[int, set[int]] = {}
    for sample in samples:
        newest = states[sample.device_id][0] if sample.device_id in states else None
        if newest is not None and sample.timestamp <= newest:
            wanted.setdefault(sample.device_id, set()).add(sample.timestamp)
    return wanted


def _move_latest(changed: Sequence[Sample], states: States) -> list[Sample]:
    """Let the newest value of each metric win, and return what was news, in event order per device."""
    fresh = []
    moved: dict[int, tuple[int, dict[str, Any]]] = {}
    # A stable sort: of two values for the same moment the later written one comes later, and wins.
    for sample in sorted(changed, key=lambda sample: (sample.device_id, sample.timestamp)):
        newest, latest = moved.get(sample.device_id) or states[sample.device_id]
        news = {
            metric: value
            for metric, value in sample.data.items()
            if _is_news(value, sample.timestamp, latest.get(metric))
        }
        for metric, value in news.items():
            latest[metric] = [value, sample.timestamp]
        newest = sample.timestamp if newest is None else max(newest, sample.timestamp)
        moved[sample.device_id] = (newest, latest)
        if news:
            fresh.append(sample if len(news) == len(sample.data) else sample._replace(data=news))
    sql.update_states([(device, newest, latest) for device, (newest, latest) in moved.items()])
    return fresh


def _is_news(value: float, timestamp: int, known: list[Any] | None) -> bool:
    """Newer than what is known, or another value for the same moment."""
    return known is None or timestamp > known[1] or (timestamp == known[1] and value != known[0])


def _live_items(changed: Sequence[Sample], states: States) -> list[tuple[int, dict[str, Any]]]:
    """What dashboards are shown: readings newer than all that was there, the newest of each device."""
    by_device: dict[int, list[Sample]] = {}
    for sample in changed:
        before = states[sample.device_id][0]
        if before is None or sample.timestamp >= before:
            by_device.setdefault(sample.device_id, []).append(sample)
    items = []
    for samples in by_device.values():
        samples.sort(key=lambda sample: sample.timestamp)
        items += [(sample.device_id, reading_row(*sample)) for sample in samples[-LIVE_PER_DEVICE:]]
    return items


def lock_devices(*, device_ids: Sequence[int]) -> None:
    """Hold back all writing of these devices' readings until the transaction at hand is over."""
    sql.lock_states(device_ids)
