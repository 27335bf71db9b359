"""How the plant or a part of it does: energy, OEE, what fails, what rings, and how a metric went."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from analytics.drawings import energy_bars, metric_course, oee_by_part, oee_trend
from analytics.pages.about import About, choices_of, read_about
from analytics.pages.doors import for_people, page
from analytics.pages.later import awaited, comes_later
from analytics.pages.plot_files import plot_file
from analytics.plant_clock import plant_zone
from analytics.plots.drawing import Drawing
from analytics.queries.energy_view import cut_for
from analytics.queries.meters import energy_price
from analytics.queries.performance import Performance, performance
from analytics.queries.reliability import reliability_rows
from analytics.queries.trends import devices_of, top_alerts, trend_of
from telemetry.metrics import Metric
from telemetry.rules import known_metrics, metric_for

WORST_SHOWN = 10
LINES_SHOWN = 12


def _drawings(about: About, figures: Performance, trend: dict[str, Any]) -> dict[str, Drawing]:
    zone = plant_zone()
    period = about.period
    found = {}
    if figures.energy.meters:
        found["energy"] = energy_bars(figures.energy.buckets, zone, before=figures.energy.before)
    if len(figures.oee["trend"]) > 1:
        found["oee"] = oee_trend(figures.oee["trend"], zone)
    if len(figures.lines) > 1:
        rows = sorted(figures.lines, key=lambda row: (row["oee"] is None, row["oee"] or 0.0))
        found["lines"] = oee_by_part(rows[:LINES_SHOWN])
    if trend["points"]:
        rule = metric_for(trend["metric"])
        found["trend"] = metric_course(
            [(point.timestamp, point.avg, point.min, point.max) for point in trend["points"]],
            label=rule.label,
            unit=rule.unit,
            start=period.start,
            end=min(period.end, about.now),
            zone=zone,
            join_ms=3 * trend["interval_ms"],
        )
    return found


def _measured() -> list[Metric]:
    """What goes up and down: the mean of a counter says nothing."""
    return [metric for metric in known_metrics() if not metric.is_counter]


def _trend(request: HttpRequest, about: About) -> dict[str, Any]:
    """One metric of all these devices over the period, by hour or by day."""
    metrics = [metric.key for metric in _measured()]
    wanted = request.GET.get("metric", "")
    metric = wanted if wanted in metrics else metrics[0]
    period = about.period
    word, _ = cut_for(period.start, period.end)
    lengths = {"hour": 3_600_000, "day": 86_400_000, "week": 7 * 86_400_000, "month": 31 * 86_400_000}
    found = trend_of(
        metric=metric,
        start=period.start,
        end=period.end,
        interval_ms=lengths[word],
        interval=None if word == "hour" else word,
        device_ids=devices_of(**about.of),
    )
    return {**found, "interval_ms": lengths[word]}


@for_people()
def performance_page(request: HttpRequest) -> HttpResponse:
    """The figures of a device, a group or the plant over some days, each a step from where it is taken apart."""
    about = read_about(request)
    if comes_later(request, about):
        return awaited(request, about, tab="performance", title=gettext("Performance"))
    period = about.period
    figures = performance(start=period.start, end=period.end, now=about.now, **about.of)
    trend = _trend(request, about)
    rows = reliability_rows(start=period.start, end=period.end, now=about.now, **about.of)
    price = energy_price()
    context: dict[str, Any] = {
        "here": "performance",
        "tab": "performance",
        **choices_of(about),
        "figures": figures,
        "plots": _drawings(about, figures, trend),
        "price": price,
        "trend": trend,
        "metrics": _measured(),
        "failing": [row for row in rows if row["failures"]][:WORST_SHOWN],
        "failures": sum(row["failures"] for row in rows),
        "top_alerts": top_alerts(start=period.start, end=period.end, limit=WORST_SHOWN, **about.of),
    }
    return page(request, "analytics/performance.html", context)


@for_people()
def performance_plot(request: HttpRequest, name: str) -> HttpResponse:
    """One of the page's plots as a file."""
    about = read_about(request)
    figures = performance(start=about.period.start, end=about.period.end, now=about.now, **about.of)
    return plot_file(_drawings(about, figures, _trend(request, about)), name, about)
