from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max
from django.utils.translation import gettext

from alerts.load import Activation, bars_between, load_of
from alerts.models import Alert, AlertEvent
from factory.errors import InvalidInput

STALE_AFTER = timedelta(hours=24)
LONGEST = timedelta(days=366)
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour or day of the course."""

    start: datetime
    activations: int


@dataclass(frozen=True, slots=True)
class Offender:
    """One thing that opens again and again, with the newest alert about it."""

    key: str
    alert: Alert
    activations: int
    share: float  # of all activations, 0..1
    most_in_a_minute: int


@dataclass(frozen=True, slots=True)
class AlarmFigures:
    """How an alarm system does over a period, by ISA-18.2 and IEC 62682."""

    start: datetime
    end: datetime
    operators: int
    activations: int
    per_operator_day: float
    busiest_at: datetime | None  # the ten minutes with the most activations
    busiest: int
    flood_share: float  # of the time, 0..1
    stale: int  # open for more than 24 hours when the period ends
    stale_alerts: list[Alert]  # the oldest ten
    chattering: int  # things that opened three times or more within a minute
    chatterers: list[Offender]  # the worst ten
    worst: list[Offender]  # the ten that opened most often
    severities: dict[str, int]  # activations, the most severe first
    acknowledged: int  # of the alerts opened in the period
    mean_seconds_to_acknowledge: float | None
    resolved: int
    mean_seconds_to_resolve: float | None
    course: list[Bar]  # per hour, over more than two days per day of the plant's calendar

    @property
    def worst_share(self) -> float:
        """What the worst ten together make of all activations."""
        return sum(offender.share for offender in self.worst)


def alarm_figures(*, start: datetime, end: datetime, operators: int = 1) -> AlarmFigures:
    """The figures of [start, end), with `operators` people on duty at a time."""
    if not timedelta() < end - start <= LONGEST:
        raise InvalidInput.at(
            "endTime", gettext("must be after startTime, by at most %(days)s days") % {"days": LONGEST.days}
        )
    if operators < 1:
        raise InvalidInput.at("operators", gettext("must be at least 1"))
    bars = bars_between(start, end, ZoneInfo(settings.TIME_ZONE))
    per_bar: Counter[int] = Counter()
    load = load_of(_counted(_activations(start, end), bars, per_bar))
    stale = _stale(end)
    worst, chatterers = load.worst(SHOWN), load.chattering
    alerts = _alerts_about([key for key, _ in worst + chatterers[:SHOWN]], stale[:SHOWN])
    by_key = {alert.key: alert for alert in alerts.values()}

    def offenders(rows: Iterable[tuple[str, int]]) -> list[Offender]:
        return [
            Offender(
                key=key,
                alert=by_key[key],
                activations=load.keys[key],
                share=load.keys[key] / load.activations,
                most_in_a_minute=load.most_in_a_minute[key],
            )
            for key, _ in rows
            if key in by_key
        ]

    return AlarmFigures(
        start=start,
        end=end,
        operators=operators,
        activations=load.activations,
        per_operator_day=load.activations / operators / ((end - start) / timedelta(days=1)),
        busiest_at=load.busiest[0] if load.busiest else None,
        busiest=load.busiest[1] if load.busiest else 0,
        flood_share=load.flood_time(start, end) / (end - start),
        stale=len(stale),
        stale_alerts=[alerts[pk] for pk in stale[:SHOWN] if pk in alerts],
        chattering=len(chatterers),
        chatterers=offenders(chatterers[:SHOWN]),
        worst=offenders(worst),
        severities={severity.value: load.severities[severity] for severity in reversed(Alert.Severity)},
        course=[Bar(at, per_bar[place]) for place, at in enumerate(bars)],
        **_means(start, end),
    )


def _activations(start: datetime, end: datetime) -> Iterator[Activation]:
    opened = AlertEvent.objects.filter(kind=AlertEvent.Kind.OPENED, at__gte=start, at__lt=end)
    rows = opened.order_by("at", "pk").values_list("at", "alert__key", "severity")
    return rows.iterator(chunk_size=5000)


def _counted(
    activations: Iterable[Activation], bars: list[datetime], per_bar: Counter[int]
) -> Iterator[Activation]:
    for activation in activations:
        per_bar[bisect_right(bars, activation[0]) - 1] += 1
        yield activation


def _stale(end: datetime) -> list[int]:
    """Those open at `end` since more than 24 hours, the oldest first."""
    old = Alert.objects.filter(created_at__lt=end - STALE_AFTER)
    still = old.filter(open_key__isnull=False).values_list("created_at", "pk")
    resolved_since = AlertEvent.objects.filter(kind=AlertEvent.Kind.RESOLVED, at__gte=end).values("alert")
    then = old.filter(pk__in=resolved_since, resolved_at__gte=end).values_list("created_at", "pk")
    return [pk for _, pk in sorted({*still, *then})]


def _alerts_about(keys: list[str], also: list[int]) -> dict[int, Alert]:
    """The newest alert of each of these keys, and these alerts, by id; of the same key the newest comes last."""
    newest = Alert.objects.filter(key__in=keys).order_by().values_list("key").annotate(newest=Max("pk"))
    wanted = {pk for _, pk in newest} | set(also)
    return {
        alert.pk: alert
        for alert in Alert.objects.select_related("device").filter(pk__in=wanted).order_by("pk")
    }


def _means(start: datetime, end: datetime) -> dict:
    """How long it took on average, of the alerts opened in the period."""

    def lasting(field: str) -> Avg:
        return Avg(ExpressionWrapper(F(field) - F("created_at"), output_field=DurationField()))

    found = Alert.objects.filter(created_at__gte=start, created_at__lt=end).aggregate(
        acknowledged=Count("acknowledged_at"),
        resolved=Count("resolved_at"),
        to_acknowledge=lasting("acknowledged_at"),
        to_resolve=lasting("resolved_at"),
    )
    return {
        "acknowledged": found["acknowledged"],
        "resolved": found["resolved"],
        "mean_seconds_to_acknowledge": found["to_acknowledge"] and found["to_acknowledge"].total_seconds(),
        "mean_seconds_to_resolve": found["to_resolve"] and found["to_resolve"].total_seconds(),
    }
