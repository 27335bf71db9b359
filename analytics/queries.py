"""What the screens show, composed from the rooms below; the number of queries does not grow with the plant."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.models import Alert, Threshold
from alerts.queries import (
    alert_spans,
    alerts_matching,
    open_alert_marks,
    open_alerts,
    thresholds_of,
)
from devices.models import Device
from devices.queries import whole_floor
from telemetry.metrics import DECLARED
from telemetry.queries import Pulse, latest_values, plant_pulse, recent_courses

ALERTS_SHOWN = 8
TILES_SHOWN = 12
DOTS_PER_ZONE = 240
COURSE_POINTS = 60
COURSE_MS = 3_600_000
NO_ZONE = "No zone"


class Mark(StrEnum):
    """How a device is drawn, worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"
    INFO = "info"
    NORMAL = "normal"


WORST_FIRST = list(Mark)
NEEDS_SOMEONE = {Mark.CRITICAL, Mark.ERROR, Mark.WARNING}


def mark_of(status: str, severities: Iterable[str], *, silent: bool = False) -> Mark:
    """The worst of what its status and its open alerts say."""
    marks = [Mark(severity) for severity in severities]
    if status in (Device.Status.ERROR, Device.Status.MAINTENANCE, Device.Status.OFFLINE):
        marks.append(Mark(status))
    elif silent:
        marks.append(Mark.OFFLINE)
    return min(marks, key=WORST_FIRST.index, default=Mark.NORMAL)


@dataclass(frozen=True, slots=True)
class Dot:
    """One device on the map."""

    id: int
    name: str
    zone: str
    mark: Mark
    reports: bool


@dataclass
class Zone:
    """The devices of one zone; in a crowded one only some of the normal ones are drawn."""

    name: str
    search: str
    dots: list[Dot]
    total: int
    troubled: int

    @property
    def hidden(self) -> int:
        return self.total - len(self.dots)


@dataclass
class Figures:
    """The numbers under the sentence."""

    total: int
    reporting: int
    silent: int
    maintenance: int
    open: int
    critical: int
    unseen: int
    pulse: Pulse


@dataclass
class Now:
    """What the plant is like at this moment: the part of the overview that renews itself most."""

    figures: Figures
    alerts: list[Alert]
    need: int  # machines nobody has said they look after
    tended: int  # machines somebody looks after
    troubles: list[Alert] = field(default_factory=list)
    in_error: list[Dot] = field(default_factory=list)

    @property
    def more_alerts(self) -> int:
        return self.figures.open - len(self.alerts)


@dataclass
class Tile:
    """One device with its main metric, its band and its recent course."""

    dot: Dot
    metric: str = ""
    value: float | None = None
    at: int | None = None
    threshold: Threshold | None = None
    points: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class Floor:
    """Every device as a dot, and the open alerts behind the colours."""

    dots: list[Dot]
    marks: list[tuple[int | None, str, str]]


def floor_at(at: datetime) -> Floor:
    """The whole plant as dots, in order of zone and name."""
    marks = open_alert_marks()
    severities: dict[int | None, list[str]] = {}
    for device_id, severity, _ in marks:
        severities.setdefault(device_id, []).append(severity)
    dots = []
    for pk, name, zone, status, silent_at in whole_floor():
        reports = silent_at is not None and silent_at > at
        mark = mark_of(status, severities.get(pk, ()), silent=not reports)
        dots.append(Dot(pk, name, zone, mark, reports))
    return Floor(dots, marks)


def now_on(floor: Floor, at: datetime) -> Now:
    """Sentence, figures and the alerts to look at first."""
    alerts = open_alerts(limit=ALERTS_SHOWN)
    serious = {Alert.Severity.CRITICAL, Alert.Severity.WARNING}
    unseen = {
        pk for pk, severity, status in floor.marks if severity in serious and status == Alert.Status.ACTIVE
    }
    seen = {pk for pk, severity, _ in floor.marks if severity in serious} - unseen
    in_error = [dot for dot in floor.dots if dot.mark is Mark.ERROR and dot.id not in unseen]
    count = Counter(dot.mark for dot in floor.dots)
    silent = sum(not dot.reports and dot.mark is not Mark.MAINTENANCE for dot in floor.dots)
    return Now(
        figures=Figures(
            total=len(floor.dots),
            reporting=sum(dot.reports for dot in floor.dots),
            silent=silent,
            maintenance=count[Mark.MAINTENANCE],
            open=len(floor.marks),
            critical=sum(severity == Alert.Severity.CRITICAL for _, severity, _ in floor.marks),
            unseen=sum(status == Alert.Status.ACTIVE for _, _, status in floor.marks),
            pulse=plant_pulse(at=int(at.timestamp() * 1000)),
        ),
        alerts=alerts,
        need=len(unseen) + len(in_error),
        tended=len(seen - {dot.id for dot in in_error}),
        troubles=_one_per_device([alert for alert in alerts if alert.severity in serious])[:3],
        in_error=in_error[:3],
    )


def _one_per_device(alerts: list[Alert]) -> list[Alert]:
    """The first of each device; those nobody has seen come first."""
    first: dict[int | None, Alert] = {}
    for alert in sorted(alerts, key=lambda alert: alert.status != Alert.Status.ACTIVE):
        first.setdefault(alert.device_id, alert)
    return list(first.values())


