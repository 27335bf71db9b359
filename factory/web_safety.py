"""What every answer tells browsers they may do with it, whoever makes it; and whom we believe that TLS was spoken.

One list for pages, static files, API, refusals and streams. Only the admin's policy is looser: docs/security.md.
"""

from collections.abc import Callable, Container
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from factory.limits.addresses import speaks_for_others

ADMIN = "/admin/"
POLICY = "Content-Security-Policy"
OURS = [
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
]
# Its scripts (Alpine) evaluate the expressions in their attributes and set styles. Scripts within pages: none either.
ADMINS = [OURS[0], "script-src 'self' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'", *OURS[1:]]
NOT_NEEDED = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"

Pairs = tuple[tuple[str, str], ...]


def headers_for(path: str) -> Pairs:
    """The headers that an answer to this path has, whatever else it has."""
    return _headers(path.startswith(ADMIN), settings.SECURE_HSTS_SECONDS)


def missing(path: str, there: Container[str]) -> list[tuple[str, str]]:
    """Those of them that an answer with these headers (names in any case) lacks."""
    return [pair for pair in headers_for(path) if pair[0] not in there]


def raw_headers(path: bytes) -> list[tuple[bytes, bytes]]:
    """All of them, for who writes bytes."""
    return [(name.lower().encode(), value.encode()) for name, value in headers_for(path.decode("latin-1"))]


@cache
def _headers(is_admin: bool, hsts_seconds: int) -> Pairs:
    strict = {"Strict-Transport-Security": f"max-age={hsts_seconds}; includeSubDomains; preload"}
    return tuple(
        {
            POLICY: "; ".join(ADMINS if is_admin else OURS),
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": ", ".join(f"{feature}=()" for feature in NOT_NEEDED),
            **(strict if hsts_seconds else {}),
        }.items()
    )


def believe_proxies_only(environ: dict[str, Any]) -> None:
    """Whoever else says that TLS was spoken in front of us is not heard: it would open what only TLS may."""
    if FORWARDED_PROTO in environ and not speaks_for_others(str(environ.get("REMOTE_ADDR") or "")):
        del environ[FORWARDED_PROTO]


class SafeHeaders:
    """Puts them on pages and files. A page may have brought a policy of its own, as a report does: a stricter one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in missing(request.path_info, response.headers):
            response.headers[name] = value
        if _is_of_a_person(request, response):
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response


def _is_of_a_person(request: HttpRequest, response: HttpResponseBase) -> bool:
    """A page that somebody who may be signed in gets; tablets are shared, and Back is not to show it to the next."""
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    return is_page and settings.SESSION_COOKIE_NAME_JWT in request.COOKIES
