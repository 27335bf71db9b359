from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from django.db import transaction

from devices.seen_lately import seen_lately
from devices.services import note_seen
from factory.live.broadcast import broadcast_on_commit
from telemetry import sql
from telemetry.batch import Outcome, Sample, StoredBatch
from telemetry.models import Reading, State
from telemetry.rows import reading_row
from telemetry.services.marking import mark_late
from telemetry.signals import readings_stored

SENSOR_STREAM = "sensor"
SENSOR_SHARDS = 4
LIVE_PER_DEVICE = 100  # of one batch; a device flushing a backlog must not flood the dashboards
METRICS_PER_DEVICE = 256
by_time = attrgetter("timestamp")


@dataclass(slots=True)
class _Share:
    """What a batch brings of one device, beside what was known of it."""

    device_id: int
    newest: int | None  # before the batch
    latest: dict[str, Any]
    names: set[str]
    stored: dict[int, dict[str, float]] = field(default_factory=dict)  # where something may be there already
    written: dict[int, dict[str, float]] = field(default_factory=dict)
    changed: list[Sample] = field(default_factory=list)

    def take(self, sample: Sample) -> Outcome:
        _, timestamp, data = sample
        if not data.keys() <= self.names and not self._learn(data):
            return Outcome.TOO_MANY_METRICS
        before = self.written.get(timestamp) or self.stored.get(timestamp)
        if before is None:
            self.written[timestamp] = data
        elif all(before.get(metric) == value for metric, value in data.items()):
            return Outcome.DUPLICATE
        else:
            self.written[timestamp] = {**before, **data}
        self.changed.append(sample)
        return Outcome.ACCEPTED

    def _learn(self, data: dict[str, float]) -> bool:
        """A device that makes up ever new names would make its own state, read at every reading, ever larger."""
        if len(self.names | data.keys()) > METRICS_PER_DEVICE:
            return False
        self.names.update(data)
        return True

    def is_newer(self, sample: Sample) -> bool:
        """Newer than all that the device had before the batch."""
        return self.newest is None or sample.timestamp > self.newest

    def move_latest(self) -> tuple[int, list[Sample]]:
        """Let the newest value of each metric win; returns the newest time, and what was news in event order."""
        newest, latest = self.newest, self.latest
        fresh = []
        for sample in self.changed:
            _, timestamp, data = sample
            if newest is None or timestamp > newest:
                newest, news = timestamp, data
            else:
                news = {m: value for m, value in data.items() if _is_news(value, timestamp, latest.get(m))}
            for metric, value in news.items():
                latest[metric] = [value, timestamp]
            if news:
                fresh.append(sample if len(news) == len(data) else sample._replace(data=news))
        assert newest is not None
        return newest, fresh


@transaction.atomic
def store_readings(*, samples: Sequence[Sample], received_at: int) -> list[Outcome]:
    """Store, merge and judge readings of any devices in one transaction; one outcome per sample.

    Readings with the same device and timestamp merge metric by metric, and the later write wins.
    `received_at` is in ms since the epoch.
    """
    states = sql.lock_states({sample.device_id for sample in samples})
    shares = {
        device_id: _Share(device_id, newest, latest, names=set(latest))
        for device_id, (newest, latest, is_closed) in states.items()
        if not is_closed
    }
    _look_up(samples, shares)
    outcomes = [
        shares[sample.device_id].take(sample) if sample.device_id in shares else _why_not(sample, states)
        for sample in samples
    ]
    sql.upsert_readings(
        [
            (share.device_id, timestamp, data)
            for share in shares.values()
            for timestamp, data in share.written.items()
        ],
        received_at=received_at,
    )
    changed = [share for share in shares.values() if share.changed]
    for share in changed:
        # A stable sort: of two values for the same moment the later written one comes later, and wins.
        share.changed.sort(key=by_time)
    mark_late(_late(changed), states)
    fresh = _move_latest(changed)
    seen_lately.note(shares, at=datetime.fromtimestamp(received_at / 1000, UTC), write=note_seen)
    if fresh:
        readings_stored.send(sender=Reading, batch=StoredBatch(received_at=received_at, fresh=fresh))
        broadcast_on_commit(SENSOR_STREAM, _live_items(changed, received_at), shards=SENSOR_SHARDS)
    return outcomes


def _why_not(sample: Sample, states: sql.States) -> Outcome:
    return Outcome.OUT_OF_SERVICE if sample.device_id in states else Outcome.UNKNOWN_DEVICE


def _look_up(samples: Sequence[Sample], shares: dict[int, _Share]) -> None:
    """Only what is not newer than the device's newest reading can be there already."""
    wanted: dict[int, set[int]] = {}
    for sample in samples:
        share = shares.get(sample.device_id)
        if share is not None and not share.is_newer(sample):
            wanted.setdefault(sample.device_id, set()).add(sample.timestamp)
    for (device_id, timestamp), data in sql.select_readings(wanted).items():
        shares[device_id].stored[timestamp] = data


def _late(changed: Iterable[_Share]) -> list[Sample]:
    late: list[Sample] = []
    for share in changed:
        if not share.is_newer(share.changed[0]):  # the oldest of them
            late += share.changed
    return late


def _move_latest(changed: Iterable[_Share]) -> list[Sample]:
    """Move what is known of each device, and return what was news."""
    fresh: list[Sample] = []
    moved = []
    for share in changed:
        newest, news = share.move_latest()
        moved.append((share.device_id, newest, share.latest))
        fresh += news
    sql.update_states(moved)
    return fresh


def _is_news(value: float, timestamp: int, known: list[Any] | None) -> bool:
    """Newer than what is known, or another value for the same moment."""
    return known is None or timestamp > known[1] or (timestamp == known[1] and value != known[0])


def _live_items(changed: Iterable[_Share], received_at: int) -> list[tuple[int, dict[str, Any], int]]:
    """What dashboards are shown: readings not older than any that was there, the newest of each device."""
    return [
        (share.device_id, reading_row(*sample), received_at)
        for share in changed
        for sample in share.changed[-LIVE_PER_DEVICE:]
        if share.newest is None or sample.timestamp >= share.newest
    ]


def lock_devices(*, device_ids: Sequence[int]) -> None:
    """Hold back all writing of these devices' readings until the transaction at hand is over."""
    sql.lock_states(device_ids)


@transaction.atomic
def close_devices(*, device_ids: Sequence[int]) -> None:
    """From now on no reading of these devices is taken, whichever way it comes; what is stored stays."""
    sql.lock_states(device_ids)  # also a row for each that was never heard
    State.objects.filter(pk__in=device_ids).update(is_closed=True)


@transaction.atomic
def open_devices(*, device_ids: Sequence[int]) -> None:
    """Readings of these devices are taken again."""
    sql.lock_states(device_ids)
    State.objects.filter(pk__in=device_ids).update(is_closed=False)