def zones_of(floor: Floor) -> list[Zone]:
    """The dots by zone, the zone without a name last."""
    by_zone: dict[str, list[Dot]] = {}
    for dot in floor.dots:
        by_zone.setdefault(dot.zone, []).append(dot)
    zones = []
    for name in sorted(by_zone, key=lambda name: (not name, name.lower())):
        dots = by_zone[name]
        troubled = sum(dot.mark in NEEDS_SOMEONE for dot in dots)
        zones.append(Zone(name or NO_ZONE, name, _drawn(dots), len(dots), troubled))
    return zones


def _drawn(dots: list[Dot]) -> list[Dot]:
    """All that are not normal, and as many normal ones as there is room for, each in its place."""
    spare = DOTS_PER_ZONE - sum(dot.mark is not Mark.NORMAL for dot in dots)
    drawn = []
    for dot in dots:
        if dot.mark is not Mark.NORMAL:
            drawn.append(dot)
        elif spare > 0:
            drawn.append(dot)
            spare -= 1
    return drawn


def tiles_of(floor: Floor, at: datetime) -> list[Tile]:
    """The devices to watch: those in trouble, then those that report, in order of name."""
    order = sorted(
        floor.dots,
        key=lambda dot: (
            WORST_FIRST.index(dot.mark) if dot.mark in NEEDS_SOMEONE else 9,
            not dot.reports,
            dot.name,
            dot.id,
        ),
    )
    shown = {dot.id: Tile(dot) for dot in order[:TILES_SHOWN]}
    latest = latest_values(device_ids=list(shown))
    thresholds = {(row.device_id, row.metric): row for row in Threshold.objects.filter(device_id__in=shown)}
    alarmed = dict(Alert.objects.open().filter(device_id__in=shown).values_list("device_id", "metric"))
    for pk, values in latest.items():
        metric = main_metric(values, alarmed.get(pk, ""), {m for d, m in thresholds if d == pk})
        if metric:
            tile = shown[pk]
            tile.metric, (tile.value, tile.at) = metric, values[metric]
            tile.threshold = thresholds.get((pk, metric))
    since = int(at.timestamp() * 1000) - COURSE_MS
    wanted = {pk: tile.metric for pk, tile in shown.items() if tile.metric}
    for pk, points in recent_courses(metrics=wanted, since=since, limit=COURSE_POINTS).items():
        shown[pk].points = points
    return list(shown.values())


def main_metric(values: dict, alarmed: str | None, watched: set[str]) -> str:
    """The one metric a device is known by: what is alarming, else what is watched, else what is declared first."""
    known = [metric.key for metric in DECLARED if metric.key in values]
    known += sorted(values.keys() - set(known))
    for metric in [alarmed, *(metric for metric in known if metric in watched), *known]:
        if metric and metric in values:
            return metric
    return ""


@dataclass
class Measurement:
    """One metric of a device: its newest value and what is expected of it."""

    metric: str
    value: float | None
    at: int | None
    threshold: Threshold | None


def measurements_of(device_id: int, thresholds: Sequence[Threshold]) -> list[Measurement]:
    """Every metric that the device has reported or that is watched, the declared ones first."""
    values = latest_values(device_ids=[device_id]).get(device_id, {})
    watched = {threshold.metric: threshold for threshold in thresholds}
    declared = [metric.key for metric in DECLARED]
    keys = sorted(
        values.keys() | watched.keys(), key=lambda key: (declared.index(key) if key in declared else 99, key)
    )
    found = []
    for key in keys:
        value, at = values.get(key, (None, None))
        found.append(Measurement(key, value, at, watched.get(key)))
    return found


@dataclass
class DevicePage:
    """All that the page of one device shows, but the course, which the browser fetches."""

    device: Device
    mark: Mark
    measurements: list[Measurement]
    thresholds: list[Threshold]
    open: list[Alert]
    past: list[Alert]
    chosen: Measurement | None
    spans: list[Alert]


def device_page(*, device: Device, metric: str, span: timedelta, at: datetime) -> DevicePage:
    """One device with its newest values, thresholds and alerts, and the metric whose course is shown."""
    thresholds = list(thresholds_of(device_id=device.pk))
    measurements = measurements_of(device.pk, thresholds)
    about = alerts_matching(device_id=device.pk)
    open_ones = list(about.exclude(status=Alert.Status.RESOLVED)[:50])
    values = {m.metric: m for m in measurements if m.value is not None}
    default = main_metric(values, open_ones[0].metric if open_ones else "", {t.metric for t in thresholds})
    chosen = values.get(metric) or values.get(default)
    return DevicePage(
        device=device,
        mark=mark_of(device.status, [alert.severity for alert in open_ones]),
        measurements=measurements,
        thresholds=thresholds,
        open=open_ones,
        past=list(about.filter(status=Alert.Status.RESOLVED)[:10]),
        chosen=chosen,
        spans=alert_spans(device_id=device.pk, metric=chosen.metric, start=at - span) if chosen else [],
    )


def marked(devices: Sequence[Device]) -> list[tuple[Device, Mark, int]]:
    """(device, mark, open alerts) for a page of the list."""
    severities: dict[int | None, list[str]] = {}
    for device_id, severity, _ in open_alert_marks(device_ids=[device.pk for device in devices]):
        severities.setdefault(device_id, []).append(severity)
    return [
        (device, mark_of(device.status, severities.get(device.pk, ())), len(severities.get(device.pk, ())))
        for device in devices
    ]
