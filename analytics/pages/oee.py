"""OEE: how good, where the time went, and why machines stood."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext

from analytics.drawings import (
    loss_steps,
    moment,
    oee_by_part,
    oee_levels,
    oee_trend,
    states_timeline,
    stop_pareto,
)
from analytics.pages.about import About, choices_of, read_about
from analytics.pages.doors import for_people, page
from analytics.pages.later import awaited, comes_later
from analytics.pages.plot_files import plot_file, table_file
from analytics.plant_clock import plant_zone
from analytics.plots.drawing import Drawing
from analytics.queries.downtime import downtime_answer, downtime_in
from analytics.queries.machines import machines_in
from analytics.queries.oee_view import OeeView, oee_view
from analytics.queries.stop_codes import stop_codes
from analytics.reports.document import flag_notes
from analytics.selection import read_number

PARTS_SHOWN = 20
NUMBERS = {
    "availability": "availability",
    "performance": "performance",
    "quality": "quality",
    "oee": "oee",
    "planned_seconds": "plannedSeconds",
    "run_seconds": "runSeconds",
    "ideal_seconds": "idealSeconds",
    "good_ideal_seconds": "goodIdealSeconds",
    "down_seconds": "downSeconds",
    "stops": "stops",
    "micro_stop_seconds": "microStopSeconds",
    "micro_stops": "microStops",
    "unknown_seconds": "unknownSeconds",
    "planned_stop_seconds": "plannedStopSeconds",
    "total": "total",
    "good": "good",
}


def _view(request: HttpRequest, about: About) -> OeeView:
    period = about.period
    only_open = request.GET.get("stops") == "open"
    return oee_view(
        start=period.start,
        end=period.end,
        now=about.now,
        only_open=only_open,
        page=read_number(request.GET.get("page", "")) or 1,
        **about.of,
    )


def _drawings(view: OeeView) -> dict[str, Drawing]:
    zone = plant_zone()
    found = {"levels": oee_levels(view.metrics), "losses": loss_steps(view.metrics["losses"])}
    if len(view.days) > 1:
        found["trend"] = oee_trend(view.metrics["trend"], zone)
    if view.timeline:
        codes = list(stop_codes())
        found["states"] = states_timeline(
            view.timeline,
            view.timeline_start,
            view.timeline_end,
            zone,
            labels={code.code: code.label for code in codes},
            planned=frozenset(code.code for code in codes if code.planned),
        )
    if view.downtime["pareto"]:
        found["reasons"] = stop_pareto(view.downtime["pareto"])
    for name, rows in {"lines": view.lines, "machines": view.machines, "shifts": view.shifts}.items():
        if len(rows) > 1:
            found[name] = oee_by_part(_worst(rows))
    return found


def _worst(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lowest OEE first; those of which it is not known last."""
    known = sorted(rows, key=lambda row: (row["oee"] is None, row["oee"] or 0.0))
    return known[:PARTS_SHOWN]


@for_people()
def oee(request: HttpRequest) -> HttpResponse:
    """OEE of a machine, a group or the plant over some days."""
    about = read_about(request)
    if comes_later(request, about):
        return awaited(request, about, tab="oee", title=gettext("OEE"))
    view = _view(request, about)
    context: dict[str, Any] = {
        "here": "performance",
        "tab": "oee",
        **choices_of(about),
        "view": view,
        "metrics": view.metrics,
        "plots": _drawings(view),
        "timeline_day": moment(view.timeline_start),
        "machines": [(row, view.reliability.get(int(row["key"]))) for row in _worst(view.machines)],
        "stops": view.stops.object_list,
        "rows": view.stops,
        "only_open": request.GET.get("stops") == "open",
        "codes": list(stop_codes(active=True)),
        "notes": flag_notes(view.metrics["flags"]),
    }
    return page(request, "analytics/oee.html", context)


@for_people()
def oee_plot(request: HttpRequest, name: str) -> HttpResponse:
    """One of the page's plots as a file."""
    about = read_about(request)
    view = _view(request, about)
    return plot_file(_drawings(view), name, about)


@for_people()
def oee_csv(request: HttpRequest, name: str) -> HttpResponse:
    """The numbers of the page as a file: by day, machine, line or shift, or the stops."""
    if name == "stops":
        return _stops_csv(request)
    about = read_about(request)
    view = _view(request, about)
    parts = {"days": view.days, "machines": view.machines, "lines": view.lines, "shifts": view.shifts}
    if name not in parts:
        raise Http404("There is no such table.")
    head = ["key", "label", *NUMBERS.values(), "flags"]
    rows = (
        [row["key"], row["label"], *(row[key] for key in NUMBERS), " ".join(row["flags"])]
        for row in parts[name]
    )
    return table_file(head, rows, f"oee-{name}", about)


def _stops_csv(request: HttpRequest) -> HttpResponse:
    """All of them, and not only those for which the page has room."""
    about = read_about(request)
    devices = machines_in(**about.of)
    found = downtime_in(device_ids=devices, start=about.period.start, end=about.period.end, now=about.now)
    head = ["id", "deviceId", "device", "from", "to", "seconds", "lossSeconds", "code", "label", "planned",
            "added", "note", "by"]  # fmt: skip
    keys = ["id", "device_id", "name", "start_time", "end_time", "seconds", "loss_seconds", "code", "label",
            "planned", "added", "note", "by"]  # fmt: skip
    stops = downtime_answer(found, limit=len(found.stops))["stops"]
    return table_file(head, ([stop[key] for key in keys] for stop in stops), "stops", about)
