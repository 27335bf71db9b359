from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from alerts.queries.figures import AlarmFigures, alarm_figures
from analytics import figures as verdicts
from analytics.pages.doors import for_people, page
from analytics.words import said

MOST_OPERATORS = 999
PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
CHART_WIDTH, CHART_HEIGHT = 600.0, 100.0


@for_people()
def alert_figures(request: HttpRequest) -> HttpResponse:
    """How the alarm system does, against what people can bear."""
    period = request.GET.get("period", "")
    period = period if period in PERIODS else "7d"
    at = timezone.now()
    figures = alarm_figures(
        start=_since(period, at), end=at, operators=_operators(request.GET.get("operators", ""))
    )
    context = {
        "here": "alerts",
        "tab": "figures",
        "period": period,
        "period_words": PERIODS[period],
        "periods": PERIODS.items(),
        "f": figures,
        "rate": _said(verdicts.of_rate(figures.per_operator_day)),
        "busiest": _said(verdicts.of_busiest(figures.busiest)),
        "flood": _said(verdicts.of_flood(figures.flood_share)),
        "stale": _said(verdicts.of_stale(figures.stale)),
        "chatter": _said(verdicts.of_chattering(figures.chattering)),
        "worst": _said(verdicts.of_worst(figures.worst_share, figures.activations)),
        "split": _said(verdicts.of_severities(figures.severities)),
        "chart": _chart(figures),
        "hourly": period == "24h",
    }
    return page(request, "analytics/figures.html", context)


def _said(verdict: verdicts.Verdict) -> verdicts.Verdict:
    return replace(verdict, word=said(verdict.word))


def _since(period: str, at: datetime) -> datetime:
    """Whole hours or days of the plant's clock, the present one included."""
    local = timezone.localtime(at)
    if period == "24h":
        return local.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    day = local.date() - timedelta(days=6 if period == "7d" else 29)
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def _operators(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) < 9 else 1
    return min(max(number, 1), MOST_OPERATORS)


@dataclass(frozen=True, slots=True)
class Column:
    at: datetime
    activations: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Activations as columns in a box of 600 × 100, with the bounds that fit into it."""

    columns: list[Column]
    highest: int
    bounds: list[tuple[float, int, str]]  # (y, alerts, what it means)


def _chart(figures: AlarmFigures) -> Chart:
    is_daily = figures.end - figures.start > timedelta(hours=48)
    highest = max((bar.activations for bar in figures.course), default=0)
    bounds = []
    if is_daily:
        for alerts, word in ((verdicts.MANAGEABLE, "manageable"), (verdicts.TOO_MANY, "too many")):
            if alerts * figures.operators <= 1.5 * highest:
                bounds.append((alerts * figures.operators, word))
    top = max([highest, 1, *(alerts for alerts, _ in bounds)])
    step = CHART_WIDTH / max(1, len(figures.course))
    columns = []
    for place, bar in enumerate(figures.course):
        height = round(CHART_HEIGHT * bar.activations / top, 2)
        columns.append(
            Column(
                at=bar.start,
                activations=bar.activations,
                x=round(place * step + step * 0.1, 2),
                y=round(CHART_HEIGHT - height, 2),
                width=round(step * 0.8, 2),
                height=height,
            )
        )
    lines = [(round(CHART_HEIGHT * (1 - alerts / top), 2), alerts, word) for alerts, word in bounds]
    return Chart(columns, highest, lines)
