"""Django's middleware as the front desk wants it."""

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

from factory.retrying import again_after_deadlock

PROCEDURES = ("/api/trpc/", "/api/v1/trpc/")


class _NotForProcedures:
    """Nothing to do for a procedure: it has no session, message, page policy or static file.

    Devices call procedures thousands of times a second, and these layers cost more than all the rest of a call.
    """

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PROCEDURES):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class StaticFiles(_NotForProcedures, WhiteNoiseMiddleware):
    pass


class PagePolicy(_NotForProcedures, CSPMiddleware):
    pass


class Sessions(_NotForProcedures, SessionMiddleware):
    pass


class Messages(_NotForProcedures, MessageMiddleware):
    pass


class PostsTryAgain:
    """A form that lost a deadlock is carried out again. Last in the list: the view is all that is repeated."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if request.method != "POST" or request.path_info.startswith(PROCEDURES):
            return None
        return again_after_deadlock(lambda: view(request, *args, **kwargs))
