"""Readings of several devices as buckets, and as sums of each device."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from telemetry import rollup_sql
from telemetry.buckets import Buckets, day_from, day_of
from telemetry.collecting import Clean, RawIsArchived, collect
from telemetry.fold import QUARTER_MS, Rule, Tallies, quarter_of
from telemetry.rollup_sql import DAYS, QUARTERS, Sum
from telemetry.tally import READINGS, Tally

__all__ = ["Answer", "RawIsArchived", "Total", "totals", "totals_by_device"]


@dataclass(slots=True)
class Total:
    """One metric of all devices in one bucket. `integral` is in the metric's unit times seconds."""

    count: int = 0
    sum: float = 0.0
    min: float | None = None
    max: float | None = None
    last: float | None = None
    last_key: tuple[int, int] | None = (
        None  # when and of which device; of the same moment the highest id's counts
    )
    integral: float = 0.0
    covered_ms: int = 0
    increase: float | None = None
    resets: int = 0
    rollovers: int = 0

    def add(self, part: Sum | Tally) -> None:
        self.count += part.count
        self.sum += part.sum
        if part.min is not None and (self.min is None or part.min < self.min):
            self.min = part.min
        if part.max is not None and (self.max is None or part.max > self.max):
            self.max = part.max
        self.integral += part.integral
        self.covered_ms += part.covered_ms
        if part.increase is not None:
            self.increase = (self.increase or 0.0) + part.increase
        self.resets += part.resets
        self.rollovers += part.rollovers

    def offer_last(self, at: int, device_id: int, value: float | None) -> None:
        if self.last_key is None or (at, device_id) > self.last_key:
            self.last_key, self.last = (at, device_id), value


@dataclass(slots=True)
class Answer:
    """Totals by bucket and metric; those of the metric `READINGS` count the readings."""

    buckets: Buckets
    totals: dict[int, dict[str, Total]] = field(default_factory=dict)

    def total(self, at: int, metric: str) -> Total:
        return self.totals.setdefault(self.buckets.start_of(at), {}).setdefault(metric, Total())

    def take(self, device_id: int, tallies: Tallies) -> None:
        for (metric, at), tally in tallies.items():
            total = self.total(at, metric)
            total.add(tally)
            if tally.last_at is not None:
                total.offer_last(tally.last_at, device_id, tally.last)

    def take_clean(self, clean: Clean, start: int, end: int) -> None:
        """Whole days of the plant where they serve, else quarters."""
        zone = settings.PLANT_TIME_ZONE
        devices: Sequence[int] = clean.devices
        if self.buckets.day_zone == zone and clean.marks:
            begin, stop = day_from(start, zone), _last_midnight(clean, end, zone)
            ready = [
                device_id
                for device_id, mark in clean.marks.items()
                if mark.days_zone == zone
                and not any(begin <= bucket < stop for bucket in clean.dirty.get(device_id, ()))
            ]
            if ready and begin < stop:
                self._add(clean, ready, begin, stop, table=DAYS)
                self._add(clean, ready, start, begin)
                self._add(clean, ready, stop, end)
                devices = sorted(set(devices).difference(ready))
        self._add(clean, devices, start, end)

    def _add(
        self, clean: Clean, devices: Sequence[int], start: int, end: int, *, table: str = QUARTERS
    ) -> None:
        self._add_sums(clean.sums(start, end, step=self.buckets.step, devices=devices, table=table))

    def _add_sums(self, sums: Iterable[Sum]) -> None:
        """Sums of stored quarters; the last values themselves are looked up for the winners only."""
        # By bucket and metric, those whose last value lies in here.
        winners: dict[tuple[int, str], Total] = {}
        for part in sums:
            total = self.total(part.bucket, part.metric)
            total.add(part)
            if part.last_at is None:
                continue
            key = (part.last_at, part.last_device)
            if total.last_key is None or key > total.last_key:
                total.last_key = key
                if part.metric != READINGS:
                    winners[self.buckets.start_of(part.bucket), part.metric] = total
        places = {_place(total, metric): total for (_, metric), total in winners.items()}
        for place, value in rollup_sql.last_values(places).items():
            places[place].last = value


def _last_midnight(clean: Clean, end: int, zone: str) -> int:
    """Up to which whole days may be taken: past the newest reading every day is whole."""
    newest = max((at for times in clean.newest.values() for at in times.values()), default=0)
    return day_from(end, zone) if newest < end else day_of(end, zone)


def _place(total: Total, metric: str) -> tuple[int, str, int]:
    """The quarter that holds a total's last value: (device, metric, bucket)."""
    assert total.last_key is not None
    at, device_id = total.last_key
    return device_id, metric, quarter_of(at)


def totals(
    *,
    device_ids: Sequence[int],
    start: int,
    end: int,
    buckets: Buckets,
    rule: Rule,
    metrics: Iterable[str] | None = None,
    rows_limit: int | None = None,
) -> dict[int, dict[str, Total]]:
    """{bucket: {metric: total}} of [start, end); raises `TooManyRows` past the limit of
    raw readings, and `RawIsArchived`."""
    answer = Answer(buckets)
    collect(
        [answer],
        device_ids=device_ids,
        start=start,
        end=end,
        rule=rule,
        step=fold_step(buckets),
        metrics=metrics,
        rows_limit=rows_limit,
    )
    return answer.totals


def fold_step(buckets: Buckets) -> int:
    """Into what pieces raw has to be folded for these buckets: quarters where they serve, ms."""
    return buckets.step if buckets.step % QUARTER_MS else QUARTER_MS


@dataclass(slots=True)
class _OfEach:
    """Totals of each device over the whole range, without last values."""

    totals: dict[int, dict[str, Total]] = field(default_factory=dict)

    def _total(self, device_id: int, metric: str) -> Total:
        return self.totals.setdefault(device_id, {}).setdefault(metric, Total())

    def take(self, device_id: int, tallies: Tallies) -> None:
        for (metric, _), tally in tallies.items():
            self._total(device_id, metric).add(tally)

    def take_clean(self, clean: Clean, start: int, end: int) -> None:
        for part in clean.sums(start, end, step=end - start, by_device=True):
            self._total(part.last_device, part.metric).add(part)


def totals_by_device(
    *,
    device_ids: Sequence[int],
    start: int,
    end: int,
    rule: Rule,
    metrics: Iterable[str],
    rows_limit: int | None = None,
) -> dict[int, dict[str, Total]]:
    """{device: {metric: total}} over [start, end), of those that have any; raises as `totals` does."""
    each = _OfEach()
    collect(
        [each],
        device_ids=device_ids,
        start=start,
        end=end,
        rule=rule,
        metrics=metrics,
        rows_limit=rows_limit,
    )
    return each.totals
