from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from analytics.pages.doors import for_people, page
from analytics.queries.overview import Floor, floor_at, now_on, tiles_of, zones_of

FEW, MANY = 60, 300


@for_people()
def overview(request: HttpRequest) -> HttpResponse:
    """The plant at one glance: what to do, how much, where."""
    at = timezone.now()
    floor = floor_at(at)
    context = {"now": now_on(floor, at), **_map(floor), "tiles": tiles_of(floor, at)}
    return page(request, "analytics/overview.html", {"here": "overview", **context})


def _map(floor: Floor) -> dict:
    """Small plants get dots that a glove can hit; of large ones the whole should fit a screen."""
    devices = len(floor.dots)
    density = "few" if devices <= FEW else "many" if devices > MANY else ""
    return {"zones": zones_of(floor), "density": density}


@for_people()
def overview_now(request: HttpRequest) -> HttpResponse:
    """Sentence, figures and alerts again, for an overview that is open."""
    at = timezone.now()
    return page(request, "analytics/_now.html", {"now": now_on(floor_at(at), at), "again": True})


@for_people()
def overview_zones(request: HttpRequest) -> HttpResponse:
    """The map again, after a device or an alert has changed."""
    return page(request, "analytics/_zones.html", _map(floor_at(timezone.now())))
