from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from alerts.models import Alert, Threshold
from alerts.queries.thresholds import thresholds_in_force_at
from analytics.marks import NEEDS_SOMEONE, WORST_FIRST, Mark, mark_of
from analytics.queries.alerts import OpenMark, open_marks, worst_open_alerts
from analytics.queries.devices import main_metric
from analytics.queries.meters import meters_above
from analytics.queries.part import WHOLE, Part
from devices.queries import whole_floor
from telemetry.queries import Pulse, latest_values, plant_pulse, recent_courses

ALERTS_SHOWN = 8
TILES_SHOWN = 12
DOTS_PER_ZONE = 240
COURSE_POINTS = 60
COURSE_MS = 3_600_000
NO_ZONE = "No zone"
SEVERITIES = (Alert.Severity.CRITICAL, Alert.Severity.WARNING, Alert.Severity.INFO)


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
    mark: Mark  # of the alerts about the zone itself
    states: dict[Mark, int]  # how many devices of it are in each that is not normal, the worst first

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
    by_severity: dict[str, int]  # the worst first
    unseen: int
    pulse: Pulse

    @property
    def critical(self) -> int:
        return self.by_severity[Alert.Severity.CRITICAL]


@dataclass
class Now:
    """What the plant is like at this moment: the part of the overview that renews itself most."""

    figures: Figures
    alerts: list[Alert]
    need: int  # machines nobody has said they look after
    places: list[str]  # zones of which the same is true; an empty one is the plant itself
    tended: int  # machines somebody looks after
    places_tended: list[str]
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
    marks: list[OpenMark]


def floor_at(at: datetime, part: Part = WHOLE) -> Floor:
    """The plant, or a part of it, as dots, in order of zone and name."""
    marks = [row for row in open_marks() if part.has(row.device_id, row.zone)]
    by_device: dict[int | None, list[Mark]] = {}
    for row in marks:
        by_device.setdefault(row.device_id, []).append(row.mark)
    dots = []
    for pk, name, zone, status, silent_at in whole_floor():
        if not part.has(pk, zone):
            continue
        reports = silent_at is not None and silent_at > at
        mark = mark_of(status, by_device.get(pk, ()), silent=not reports)
        dots.append(Dot(pk, name, zone, mark, reports))
    return Floor(dots, marks)


def now_on(floor: Floor, at: datetime, part: Part = WHOLE, *, limit: int = ALERTS_SHOWN) -> Now:
    """Sentence, figures and the alerts to look at first."""
    alerts = worst_open_alerts(limit=limit, **part.narrowed)
    serious = [mark for mark in floor.marks if mark.is_serious]
    unseen = {_whom(mark) for mark in serious if mark.status == Alert.Status.ACTIVE}
    seen = {_whom(mark) for mark in serious} - unseen
    in_error = [dot for dot in floor.dots if dot.mark is Mark.ERROR and dot.id not in unseen]
    count = Counter(dot.mark for dot in floor.dots)
    silent = sum(not dot.reports and dot.mark is not Mark.MAINTENANCE for dot in floor.dots)
    places = sorted(whom for whom in unseen if isinstance(whom, str))
    return Now(
        figures=Figures(
            total=len(floor.dots),
            reporting=sum(dot.reports for dot in floor.dots),
            silent=silent,
            maintenance=count[Mark.MAINTENANCE],
            open=len(floor.marks),
            by_severity={
                severity: sum(mark.severity == severity for mark in floor.marks) for severity in SEVERITIES
            },
            unseen=sum(mark.status == Alert.Status.ACTIVE for mark in floor.marks),
            pulse=plant_pulse(
                at=int(at.timestamp() * 1000), meters_above=meters_above(), device_ids=part.device_ids
            ),
        ),
        alerts=alerts,
        need=len(unseen) - len(places) + len(in_error),
        places=places,
        tended=len([whom for whom in seen if isinstance(whom, int)])
        - len(seen & {dot.id for dot in in_error}),
        places_tended=sorted(whom for whom in seen if isinstance(whom, str)),
        troubles=_one_of_each([alert for alert in alerts if _is_serious(alert)])[:3],
        in_error=in_error[:3],
    )


def _whom(mark: OpenMark) -> int | str:
    return mark.device_id or mark.zone


def _is_serious(alert: Alert) -> bool:
    return alert.severity != Alert.Severity.INFO and alert.silence != Alert.Silence.MAINTENANCE


def _one_of_each(alerts: list[Alert]) -> list[Alert]:
    """The first of each device or zone; those nobody has seen come first."""
    first: dict[int | str, Alert] = {}
    for alert in sorted(alerts, key=lambda alert: alert.status != Alert.Status.ACTIVE):
        first.setdefault(alert.device_id or alert.zone, alert)
    return list(first.values())


def zones_of(floor: Floor) -> list[Zone]:
    """The dots by zone, the zone without a name last."""
    about: dict[str, list[Mark]] = {}
    for row in floor.marks:
        if row.device_id is None:
            about.setdefault(row.zone, []).append(row.mark)
    by_zone: dict[str, list[Dot]] = {}
    for dot in floor.dots:
        by_zone.setdefault(dot.zone, []).append(dot)
    zones = []
    for name in sorted(by_zone, key=lambda name: (not name, name.lower())):
        dots = by_zone[name]
        troubled = sum(dot.mark in NEEDS_SOMEONE for dot in dots)
        mark = min(about.get(name, ()) if name else (), key=WORST_FIRST.index, default=Mark.NORMAL)
        count = Counter(dot.mark for dot in dots)
        states: dict[Mark, int] = {
            state: count[state] for state in WORST_FIRST if count[state] and state is not Mark.NORMAL
        }
        zones.append(Zone(name or NO_ZONE, name, _drawn(dots), len(dots), troubled, mark, states))
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
    thresholds = thresholds_in_force_at(device_ids=list(shown))
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
