"""The report on alerts: how many, how they went, who looked after them, and the list."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from alerts.models import Alert
from alerts.queries.figures import alarm_figures
from analytics import writing
from analytics.drawings import counted_bars, moment
from analytics.figure_words import ALERT_HISTORIES
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
from analytics.reports.words import range_later
from analytics.writing import number_later, share_later
from factory.said import said_later

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
        title=ALERT_HISTORIES[severity] if severity else _("Alert history"),
        subtitle=range_later(start, end),
        zone=plant_zone(),
        made_at=at,
        facts=[
            (_("Severity"), said_later(severity) if severity else _("all")),
            (_("Times"), _("when it began and ended on the floor")),
        ],
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
                Tile(_("Alerts"), total),
                Tile(_("Critical"), by_severity[Alert.Severity.CRITICAL]),
                Tile(_("Warning"), by_severity[Alert.Severity.WARNING]),
                Tile(_("Information"), by_severity[Alert.Severity.INFO]),
                Tile(_("Still open"), total - by_status[Alert.Status.RESOLVED]),
            ]
        ),
        Figure(
            _("Day by day"), counted_bars(_by_day(rows, start, end), plant_zone(), unit=gettext("alerts"))
        ),
        *_earlier(start, end, severity),
        top_alerts_table(start=start, end=end, severity=severity),
    ]
    if severity is None:
        figures = alarm_figures(start=moment(start), end=moment(end))
        blocks.append(
            Table(
                _("How the alarm system did (ISA-18.2, IEC 62682)"),
                [Column(_("Figure")), Column(_("Value")), Column(_("Target"))],
                [
                    [
                        _("Per operator and day"),
                        number_later(figures.per_operator_day, 1),
                        _("150 are manageable, 300 too many"),
                    ],
                    [_("Busiest ten minutes"), number_later(figures.busiest), _("more than 10 are a flood")],
                    [_("Time in flood"), share_later(figures.flood_share, 1), _("never")],
                    [_("Open for more than a day"), number_later(figures.stale), _("none, at most four")],
                    [_("Chattering"), number_later(figures.chattering), _("none")],
                    [_("Mean time to acknowledge"), _words(figures.mean_seconds_to_acknowledge), ""],
                    [_("Mean time to resolve"), _words(figures.mean_seconds_to_resolve), ""],
                ],
            )
        )
    return Section(_("Summary"), blocks)


def _earlier(start: int, end: int, severity: str | None) -> list[Notes]:
    """What is not counted, since it had begun before."""
    found = alerts_within(moment(start), moment(end)).filter(started_at__lt=moment(start))
    if severity:
        found = found.filter(severity=severity)
    count = found.count()
    if not count:
        return []
    return [Notes([earlier_later(count)])]


def _earlier_words(count: int) -> str:
    return ngettext(
        "%(count)s alert had begun before and was not over when this time began; not counted here.",
        "%(count)s alerts had begun before and were not over when this time began; not counted here.",
        count,
    ) % {"count": writing.number(count)}


earlier_later = writing.later(_earlier_words)


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
            Column(_("Began"), Kind.MOMENT),
            Column(_("Severity")),
            Column(_("Device")),
            Column(_("What")),
            Column(_("Lasted"), Kind.DURATION),
            Column(_("Seen by")),
            Column(_("Status")),
        ],
        [
            [
                alert.started_at,
                said_later(alert.severity),
                alert.device.name if alert.device else alert.zone,
                alert.message,
                lasted_of(alert),
                str(alert.acknowledged_by or ""),
                said_later(alert.status),
            ]
            for alert in rows
        ],
        printed=ROWS_PRINTED,
        empty=_("No alert in this time."),
    )
    words = format_lazy(
        _("The newest {shown} of {count} alerts are listed."),
        shown=number_later(len(rows)),
        count=number_later(total),
    )
    return Section(_("Every alert"), [table, *([Notes([words])] if total > len(rows) else [])])
