"""The report on alerts: how many, how they went, who looked after them, and the list."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from alerts.models import Alert
from alerts.queries.figures import alarm_figures
from analytics.drawings import counted_bars, moment
from analytics.plant_clock import plant_zone
from analytics.queries.alerts import alerts_within
from analytics.reports.document import (
    Column,
    Document,
    Figure,
    Kind,
    Notes,
    Section,
    Table,
    Tile,
    Tiles,
    duration,
)
from analytics.reports.parts import lasted_of, top_alerts_table
from analytics.reports.words import range_words

ROWS_IN_TABLE = 20_000
ROWS_PRINTED = 400

Tell = Callable[[int], None]


def alert_history_report(
    *, start: int, end: int, at: datetime, tell: Tell, severity: str | None = None
) -> Document:
    """Of [start, end), ms, of all severities or one; `tell` hears how many percent are done."""
    found = Alert.objects.filter(started_at__gte=moment(start), started_at__lt=moment(end))
    if severity:
        found = found.filter(severity=severity)
    document = Document(
        title=f"Alert history: {severity}" if severity else "Alert history",
        subtitle=range_words(start, end),
        zone=plant_zone(),
        made_at=at,
        facts=[("Severity", severity or "all"), ("Times", "when it began and ended on the floor")],
    )
    rows = list(
        found.select_related("device", "acknowledged_by").order_by("-started_at", "-pk")[: ROWS_IN_TABLE + 1]
    )
    total = found.count() if len(rows) > ROWS_IN_TABLE else len(rows)
    tell(30)
    document.sections.append(_summary(rows, total, start, end, severity))
    tell(60)
    document.sections.append(_list(rows[:ROWS_IN_TABLE], total))
    return document


def _summary(rows: list[Alert], total: int, start: int, end: int, severity: str | None) -> Section:
    by_severity = Counter(alert.severity for alert in rows)
    by_status = Counter(alert.status for alert in rows)
    blocks: list = [
        Tiles(
            [
                Tile("Alerts", total),
                Tile("Critical", by_severity[Alert.Severity.CRITICAL]),
                Tile("Warning", by_severity[Alert.Severity.WARNING]),
                Tile("Information", by_severity[Alert.Severity.INFO]),
                Tile("Still open", total - by_status[Alert.Status.RESOLVED]),
            ]
        ),
        Figure("Day by day", counted_bars(_by_day(rows, start, end), plant_zone(), unit="alerts")),
        *_earlier(start, end, severity),
        top_alerts_table(start=start, end=end, severity=severity),
    ]
    if severity is None:
        figures = alarm_figures(start=moment(start), end=moment(end))
        blocks.append(
            Table(
                "How the alarm system did (ISA-18.2, IEC 62682)",
                [Column("Figure"), Column("Value"), Column("Target")],
                [
                    [
                        "Per operator and day",
                        f"{figures.per_operator_day:,.1f}",
                        "150 are manageable, 300 too many",
                    ],
                    ["Busiest ten minutes", f"{figures.busiest:,}", "more than 10 are a flood"],
                    ["Time in flood", f"{figures.flood_share:.1%}", "never"],
                    ["Open for more than a day", f"{figures.stale:,}", "none, at most four"],
                    ["Chattering", f"{figures.chattering:,}", "none"],
                    ["Mean time to acknowledge", _words(figures.mean_seconds_to_acknowledge), ""],
                    ["Mean time to resolve", _words(figures.mean_seconds_to_resolve), ""],
                ],
            )
        )
    return Section("Summary", blocks)


def _earlier(start: int, end: int, severity: str | None) -> list[Notes]:
    """What is not counted, since it had begun before."""
    found = alerts_within(moment(start), moment(end)).filter(started_at__lt=moment(start))
    if severity:
        found = found.filter(severity=severity)
    count = found.count()
    if not count:
        return []
    words = (
        "1 alert had begun before and was" if count == 1 else f"{count:,} alerts had begun before and were"
    )
    return [Notes([f"{words} not over when this time began; not counted here."])]


def _words(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds)


def _by_day(rows: list[Alert], start: int, end: int) -> list[tuple[datetime, datetime, int]]:
    zone = plant_zone()
    counts = Counter(alert.started_at.astimezone(zone).date() for alert in rows)
    day, last = moment(start).astimezone(zone).date(), moment(end - 1).astimezone(zone).date()
    found = []
    while day <= last:
        found.append((_midnight(day), _midnight(day + timedelta(days=1)), counts[day]))
        day += timedelta(days=1)
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), plant_zone())


def _list(rows: list[Alert], total: int) -> Section:
    table = Table(
        "",
        [
            Column("Began", Kind.MOMENT),
            Column("Severity"),
            Column("Device"),
            Column("What"),
            Column("Lasted", Kind.DURATION),
            Column("Seen by"),
            Column("Status"),
        ],
        [
            [
                alert.started_at,
                alert.severity,
                alert.device.name if alert.device else alert.zone,
                alert.message,
                lasted_of(alert),
                str(alert.acknowledged_by or ""),
                alert.status,
            ]
            for alert in rows
        ],
        printed=ROWS_PRINTED,
        empty="No alert in this time.",
    )
    notes = (
        [] if total <= len(rows) else [Notes([f"The newest {len(rows):,} of {total:,} alerts are listed."])]
    )
    return Section("Every alert", [table, *notes])
