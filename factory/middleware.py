from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from factory.errors import TimeIsUp
from factory.refusals import too_late
from factory.retrying import again_after_deadlock

ROUTE = "factory.route"


class NamedRoute:
    """Leaves the route of a page in the environ, for whoever counts requests (factory.wsgi)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> None:
        if request.resolver_match is not None:
            request.META[ROUTE] = request.resolver_match.route


class PostsTryAgain:
    """A form that lost a deadlock is carried out again. Last in the list: the view is all that is repeated."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if request.method != "POST":
            return None
        return again_after_deadlock(lambda: view(request, *args, **kwargs))


class EndsInTime:
    """A page whose time was up (factory.deadline) says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return too_late(request) if isinstance(error, TimeIsUp) else None
