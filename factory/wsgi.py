"""HTTP, all of it: pages, API and admin run through WSGI threads (docs/decisions/0001).

Procedures take a short way in (docs/decisions/0007): a device's reading needs no session, form, message, page
policy, URL resolving or request signals, and together these cost more than storing it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "factory.settings")
pages = get_wsgi_application()  # loads the apps; what is imported below needs them

from corsheaders.middleware import CorsMiddleware  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.http.response import HttpResponseBase  # noqa: E402
from django.middleware.security import SecurityMiddleware  # noqa: E402

from factory import context, counters, deadline, web_safety  # noqa: E402
from factory.middleware import ROUTE  # noqa: E402
from factory.refusals import bad_request  # noqa: E402
from factory.urls import gateway  # noqa: E402

PROCEDURES = ("/api/trpc/", "/api/v1/trpc/")
LOOK_AFTER_SECONDS = 1.0  # how often a thread's database connection is looked after
deadline.wait_no_longer_than_statements()


class ProcedureDoor:
    """From a WSGI environment to the gateway: security headers and redirect, the host's name, nothing else."""

    def __init__(self) -> None:
        self._secured = SecurityMiddleware(self._by_origin)
        self._shared = CorsMiddleware(self._checked)
        self._thread = threading.local()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._look_after_connections()
        response = cast(HttpResponseBase, self._secured(WSGIRequest(environ)))
        headers = list(response.items())
        headers += [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
        headers += web_safety.missing(response.headers)
        start_response(f"{response.status_code} {response.reason_phrase}", headers)
        # A stream is iterated and, whatever becomes of it, closed by the server.
        return response if response.streaming else [cast(HttpResponse, response).content]

    def _by_origin(self, request: HttpRequest) -> HttpResponseBase:
        """Only browsers say from which site they ask; devices are spared the question."""
        asks_from_a_page = "HTTP_ORIGIN" in request.META or request.method == "OPTIONS"
        return cast(HttpResponseBase, self._shared(request)) if asks_from_a_page else self._checked(request)

    def _checked(self, request: HttpRequest) -> HttpResponseBase:
        try:
            request.get_host()
        except DisallowedHost:
            return bad_request(request)
        prefix = next(prefix for prefix in PROCEDURES if request.path_info.startswith(prefix))
        return gateway.view(request, request.path_info[len(prefix) :])

    def _look_after_connections(self) -> None:
        """What Django does at the start of each request; a thread serves hundreds a second."""
        now = time.monotonic()
        if now - getattr(self._thread, "looked", 0.0) > LOOK_AFTER_SECONDS:
            self._thread.looked = now
            close_old_connections()


procedures = ProcedureDoor()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Every HTTP request comes through here; its time runs from when it arrived, if it had to wait for a thread."""
    path = environ["PATH_INFO"]
    web_safety.believe_proxies_only(environ)
    way_in = procedures if path.startswith(PROCEDURES) else pages
    number = context.request_id(environ.get("HTTP_X_REQUEST_ID", ""))
    began, answered = time.monotonic(), "none"

    def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Any:
        nonlocal answered
        answered = status[:3]
        return start_response(status, [*headers, ("X-Request-Id", number)], *failure)

    with (
        context.work(request_id=number),
        deadline.within(deadline.seconds_for(path), since=environ.get(deadline.ARRIVED)),
    ):
        try:
            return way_in(environ, start)
        finally:
            way, name = asked_for(environ)
            took = time.monotonic() - environ.get(deadline.ARRIVED, began)
            counters.http_requests.labels(way, name, answered).observe(took)


def asked_for(environ: dict[str, Any]) -> tuple[str, str]:
    """Under which name a request is counted: a procedure's, or a page's route; what nobody knows has one name."""
    path = environ["PATH_INFO"]
    prefix = next((prefix for prefix in PROCEDURES if path.startswith(prefix)), None)
    if prefix is None:
        return "page", environ.get(ROUTE, "unknown")
    name = path[len(prefix) :]
    if "," in name:
        return "procedure", "several"
    return "procedure", name if gateway.registry.find(name) else "unknown"
