"""The energy of devices over a time: kept sums of quarter-hours where they stand, and the rest read for the answer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext

from analytics.energy.course import Amount, Bucket, Course, Presence, bucket_bounds, bucketed, total_of
from analytics.energy.meters import Meter, kwh_of
from analytics.models import Demand, DemandScope
from analytics.queries.meters import Scope, counted_meters, made_of
from factory.errors import InvalidInput
from telemetry.aggregates import Answer, RawIsArchived, fold_step
from telemetry.buckets import Buckets, buckets_for
from telemetry.collecting import Clean, Collector, collect
from telemetry.days import check_range
from telemetry.fold import QUARTER_MS, Tallies, runs_of
from telemetry.metrics import BY_KEY, Metric
from telemetry.models import MeterExchange
from telemetry.queries import BUCKETS_LIMIT, RAW_ROWS_LIMIT, too_many_readings
from telemetry.reach import TooManyRows
from telemetry.rollup_sql import Sum
from telemetry.rows import bucket_row
from telemetry.rules import metric_for
from telemetry.sql import snapshot
from telemetry.tally import READINGS, Tally

LONGEST_MS = 3_660 * 86_400_000


@dataclass
class EnergyCollector:
    """Adds up the energy of devices in quarters of an hour. `kept` are sums that need not be fetched again."""

    meters: Mapping[int, Meter]
    course: Course
    kept: Mapping[int, Amount] = field(default_factory=dict)
    rules: dict[str, Metric] = field(default_factory=dict)

    def take(self, device_id: int, tallies: Tallies) -> None:
        meter = self.meters.get(device_id)
        if meter is None:
            return
        for (metric, at), tally in tallies.items():
            if metric and metric == meter.metric_at(at):
                self._add(metric, at, tally)

    def take_clean(self, clean: Clean, start: int, end: int) -> None:
        late = {at for device_id, marks in clean.dirty.items() if device_id in self.meters for at in marks}
        wanted = []
        for at in range(start, end, QUARTER_MS):
            if at in self.kept and at not in late:
                self.course.piece(at).add(self.kept[at])
            else:
                wanted.append(at)
        for low, high in runs_of(wanted):
            for metric, devices, begin, stop in self._sources(low, high):
                for part in clean.sums(begin, stop, step=QUARTER_MS, devices=devices, metrics=[metric]):
                    self._add(metric, part.bucket, part)

    def _sources(self, start: int, end: int) -> Iterator[tuple[str, list[int], int, int]]:
        """(metric, devices, from, to): by which metric which devices are told when in [start, end)."""
        together: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
        for device_id, meter in self.meters.items():
            for metric in meter.metrics:
                begin, stop = meter.spans_of(metric)
                begin, stop = max(begin, start), min(stop, end)
                if begin < stop:
                    together[metric, begin, stop].append(device_id)
        for (metric, begin, stop), devices in together.items():
            yield metric, devices, begin, stop

    def _add(self, metric: str, at: int, part: Sum | Tally) -> None:
        rule = self.rules.get(metric) or self.rules.setdefault(metric, metric_for(metric))
        kwh = kwh_of(rule, increase=part.increase, integral=part.integral, covered_ms=part.covered_ms)
        self.course.piece(at).add(Amount(kwh, part.covered_ms, part.resets, part.rollovers))


def kept_demand(scope: Scope, meters: Mapping[int, Meter], start: int, end: int) -> dict[int, Amount]:
    """What is kept of the scope's quarter-hours, if it is made of the same devices and metrics as now."""
    if scope.number is None:
        return {}
    known = DemandScope.objects.filter(pk=scope.number).first()
    if known is None or known.made_of != made_of(meters.values()):
        return {}
    rows = Demand.objects.filter(scope=scope.number, bucket__gte=start, bucket__lt=end, stale=False)
    columns = ("bucket", "kwh", "covered_ms", "resets", "rollovers")
    return {at: Amount(*values) for at, *values in rows.values_list(*columns)}


@dataclass
class Energy:
    """The energy of a scope over [start, end): its course, and the readings beside it where they were asked for."""

    meters: dict[int, Meter]
    course: Course
    answer: Answer | None = None


def energy_in(
    scope: Scope,
    *,
    start: int,
    end: int,
    buckets: Buckets | None = None,
    metrics: Iterable[str] | None = None,
) -> Energy:
    """Read the energy of a scope in [start, end), ms; with `buckets` also what else its devices measured in them."""
    check_range(start, end)
    if end - start > LONGEST_MS:
        raise InvalidInput.at("endTime", gettext("must be at most ten years after startTime"))
    try:
        with snapshot():
            return _energy_in(scope, start, end, buckets, metrics)
    except TooManyRows:
        raise InvalidInput.at(
            "intervalMs",
            gettext("%(too_many)s, or an interval of whole quarters of an hour")
            % {"too_many": too_many_readings()},
        ) from None
    except RawIsArchived:
        raise InvalidInput.at(
            "startTime",
            gettext(
                "raw readings of this time are archived; begin and end on whole quarters of an hour, "
                "with an interval of whole quarters"
            ),
        ) from None


