"""The wallboard: screens that take turns on a wall, for people who are signed in and for links."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.drawings import OEE_TARGET
from analytics.pages.doors import for_people, person
from analytics.pages.overview import energy_context
from analytics.queries.overview import floor_at, now_on, zones_of
from analytics.queries.part import WHOLE, Part
from analytics.queries.today import energy_today, lines_today
from analytics.queries.walls import WallLinkEnded, WallLinkUnknown, shown_by
from analytics.services.walls import use_wall_link
from analytics.wall_tokens import PREFIX
from factory.accounts.models import User
from factory.limiting import limits
from factory.trpc.call import STRANGER

ALERTS_SHOWN = 6
LINES_SHOWN = 8
DWELLS = (10, 20, 30, 60)  # seconds
DWELL = 20
SCREENS = {
    "plant": gettext_lazy("Plant"),
    "zones": gettext_lazy("Zones"),
    "alerts": gettext_lazy("Open alerts"),
    "energy": gettext_lazy("Energy"),
    "lines": gettext_lazy("OEE of the lines"),
}
# Of what the wall's page is made: where one of these differs, a wall that is open has to load it anew.
_MADE_OF = (
    *("factory/static/factory/" + name for name in ("factory.css", "plots.css", "wall.css", "values.js")),
    *(
        "factory/static/factory/" + name
        for name in ("wall.js", "wall_theme.js", "wall_waiting.js", "theme.js")
    ),
    *(f"templates/analytics/_wall_{name}.html" for name in SCREENS),
    *(f"templates/analytics/{name}" for name in ("wall.html", "wall_waiting.html", "wall_worker.js")),
    "templates/frame.html",
)
# What the page that waits for the server is made of: browsers keep it for when there is none.
_KEPT = (
    *(f"factory/{name}.css" for name in ("factory", "wall")),
    *(f"factory/{name}.js" for name in ("theme", "wall_theme", "wall_waiting", "values")),
    "factory/vendor/inter/inter-latin-wght-normal.woff2",
    "factory/icon.svg",
)


def _edition() -> str:
    """The same in every process of a version, another one after an update."""
    mark = sha256()
    for name in _MADE_OF:
        mark.update(Path(settings.BASE_DIR, name).read_bytes())
    return mark.hexdigest()[:16]


EDITION = _edition()


def _marked(response: HttpResponse) -> HttpResponse:
    """So that a wall which was loaded before an update learns of it."""
    response["X-Wall-Edition"] = EDITION
    return response


@for_people()
def wall(request: HttpRequest) -> HttpResponse:
    """The wallboard of the whole plant."""
    own = {"is_own": True, "may_edit": person(request).has_rank_of(User.Role.TECHNICIAN)}
    return _wall(request, WHOLE, {name: reverse("wall-screen", args=[name]) for name in SCREENS}, own)


@for_people()
def wall_screen(request: HttpRequest, screen: str) -> HttpResponse:
    """One of its screens anew."""
    return _screen(request, WHOLE, screen)


View = Callable[..., HttpResponseBase]


def _for_links(view: View) -> View:
    """For whoever has the token in the address; asks are counted with those of strangers from that address."""

    @never_cache
    @require_safe
    @wraps(view)
    def door(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponseBase:
        verdict = limits.judge(request, STRANGER)
        if verdict is not None and not verdict.allows(0):
            refusal = verdict.refusal()
            words = _("This address asks too often. The wallboard goes on by itself in a minute.")
            response = _over(request, words, status=429)
            response["Retry-After"] = str(refusal.retry_after)
            return response
        try:
            link = use_wall_link(token=token, at=timezone.now())
        except WallLinkUnknown:
            return _over(request, _("There is no such link to the wallboard."), status=404)
        except WallLinkEnded:
            words = _("This link has ended: it was revoked, or its time is over.")
            return _over(request, words, status=410)
        return view(request, shown_by(link), token, **kwargs)

    return door


def _over(request: HttpRequest, words: str, *, status: int) -> HttpResponse:
    """Marked as ours, so that what some proxy says during an update does not end a wall."""
    return _marked(render(request, "analytics/wall_over.html", {"words": words}, status=status))


@_for_links
def link_wall(request: HttpRequest, part: Part, token: str) -> HttpResponse:
    """The wallboard of what a link shows."""
    return _wall(request, part, {name: reverse("link-screen", args=[token, name]) for name in SCREENS}, {})


@_for_links
def link_screen(request: HttpRequest, part: Part, token: str, screen: str) -> HttpResponse:
    """One of its screens anew."""
    return _screen(request, part, screen)


@require_safe
def wall_waiting(request: HttpRequest) -> HttpResponse:
    """What a wallboard shows that begins while the server is away; the same for everybody, and nothing of the plant."""
    return render(request, "analytics/wall_waiting.html", {"zone_name": settings.TIME_ZONE})


@require_safe
def wall_worker(request: HttpRequest) -> HttpResponse:
    """The service worker that keeps it. Its address is its scope: the wallboards, and no other page."""
    context = {"edition": EDITION, "files": _KEPT, "token_prefix": PREFIX}
    response = render(request, "analytics/wall_worker.js", context, content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return response


def _wall(request: HttpRequest, part: Part, addresses: dict[str, str], own: dict[str, bool]) -> HttpResponse:
    """`own` says where somebody who is signed in may go from here."""
    asked = request.GET.get("screen", "")
    chosen = asked if asked in SCREENS else next(iter(SCREENS))
    names = list(SCREENS)
    place = names.index(chosen)
    seconds = request.GET.get("dwell", "")
    at = timezone.now()
    context = {
        "part": part,
        "screens": [
            {"name": name, "label": SCREENS[name], "url": addresses[name], "is_first": name == chosen}
            for name in names
        ],
        "chosen": {"name": chosen, "label": SCREENS[chosen], "place": place + 1, "count": len(names)},
        "before": names[place - 1],
        "after": names[(place + 1) % len(names)],
        "dwells": DWELLS,
        "dwell": int(seconds) if seconds in map(str, DWELLS) else DWELL,
        "edition": EDITION,
        "zone_name": settings.TIME_ZONE,
        "server_time": at,
        **own,
        **_figures(chosen, part),
    }
    return _marked(render(request, "analytics/wall.html", context))


def _screen(request: HttpRequest, part: Part, screen: str) -> HttpResponse:
    if screen not in SCREENS:
        raise Http404
    return _marked(render(request, f"analytics/_wall_{screen}.html", _figures(screen, part)))


def _figures(screen: str, part: Part) -> dict[str, Any]:
    """What a screen shows."""
    at = timezone.now()
    if screen == "energy":
        return energy_context(energy_today(at, part))
    if screen == "lines":
        lines = lines_today(at, part)
        return {"lines": lines[:LINES_SHOWN], "more": max(0, len(lines) - LINES_SHOWN), "target": OEE_TARGET}
    floor = floor_at(at, part)
    if screen == "zones":
        return {"zones": zones_of(floor)}
    return {"now": now_on(floor, at, part, limit=ALERTS_SHOWN)}
