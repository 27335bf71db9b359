from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.drawings import OEE_TARGET, energy_bars, moment
from analytics.pages.devices import DeviceForm
from analytics.pages.doors import for_people, page
from analytics.plant_clock import plant_zone
from analytics.queries.changes import changes_until
from analytics.queries.energy_view import EnergyView
from analytics.queries.overview import Floor, floor_at, now_on, tiles_of, zones_of
from analytics.queries.today import energy_today, lines_today
from analytics.queries.trends_now import trends_at

FEW, MANY = 60, 300
LINES_SHOWN = 8


@for_people()
def overview(request: HttpRequest) -> HttpResponse:
    """The plant at one glance: what to do, how much, where. What takes longer comes after it."""
    at = timezone.now()
    floor = floor_at(at)
    context = {"here": "overview", **_now(floor, at), **_map(floor), "tiles": tiles_of(floor, at)}
    if not floor.dots:
        context["form"] = DeviceForm()
    return page(request, "analytics/overview.html", context)


def _now(floor: Floor, at: datetime) -> dict[str, Any]:
    now = now_on(floor, at)
    return {"now": now, "trends": trends_at(at, open_now=now.figures.open)}


def _map(floor: Floor) -> dict[str, Any]:
    """Small plants get dots that a glove can hit; of large ones the whole should fit a screen."""
    devices = len(floor.dots)
    density = "few" if devices <= FEW else "many" if devices > MANY else ""
    return {"zones": zones_of(floor), "density": density}


@for_people()
def overview_now(request: HttpRequest) -> HttpResponse:
    """Sentence, figures and alerts again, for an overview that is open."""
    at = timezone.now()
    return page(request, "analytics/_now.html", {**_now(floor_at(at), at), "again": True})


@for_people()
def overview_zones(request: HttpRequest) -> HttpResponse:
    """The map again, after a device or an alert has changed."""
    return page(request, "analytics/_zones.html", _map(floor_at(timezone.now())))


@for_people()
def overview_energy(request: HttpRequest) -> HttpResponse:
    """Energy of today against yesterday, with its peak."""
    return page(request, "analytics/_energy_today.html", energy_context(energy_today(timezone.now())))


def energy_context(view: EnergyView) -> dict[str, Any]:
    """As `_energy_today.html` takes it: the day by hours, yesterday as an outline."""
    known = view.total.amount.kwh is not None
    drawing = energy_bars(view.buckets, plant_zone(), before=view.before, before_label=_("yesterday"))
    peak_at = view.total.peak_at
    return {
        "energy": view,
        "plot": drawing if known else None,
        "peak_at": "" if peak_at is None else f"{moment(peak_at).astimezone(plant_zone()):%H:%M}",
    }


@for_people()
def overview_lines(request: HttpRequest) -> HttpResponse:
    """OEE of each line today, held against the target."""
    lines = sorted(lines_today(timezone.now()), key=lambda line: (line.oee is None, line.oee or 0.0))
    context = {
        "lines": lines[:LINES_SHOWN],
        "more": max(0, len(lines) - LINES_SHOWN),
        "target": OEE_TARGET,
        "linked": True,
    }
    return page(request, "analytics/_line_bars.html", context)


@for_people()
def overview_changes(request: HttpRequest) -> HttpResponse:
    """The ten newest changes of the last hour."""
    return page(request, "analytics/_changes.html", {"changes": changes_until(timezone.now())})