def _energy_in(
    scope: Scope, start: int, end: int, buckets: Buckets | None, metrics: Iterable[str] | None
) -> Energy:
    meters = counted_meters(scope)
    step = fold_step(buckets) if buckets else QUARTER_MS
    course = Course(step, Presence(meters.values()))
    kept = kept_demand(scope, meters, start, end) if step == QUARTER_MS else {}
    collectors: list[Collector] = [EnergyCollector(meters, course, kept)]
    wanted: set[str] | None = {metric for meter in meters.values() for metric in meter.metrics}
    answer = None
    if buckets is not None:
        answer = Answer(buckets)
        collectors.append(answer)
        wanted = None if metrics is None else {*(wanted or ()), *BY_KEY, *metrics}
    collect(
        collectors,
        device_ids=list(meters) if answer is None else scope.device_ids,
        start=start,
        end=end,
        rule=metric_for,
        step=step,
        metrics=wanted,
        rows_limit=RAW_ROWS_LIMIT,
    )
    return Energy(meters, course, answer)


def energy_buckets(
    *, interval_ms: int | None, interval: str | None, time_zone: str | None, start: int, end: int
) -> Buckets:
    """How the answer is cut; by the calendar in the plant's time zone unless another one is asked for."""
    zone = time_zone or (settings.PLANT_TIME_ZONE if interval else None)
    buckets = buckets_for(interval_ms=interval_ms, interval=interval, zone=ZoneInfo(zone) if zone else None)
    if buckets.count_at_most(start, end) > BUCKETS_LIMIT + 2:
        raise InvalidInput.at(
            "intervalMs",
            gettext("gives more than %(most)s buckets; take a longer one") % {"most": BUCKETS_LIMIT},
        )
    return buckets


def energy_rows(
    scope: Scope,
    *,
    start: int,
    end: int,
    now: int,
    interval_ms: int | None = None,
    interval: str | None = None,
    time_zone: str | None = None,
    metrics: Iterable[str] | None = None,
) -> list[dict[str, Any]]:
    """Every bucket that touches [start, end): its readings as in `readings.getAggregated`, and its energy."""
    check_range(start, end)
    buckets = energy_buckets(
        interval_ms=interval_ms, interval=interval, time_zone=time_zone, start=start, end=end
    )
    energy = energy_in(scope, start=start, end=end, buckets=buckets, metrics=metrics)
    assert energy.answer is not None
    wanted = None if metrics is None else set(metrics)
    known = beside(energy.meters, start, end)
    rows = []
    for bucket in energy_by(energy.course, start, end, now, buckets):
        at = buckets.start_of(bucket.start)
        totals = energy.answer.totals.get(at, {})
        row = bucket_row(at, totals, metrics=wanted) if READINGS in totals else blank_row(at)
        figures = {
            "energyKwh": bucket.amount.kwh,
            "peakKw": bucket.peak_kw,
            "coverage": bucket.coverage,
            "flags": known.flags_of(bucket),
        }
        rows.append({**row, **figures})
    return rows


def blank_row(at: int) -> dict[str, Any]:
    averages = {f"avg{key.capitalize()}": None for key in BY_KEY}
    return {"timestamp": at, "count": 0, **averages, "metrics": {}}


def energy_by(course: Course, start: int, end: int, now: int, buckets: Buckets) -> list[Bucket]:
    """The buckets of [start, end) with their energy; of one that is not over yet coverage counts up to now."""
    bounds = bucket_bounds(start, end, start_of=buckets.start_of, shortest=buckets.shortest)
    found = bucketed(course, bounds)
    for bucket in found:
        until = min(bucket.end, max(now, bucket.start))
        expected = course.presence.expected_ms(bucket.start, until)
        bucket.coverage = min(1.0, bucket.amount.covered_ms / expected) if expected > 0 else 0.0
    return found


def exchanges_in(meters: Mapping[int, Meter], start: int, end: int) -> list[int]:
    """When counters of these were exchanged."""
    rows = MeterExchange.objects.filter(at__gte=start, at__lt=end)  # there are few, of all devices
    return sorted(
        at
        for device_id, metric, at in rows.values_list("device_id", "metric", "at")
        if device_id in meters and metric == meters[device_id].counter
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """Beside figures: when counters were exchanged, and whether sums are still to be counted anew."""

    exchanged: list[int]
    is_rule_changed: bool

    def flags_of(self, bucket: Bucket) -> list[str]:
        flags = set(bucket.amount.flags)
        if any(bucket.start <= at < bucket.end for at in self.exchanged):
            flags.add("counter_exchanged")
        if self.is_rule_changed:
            flags.add("rule_changed")
        return sorted(flags)


def beside(meters: Mapping[int, Meter], start: int, end: int) -> Beside:
    """Of the energy of these in [start, end), ms."""
    metrics = {metric for meter in meters.values() for metric in meter.metrics}
    return Beside(exchanges_in(meters, start, end), any(metric_for(metric).rebuild_due for metric in metrics))


def energy_total(energy: Energy, start: int, end: int, now: int) -> Bucket:
    """All of [start, end) as one bucket."""
    whole = total_of(energy.course, start, end)
    expected = energy.course.presence.expected_ms(start, min(end, max(now, start)))
    whole.coverage = min(1.0, whole.amount.covered_ms / expected) if expected > 0 else 0.0
    return whole
