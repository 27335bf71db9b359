"""Quarter-hours recomputed from raw.

The worker reads in one snapshot, computes without holding any lock, and writes in one short transaction, which
leaves out every device whose rollups moved in between. Ingestion waits for it at most for one short write, and
of two workers one wins.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from operator import itemgetter

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from factory.retrying import again_after_deadlock
from telemetry import mark_sql, rollup_sql, sql
from telemetry.exchange_sql import exchanges_of
from telemetry.fold import ALWAYS, QUARTER_MS, Exchanges, Fold, Row, Tallies, quarter_of, runs_of, take_newer
from telemetry.mark_sql import Mark
from telemetry.models import Quarter
from telemetry.reach import Newest, Stretch, folded
from telemetry.retention import raw_begins
from telemetry.rollup_sql import DAYS
from telemetry.rules import metric_for, rules
from telemetry.services.days import Rows, days_anew, days_with, follow_the_zone
from telemetry.signals import quarters_recomputed
from telemetry.tally import READINGS, Tally

logger = logging.getLogger(__name__)

DEVICES_AT_ONCE = 100
QUARTERS_A_DAY = 96
ROWS_AT_ONCE = 50_000  # of the tails of one turn; a long history takes several


@dataclass(slots=True, eq=False)
class _Work:
    """What is to be done about one device's rollups, and what has come of it.

    The stored rollups tell what raw says up to the watermark. So what was dirty is computed anew from raw up to
    there, and what is newer (the tail) is added to it.
    """

    device_id: int
    mark: Mark
    dirty: dict[int, int]  # {bucket: version}
    newest: Newest
    spans: list[Stretch]
    tail: Stretch
    rolled_to: int

    @classmethod
    def of(
        cls, device_id: int, mark: Mark, dirty: dict[int, int], newest: Newest, exchanges: Exchanges
    ) -> "_Work":
        after = mark.rolled_to + 1
        spans = [
            Stretch(device_id, lo, Fold(metric_for, lo, hi, exchanges=exchanges), newest, until=after)
            for lo, hi in runs_of(bucket for bucket in dirty if bucket < after)
        ]
        fold = Fold(metric_for, -ALWAYS, ALWAYS, last=dict(mark.last), exchanges=exchanges)
        tail = Stretch(device_id, after, fold, newest, is_seeded=True)
        return cls(device_id, mark, dirty, newest, spans, tail, mark.rolled_to)

    @property
    def is_news(self) -> bool:
        return bool(self.spans) or self.rolled_to != self.mark.rolled_to

    @property
    def metrics(self) -> list[str]:
        return [READINGS, *self.newest]

    @property
    def next_mark(self) -> Mark:
        return self.mark._replace(rolled_to=self.rolled_to, last=self.tail.fold.last, turn=self.mark.turn + 1)

    @property
    def settled(self) -> dict[int, int]:
        """The marks that are answered: those of the spans, and those the tail has passed."""
        return {bucket: version for bucket, version in self.dirty.items() if bucket <= self.rolled_to}

    def feed_tail(self, rows: Iterable[Row]) -> None:
        for span in self.spans:
            take_newer(self.tail.fold.last, span.fold.last, before=span.fold.hi)
        self.tail.fold.feed(self._noted(rows))

    def _noted(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.rolled_to = row[0]
            yield row


def roll_up_due(*, seconds: float = 10.0) -> int:
    """One turn over all devices that have something to roll up; returns how many devices were brought further.

    After about `seconds` it stops, and the next turn goes on.
    """
    end = time.monotonic() + seconds
    rules.forget()  # a rule declared a moment ago by another process counts from now on
    mark_sql.create_watermarks(settings.PLANT_TIME_ZONE)
    follow_the_zone(seconds=seconds / 2)
    due = mark_sql.devices_due()
    moved = 0
    for start in range(0, len(due), DEVICES_AT_ONCE):
        moved += _roll_up_apart(due[start : start + DEVICES_AT_ONCE])
        if time.monotonic() > end:
            break
    return moved


def _roll_up_apart(device_ids: Sequence[int]) -> int:
    """As `roll_up`; a device with which it fails costs the others nothing, and is tried again at the next turn."""
    try:
        return roll_up(device_ids=device_ids)
    except Exception:
        if len(device_ids) == 1:
            logger.exception("rollup.failed", extra={"device_id": device_ids[0]})
            return 0
    return sum(_roll_up_apart([device_id]) for device_id in device_ids)


def roll_up(*, device_ids: Sequence[int]) -> int:
    """Bring the rollups of some devices up to date, or at least further; returns how many devices moved."""
    with sql.snapshot():
        works = _plan(device_ids)
        for _ in folded(span for work in works for span in work.spans):
            pass  # each work holds its own
        _fold_tails(works)
    works = [work for work in works if work.is_news]
    return again_after_deadlock(partial(_write, works)) if works else 0


def _plan(device_ids: Sequence[int]) -> list[_Work]:
    marks = mark_sql.watermarks(device_ids)
    dirty = mark_sql.dirty_quarters(list(marks))
    states = sql.read_states(list(marks))
    exchanges = exchanges_of(list(marks))
    return [
        _Work.of(
            device_id,
            mark,
            dirty.get(device_id, {}),
            {metric: at for metric, (_, at) in states[device_id][1].items()},
            exchanges.get(device_id, {}),
        )
        for device_id, mark in sorted(marks.items())
        if device_id in states
    ]


def _fold_tails(works: Sequence[_Work]) -> None:
    """One device after the other, until enough has been read for one turn; the others keep their tails."""
    by_device = {work.device_id: work for work in works}
    rows = sql.stream_windows([work.tail.window() for work in works])
    fed = set()
    for device_id, readings in groupby(islice(rows, ROWS_AT_ONCE), key=itemgetter(0)):
        by_device[device_id].feed_tail(row for _, row in readings)
        fed.add(device_id)
    for device_id in by_device.keys() - fed:
        by_device[device_id].feed_tail([])


@transaction.atomic
def _write(works: Sequence[_Work]) -> int:
    ids = [work.device_id for work in works]
    turns = mark_sql.lock_turns(ids)
    dirty = mark_sql.dirty_quarters(ids, lock=True)
    # A mark that moved tells of something newer than what was read; a watermark that moved, of another worker.
    works = [
        work
        for work in works
        if turns.get(work.device_id) == work.mark.turn
        and work.settled.items() <= dirty.get(work.device_id, {}).items()
    ]
    for work in works:
        for span in work.spans:
            rollup_sql.delete_tallies(work.device_id, work.metrics, span.fold.lo, span.fold.hi)
    quarters: Rows = []
    for work in works:
        quarters += [((work.device_id, *key), tally) for key, tally in _changed_tallies(work).items()]
    rollup_sql.write_tallies(quarters)
    rollup_sql.write_tallies([row for work in works for row in _changed_days(work)], into=DAYS)
    mark_sql.delete_marks([(work.device_id, bucket) for work in works for bucket in work.settled])
    mark_sql.write_watermarks([(work.device_id, work.next_mark) for work in works])
    _tell(works, {bucket for (_, _, bucket), _ in quarters})
    return len(works)


def _tell(works: Sequence[_Work], buckets: set[int]) -> None:
    for span in (span for work in works for span in work.spans):
        buckets.update(range(span.fold.lo, span.fold.hi, QUARTER_MS))
    # Also what came late into the tail: others may have looked at it before.
    redone = {work.device_id: runs_of(work.settled) for work in works if work.settled}
    quarters_recomputed.send(sender=Quarter, buckets=buckets, redone=redone)


def _changed_tallies(work: _Work) -> Tallies:
    """The dirty quarters as they are now, and the tail added to them and to what is stored of others."""
    changed = {key: tally for span in work.spans for key, tally in span.fold.tallies.items()}
    tail = work.tail.fold.tallies
    if not tail:
        return changed
    buckets = [bucket for _, bucket in tail]
    metrics = {metric for metric, _ in tail}
    stored = rollup_sql.stored_tallies([work.device_id], metrics, min(buckets), max(buckets) + 1)
    before = {key[1:]: tally for key, tally in stored} | changed
    for key, tally in tail.items():
        changed[key] = before.get(key, Tally())
        changed[key].merge(tally)
    return changed


def _changed_days(work: _Work) -> Rows:
    zone, tail = work.mark.days_zone, work.tail.fold.tallies
    if not work.spans:
        return days_with(device_id=work.device_id, tallies=tail, zone=zone)
    buckets = {bucket for _, bucket in tail}
    for span in work.spans:
        buckets.update(range(span.fold.lo, span.fold.hi, QUARTER_MS))
    return days_anew(device_id=work.device_id, metrics=work.metrics, buckets=buckets, zone=zone)


def are_rolled_up(*, before: int) -> bool:
    """Whether the rollups tell everything that raw does before a moment (ms since the epoch)."""
    return not mark_sql.owes_before(before)


def count_anew(*, device_id: int) -> None:
    """Have the worker compute a device's rollups anew wherever raw is still there; answers know better at once."""
    mark_sql.mark_dirty((device_id, bucket) for bucket in _rolled_up_from_raw(device_id))


def _rolled_up_from_raw(device_id: int) -> Sequence[int]:
    """The quarters of a device that are rolled up, and whose readings are not archived."""
    begins = raw_begins()
    stored = Quarter.objects.filter(device_id=device_id, metric=READINGS)
    if begins is not None:
        stored = stored.filter(bucket__gte=begins)
    first = stored.aggregate(first=Min("bucket"))["first"]
    mark = mark_sql.watermarks([device_id]).get(device_id)
    if first is None or mark is None:
        return []
    return range(first, quarter_of(mark.rolled_to) + 1, QUARTER_MS)


def rebuild(*, device_id: int) -> int:
    """Compute a device's rollups anew wherever raw is still there; returns how many quarters that were.

    Before the first day that is whole in the database nothing is touched.
    """
    buckets = _rolled_up_from_raw(device_id)
    # A day at a time, so that answers in between have little to read from raw.
    for start in range(0, len(buckets), QUARTERS_A_DAY):
        mark_sql.mark_dirty((device_id, bucket) for bucket in buckets[start : start + QUARTERS_A_DAY])
        roll_up(device_ids=[device_id])
    return len(buckets)
