"""What every answer tells browsers they may do with it, whoever makes it; and whom we believe that TLS was spoken.

One list for pages, static files, API, refusals and streams, the admin's too: docs/security.md.
"""

from collections.abc import Callable, Container
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from factory.limits.addresses import speaks_for_others

POLICY = "Content-Security-Policy"
OURS = [
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
]
NOT_NEEDED = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"

Pairs = tuple[tuple[str, str], ...]


def missing(there: Container[str]) -> list[tuple[str, str]]:
    """Those of them that an answer with these headers (names in any case) lacks."""
    return [pair for pair in _headers(settings.SECURE_HSTS_SECONDS) if pair[0] not in there]


def raw_headers() -> list[tuple[bytes, bytes]]:
    """All of them, for who writes bytes."""
    return [(name.lower().encode(), value.encode()) for name, value in _headers(settings.SECURE_HSTS_SECONDS)]


@cache
def _headers(hsts_seconds: int) -> Pairs:
    strict = {"Strict-Transport-Security": f"max-age={hsts_seconds}; includeSubDomains; preload"}
    return tuple(
        {
            POLICY: "; ".join(OURS),
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
        for name, value in missing(response.headers):
            response.headers[name] = value
        if _is_of_a_person(request, response):
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response


def _is_of_a_person(request: HttpRequest, response: HttpResponseBase) -> bool:
    """A page that somebody who may be signed in gets; tablets are shared, and Back is not to show it to the next."""
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    return is_page and settings.SESSION_COOKIE_NAME_JWT in request.COOKIES
