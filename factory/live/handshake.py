"""What a WebSocket brings along when it knocks."""

from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from factory.errors import DomainError
from factory.limits.addresses import client_address

SUBPROTOCOL = "bearer."


@dataclass(frozen=True)
class Handshake:
    """The credentials of a connection. Cookies are empty when its origin is not ours or an allowed one."""

    bearer: str
    cookies: dict[str, str]
    subprotocol: str | None
    address: str = ""


@dataclass(frozen=True)
class Listener:
    """Who is behind a connection, and the name of the credential whose end also ends the connection.

    `held_back` and `scope` as in `factory.trpc.call.Identity`: to permissions a listener is somebody who asks, like
    any other.
    """

    principal: Any
    credential: str
    held_back: DomainError | None = field(default=None, compare=False)
    scope: Any = None


def read_handshake(scope: dict[str, Any]) -> Handshake:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    offered = next((p for p in scope.get("subprotocols", []) if p.startswith(SUBPROTOCOL)), None)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if offered:
        bearer = offered.removeprefix(SUBPROTOCOL)
    cookies = {}
    if not bearer and is_allowed_origin(headers.get("origin", ""), host=headers.get("host", "")):
        cookies = _cookies(headers.get("cookie", ""))
    peer = (scope.get("client") or ("",))[0]
    address = client_address(
        {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": headers.get("x-forwarded-for", "")}
    )
    return Handshake(bearer=bearer, cookies=cookies, subprotocol=offered, address=address)


def is_allowed_origin(origin: str, *, host: str) -> bool:
    """A browser sends its page's origin; a page of somebody else's must not ride on our cookie."""
    if origin in {settings.PUBLIC_URL, *settings.ALLOWED_ORIGINS}:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and parts.netloc == host


def _cookies(header: str) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}
