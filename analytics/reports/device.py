"""The report on one device: what it measured, its energy, its OEE, its stops, its alerts, when it was there."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alerts.models import Alert, Threshold
from alerts.queries.thresholds import thresholds_in_force
from analytics import writing
from analytics.charts import limits_of, over_at
from analytics.drawings import metric_course, moment
from analytics.figure_words import LIMITS, metric_word
from analytics.models import MachineProfile
from analytics.plant_clock import plant_zone
from analytics.plots.course import Span
from analytics.plots.severity import Severity
from analytics.queries.alerts import alerts_within
from analytics.queries.devices import main_metric
from analytics.queries.energy_view import energy_view
from analytics.queries.meters import Scope
from analytics.queries.states import ms
from analytics.reports.document import Column, Document, Figure, Kind, Section, Table, shown
from analytics.reports.parts import (
    energy_section,
    lasted_of,
    oee_section,
    stops_section,
    top_alerts_table,
)
from analytics.reports.words import range_later
from analytics.writing import number_later
from devices.models import Device
from devices.queries import statuses_of
from factory.said import said_later
from telemetry.metrics import DECLARED
from telemetry.queries import aggregated, latest_values
from telemetry.rules import metric_for

METRICS_DRAWN = 6
ALERTS_LISTED, ALERTS_PRINTED = 20_000, 40
SPANS_SHADED = 60
DECIMALS = 2

Tell = Callable[[int], None]


def device_report(*, device: Device, start: int, end: int, at: datetime, tell: Tell) -> Document:
    """Of [start, end), ms; `tell` hears how many percent are done."""
    now = ms(at)
    document = Document(
        title=device.name,
        subtitle=range_later(start, end),
        zone=plant_zone(),
        made_at=at,
        facts=[
            (_("Device id"), device.external_id),
            (_("Type"), device.type),
            (_("Place"), " · ".join(part for part in (device.zone, device.location) if part) or "–"),
            (_("Firmware"), device.firmware_version or "–"),
        ],
    )
    document.sections.append(_measurements(device, start, end))
    tell(30)
    view = energy_view(Scope([device.pk]), start=start, end=end, now=now)
    if view.meters:
        document.sections.append(energy_section(view))
    tell(50)
    if MachineProfile.objects.filter(device=device).exists():
        oee = oee_section(start=start, end=end, now=now, device_id=device.pk)
        document.sections += [oee] if oee else []
        document.sections.append(stops_section(start=start, end=end, now=now, device_id=device.pk))
    tell(70)
    document.sections.append(_alerts(device, start, end))
    document.sections.append(_presence(device, start, end, now))
    return document


def _measurements(device: Device, start: int, end: int) -> Section:
    """Every metric in numbers, and the courses of a few: what is watched first."""
    whole = aggregated(device_ids=[device.pk], start=start, end=end, interval_ms=400 * 86_400_000)
    rows = []
    figures: dict[str, list[dict]] = {}
    for row in whole:
        for key, one in row["metrics"].items():
            figures.setdefault(key, []).append(one)
    names = sorted(figures, key=_in_order)
    for key in names:
        parts = figures[key]
        count = sum(one["count"] for one in parts)
        rule = metric_for(key)
        rows.append(
            [
                metric_word(key),
                rule.unit,
                count,
                *((None, None, None) if rule.is_counter else _spread(parts, count)),
                parts[-1]["last"],
                sum(one["increase"] or 0.0 for one in parts) if rule.is_counter else None,
            ]
        )
    table = Table(
        _("Every metric"),
        [
            Column(_("Metric")),
            Column(_("Unit")),
            Column(_("Readings"), Kind.NUMBER),
            Column(_("Lowest"), Kind.NUMBER, decimals=DECIMALS),
            Column(_("Mean"), Kind.NUMBER, decimals=DECIMALS),
            Column(_("Highest"), Kind.NUMBER, decimals=DECIMALS),
            Column(_("Last"), Kind.NUMBER, decimals=DECIMALS),
            Column(_("Counted"), Kind.NUMBER, decimals=1),
        ],
        rows,
        empty=_("The device measured nothing in this time."),
    )
    return Section(_("Measurements"), [table, *_courses(device, names, start, end)])


def _spread(parts: list[dict], count: int) -> tuple[float, float, float]:
    """The lowest, the mean, the highest; of a counter these would say nothing."""
    lowest, highest = min(one["min"] for one in parts), max(one["max"] for one in parts)
    return lowest, sum(one["sum"] for one in parts) / count, highest


def _in_order(key: str) -> tuple[int, str]:
    declared = [metric.key for metric in DECLARED]
    return (declared.index(key) if key in declared else len(declared), key)


def _courses(device: Device, names: list[str], start: int, end: int) -> Iterable[Figure]:
    watched = {row.metric: row for row in thresholds_in_force(device_id=device.pk)}
    first = main_metric(latest_values(device_ids=[device.pk]).get(device.pk, {}), "", set(watched))
    chosen = [name for name in names if not metric_for(name).is_counter]
    chosen.sort(key=lambda name: (name != first, name not in watched, _in_order(name)))
    if not chosen:
        return
    step = _step_for(end - start)
    points = aggregated(
        device_ids=[device.pk], start=start, end=end, interval_ms=step, metrics=chosen[:METRICS_DRAWN]
    )
    for name in chosen[:METRICS_DRAWN]:
        rule = metric_for(name)
        told = [(row["timestamp"] + step // 2, row["metrics"].get(name)) for row in points]
        drawing = metric_course(
            [(at, one["avg"], one["min"], one["max"]) for at, one in told if one is not None],
            label=str(metric_word(name)),
            unit=rule.unit,
            start=start,
            end=end,
            zone=plant_zone(),
            limits=_limits(watched.get(name)),
            spans=_spans(device, name, start, end),
            join_ms=max(2 * step, 2 * rule.max_gap_seconds * 1000),
        )
        yield Figure(metric_word(name), drawing)


def _step_for(length: int) -> int:
    """Whole quarters of an hour, some hundred of them."""
    quarter = 900_000
    return max(quarter, -(-length // 350 // quarter) * quarter)


def _limits(threshold: Threshold | None) -> list[tuple[str, float]]:
    return [(str(LIMITS.get(limit["name"], limit["name"])), limit["value"]) for limit in limits_of(threshold)]


def _spans(device: Device, metric: str, start: int, end: int) -> list[Span]:
    found = alerts_within(moment(start), moment(end)).filter(device=device, metric=metric)
    return [
        Span(
            max(alert.started_at, moment(start)),
            min(over_at(alert) or moment(end), moment(end)),
            Severity(alert.severity),
            alert.message,
        )
        for alert in found[:SPANS_SHADED]
    ]


def _alerts(device: Device, start: int, end: int) -> Section:
    found = alerts_within(moment(start), moment(end)).filter(device=device)
    total = found.count()
    rows = [
        [
            alert.started_at,
            said_later(alert.severity),
            message_later(alert, start),
            lasted_of(alert),
            str(alert.acknowledged_by or ""),
        ]
        for alert in found.select_related("acknowledged_by")[:ALERTS_LISTED]
    ]
    table = Table(
        _("Alerts"),
        [
            Column(_("Began"), Kind.MOMENT),
            Column(_("Severity")),
            Column(_("What")),
            Column(_("Lasted"), Kind.DURATION),
            Column(_("Seen by")),
        ],
        rows,
        note=format_lazy(
            _("{shown} of {count}: those that began before, and the newest."),
            shown=number_later(len(rows)),
            count=number_later(total),
        )
        if total > len(rows)
        else "",
        printed=ALERTS_PRINTED,
        empty=_("No alert in this time."),
    )
    top = top_alerts_table(start=start, end=end, device_id=device.pk, with_earlier=True)
    return Section(_("Alerts"), [top, table])


def _message(alert: Alert, start: int) -> str:
    """What it was; of one that began before the report does also since when."""
    if alert.started_at >= moment(start):
        return alert.message
    given = {
        "message": alert.message,
        "moment": shown(alert.started_at, Kind.MOMENT, zone=plant_zone()),
    }
    if over_at(alert) is None:
        return gettext("%(message)s (open since %(moment)s)") % given
    return gettext("%(message)s (since %(moment)s)") % given


message_later = writing.later(_message)


def _presence(device: Device, start: int, end: int, now: int) -> Section:
    """For how long it was online, offline, in maintenance, in error; unknown where that was not written down."""
    until = min(end, now)
    lasted: dict[str, float] = {}
    if start < until:
        points = statuses_of(device_ids=[device.pk], start=moment(start), end=moment(until))[device.pk]
        edges = [*(max(ms(at), start) for at, _status in points), until]
        for place, (_at, status) in enumerate(points):
            lasted[status] = lasted.get(status, 0.0) + (edges[place + 1] - edges[place]) / 1000
    whole = max(0, until - start) / 1000
    rows: list[list[Any]] = [
        [said_later(status), seconds, seconds / whole]
        for status, seconds in sorted(lasted.items())
        if seconds
    ]
    unknown = whole - sum(lasted.values())
    if rows and unknown:
        rows.append([_("unknown"), unknown, unknown / whole])
    return Section(
        _("Presence"),
        [
            Table(
                "",
                [
                    Column(_("Status")),
                    Column(_("For"), Kind.DURATION),
                    Column(_("Share"), Kind.SHARE, decimals=1),
                ],
                rows,
                empty=_("Nothing was written down in this time."),
            )
        ],
    )
