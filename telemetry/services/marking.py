from collections.abc import Iterable, Sequence

from telemetry import mark_sql, rollup_sql, sql
from telemetry.batch import Sample
from telemetry.fold import ALWAYS, QUARTER_MS, quarter_of
from telemetry.retention import raw_begins
from telemetry.rules import metric_for
from telemetry.sql import States


def mark_late(changed: Sequence[Sample], states: States) -> None:
    """Mark the quarters dirty that readings touch which are not newer than all their device had before.

    What is newer needs no mark: the rollups' watermark has not come by yet. `states` is as it was before the
    batch; the device's rows are locked and its readings written.
    """
    late: dict[int, list[Sample]] = {}
    for sample in changed:
        newest = states[sample.device_id][0]
        if newest is not None and sample.timestamp <= newest:
            late.setdefault(sample.device_id, []).append(sample)
    if not late:
        return
    # Where raw is archived nothing can be computed anew: what comes there waits for its day to be brought back.
    begins = raw_begins() or -ALWAYS
    pairs: set[tuple[int, int]] = set()
    for device_id, samples in late.items():
        newest = states[device_id][0]
        assert newest is not None
        reaches = _reaches_of_gauges(samples) | _reaches_of_counters(device_id, samples, newest, begins)
        for first, last in reaches:
            pairs.update(
                (device_id, bucket)
                for bucket in range(
                    quarter_of(max(first, begins)), quarter_of(min(last, newest)) + 1, QUARTER_MS
                )
            )
    mark_sql.mark_dirty(pairs)


def _reaches_of_gauges(samples: Iterable[Sample]) -> set[tuple[int, int]]:
    """From and to where samples may change an interval, in quarters."""
    gaps: dict[tuple[str, ...], int] = {}
    reaches = set()
    for sample in samples:
        names = tuple(sample.data)
        if names not in gaps:
            rules = [metric_for(name) for name in names]
            gaps[names] = max((r.max_gap_seconds * 1000 for r in rules if not r.is_counter), default=0)
        gap = gaps[names]
        reaches.add((quarter_of(sample.timestamp - gap), quarter_of(sample.timestamp + gap)))
    return reaches


def _reaches_of_counters(
    device_id: int, samples: Iterable[Sample], newest: int, begins: int
) -> set[tuple[int, int]]:
    """A counter's interval is as long as it takes to the next sample; the one before may be archived already."""
    spans: dict[str, tuple[int, int]] = {}
    for sample in samples:
        for name in sample.data:
            if metric_for(name).is_counter:
                first, last = spans.get(name, (sample.timestamp, sample.timestamp))
                spans[name] = min(first, sample.timestamp), max(last, sample.timestamp)
    reaches = set()
    for name, (first, last) in spans.items():
        before = sql.neighbour(device_id, name, first, before=True) or rollup_sql.last_sample(
            device_id, name, before=begins
        )
        after = sql.neighbour(device_id, name, last + 1, before=False)
        reaches.add((before[0] if before else first, after[0] if after else newest))
    return reaches
