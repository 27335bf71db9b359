"""Energy: how much, when, what of it, and against the time before."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.drawings import demand_course, energy_bars, energy_heatmap, moment
from analytics.energy.course import price_of
from analytics.pages.about import About, choices_of, read_about
from analytics.pages.doors import for_people, page
from analytics.pages.later import awaited, comes_later
from analytics.pages.plot_files import plot_file, table_file
from analytics.plant_clock import plant_zone
from analytics.plots.drawing import Drawing
from analytics.queries.consumers import largest_consumers
from analytics.queries.energy_view import EnergyView, energy_view
from analytics.queries.meters import energy_price, scope_of
from analytics.reports.document import flag_notes

CONSUMERS_SHOWN = 20
CUTS = {"hour": _("by hour"), "day": _("by day"), "week": _("by week"), "month": _("by month")}
HEATMAP_MOST_MS = 100 * 86_400_000


def _view(request: HttpRequest, about: About) -> EnergyView:
    scope = scope_of(group_id=about.of["group_id"], device_ids=[about.device.pk] if about.device else None)
    period = about.period
    word = request.GET.get("by", "")
    return energy_view(scope, start=period.start, end=period.end, now=about.now, word=word)


def _drawings(view: EnergyView) -> dict[str, Drawing]:
    zone = plant_zone()
    found = {"energy": energy_bars(view.buckets, zone, before=view.before)}
    if view.end - view.start > 86_400_000 * 1.1 and view.end - view.start <= HEATMAP_MOST_MS:
        found["hours"] = energy_heatmap(view.course, view.start, view.end, zone)
    found["demand"] = demand_course(
        view.course, view.start, view.end, zone, peak_kw=view.total.peak_kw, now=view.now
    )
    return found


@for_people()
def energy(request: HttpRequest) -> HttpResponse:
    """Energy of a device, a group or the plant over some days."""
    about = read_about(request)
    if comes_later(request, about):
        return awaited(request, about, tab="energy", title=gettext("Energy"))
    view = _view(request, about)
    price = energy_price()
    context: dict[str, Any] = {
        "here": "performance",
        "tab": "energy",
        **choices_of(about),
        "view": view,
        "plots": _drawings(view),
        "price": price,
        "cost": price_of(view.total.amount.kwh, price.per_kwh),
        "base_load": view.course.base_load_kw(),
        "rows": [(moment(one.start), one, price_of(one.amount.kwh, price.per_kwh)) for one in view.buckets],
        "peak_at": moment(view.total.peak_at) if view.total.peak_at is not None else None,
        "cuts": CUTS.items(),
        "consumers": []
        if about.device
        else largest_consumers(view.scope, start=view.start, end=view.end, limit=CONSUMERS_SHOWN)[0],
        "notes": flag_notes(view.flags),
    }
    return page(request, "analytics/energy.html", context)


@for_people()
def energy_csv(request: HttpRequest) -> HttpResponse:
    """The numbers of the page as a file."""
    about = read_about(request)
    view = _view(request, about)
    price = energy_price()
    head = ["from", "to", "energyKwh", "peakKw", "coverage", "flags", "cost", "currency"]
    rows = (
        [
            moment(one.start),
            moment(one.end),
            one.amount.kwh,
            one.peak_kw,
            round(one.coverage, 6),
            " ".join(view.known.flags_of(one)),
            price_of(one.amount.kwh, price.per_kwh),
            price.currency,
        ]
        for one in view.buckets
    )
    return table_file(head, rows, "energy", about)


@for_people()
def energy_plot(request: HttpRequest, name: str) -> HttpResponse:
    """One of the page's plots as a file."""
    about = read_about(request)
    view = _view(request, about)
    return plot_file(_drawings(view), name, about)
