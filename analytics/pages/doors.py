"""What every page has in common: who may open it, what frames it, and how it refuses."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from analytics.plant_clock import clock_for
from analytics.queries.alerts import open_alert_counts
from factory.accounts.models import User
from factory.errors import NotFound

View = Callable[..., HttpResponseBase]


def for_people(rank: User.Role = User.Role.USER) -> Callable[[View], View]:
    """Only for signed-in people of this rank and above; what is not there is a 404."""

    def guard(view: View) -> View:
        @never_cache  # these tablets are shared: Back must not show what another person saw
        @wraps(view)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if not user.is_authenticated:
                return _to_sign_in(request)
            if not user.has_rank_of(rank):
                raise PermissionDenied
            try:
                with timezone.override(clock_for(user, request.path_info)):
                    return view(request, *args, **kwargs)
            except NotFound as refusal:
                raise Http404(refusal.message) from None

        door.rank = rank  # type: ignore[attr-defined]  # told to whoever walks the table of addresses
        return door

    return guard


def person(request: HttpRequest) -> User:
    """Who is signed in; behind `for_people` there always is somebody."""
    assert isinstance(request.user, User)
    return request.user


def is_partial(request: HttpRequest) -> bool:
    """Asked for by htmx, to be put into a page that is open already."""
    return request.headers.get("HX-Request") == "true"


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if is_partial(request):
        # A redirect would put the sign-in form into the middle of the page.
        here = request.headers.get("HX-Current-URL", "")
        login = redirect_to_login(_within(request, here) or "/", settings.LOGIN_URL)
        return HttpResponse(status=401, headers={"HX-Redirect": login["Location"]})
    wanted = request.get_full_path() if request.method == "GET" else where_from(request)
    return redirect_to_login(wanted, settings.LOGIN_URL)


def _within(request: HttpRequest, url: str) -> str:
    """The path of an address on this site; empty for any other."""
    hosts = {request.get_host()}
    if not url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure()):
        return ""
    parts = urlsplit(url)
    if parts.netloc:
        url = parts._replace(scheme="", netloc="", path=parts.path or "/").geturl()
    # Without its host it may look like another one: //evil.example is a path there, and a host here.
    return url if url_has_allowed_host_and_scheme(url, hosts) else ""


def where_from(request: HttpRequest) -> str:
    """The page a plain form was sent from, to go back to."""
    return _within(request, request.POST.get("next", "")) or "/"


def back_to(request: HttpRequest, name: str, *args: Any) -> HttpResponseRedirect:
    """To the page a plain form names as its own, where it names none to this one."""
    return HttpResponseRedirect(where_from(request) if request.POST.get("next") else reverse(name, args=args))


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A whole page in its frame."""
    frame = {
        "User": User.Role,
        "open_alerts": open_alert_counts(),
        "zone_name": timezone.get_current_timezone_name(),
        "server_time": timezone.now(),
        "may_resolve": request.user.has_rank_of(User.Role.OPERATOR),  # type: ignore[union-attr]
        "may_edit": request.user.has_rank_of(User.Role.TECHNICIAN),  # type: ignore[union-attr]
    }
    return render(request, template, {**frame, **context}, status=status)


def back(request: HttpRequest, words: str, *, good: bool = True) -> HttpResponse:
    """The answer to a plain form: the page it came from, with a word about what happened."""
    messages.add_message(request, messages.SUCCESS if good else messages.WARNING, words)
    return HttpResponseRedirect(where_from(request))
