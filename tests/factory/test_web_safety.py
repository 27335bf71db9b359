"""Every answer carries the same security headers, whoever makes it: walked over the table of addresses, with TLS."""

from http.cookies import SimpleCookie

import orjson
import pytest
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone

from factory import wsgi
from factory.accounts.services import open_session
from factory.limits.addresses import read_networks
from factory.web_safety import raw_headers
from tests.builders import PASSWORD, make_user
from tests.factory.test_wsgi import ask
from tests.roles.table import RANKS, STRANGER, UNNAMED
from tests.roles.test_admin import BY_LABEL
from tests.roles.test_pages import NAMED, address

pytestmark = pytest.mark.django_db

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self';"
    " frame-ancestors 'none'"
)
EXPECTED = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(),"
    " serial=(), usb=()",
    "referrer-policy": "same-origin",
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
TLS = {"HTTP_X_FORWARDED_PROTO": "https", "REMOTE_ADDR": "127.0.0.1"}
FILES = [
    "/static/factory/app.js",
    "/static/factory/none.js",
    "/static/admin/css/base.css",
    "/static/../manage.py",
]
ODD = [
    "/nope",
    "/api/nope",
    "/api/trpc",
    "/api/trpc/no.such",
    "/api/trpc/auth.me",
    "/api/docs",
    "/api/schema",
]


@pytest.fixture(autouse=True)
def _behind_tls(settings, monkeypatch):
    """The application as it is when PUBLIC_URL is https, and readable by whatever middleware looks at its start."""
    settings.SECURE = settings.SECURE_SSL_REDIRECT = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.LANGUAGE_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    monkeypatch.setattr(wsgi, "pages", get_wsgi_application())
    monkeypatch.setattr(wsgi, "procedures", wsgi.ProcedureDoor())
    # As Django's test client does: between requests a connection would be dropped, and the test's transaction with it.
    monkeypatch.setattr(wsgi, "close_old_connections", lambda: None)
    moments = (signals.request_started, signals.request_finished)
    for moment in moments:
        moment.disconnect(close_old_connections)
    yield
    for moment in moments:
        moment.connect(close_old_connections)


def safety(headers) -> dict[str, str | list[str]]:
    """The headers of ours among these; one that is there twice is a list, and equal to nothing."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() in EXPECTED:
            found.setdefault(name.lower(), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def wrong_cookies(headers) -> list[str]:
    """Those that are given, not those that are taken back."""
    given = SimpleCookie()
    for name, value in headers:
        if name == "Set-Cookie":
            given.load(value)
    return [
        cookie.OutputString()
        for cookie in given.values()
        if cookie.value
        and not (cookie["secure"] and cookie["httponly"] and cookie["samesite"] in ("Lax", "Strict"))
    ]


def everywhere() -> list[str]:
    lists = [f"/admin/{label.replace('.', '/')}/" for label in BY_LABEL]
    unnamed = [f"/{route}" for route in UNNAMED]
    return [*(address(name) for name in NAMED), *unnamed, *FILES, *ODD, "/admin/", "/admin/nope", *lists]


@pytest.mark.parametrize("role", [STRANGER, RANKS[-1]])
def test_every_answer_has_the_same_security_headers_and_safe_cookies(role):
    user = make_user(role=role) if role != STRANGER else None
    wrong, statuses = {}, set()
    for path in everywhere():
        for method in ("GET", "POST", "PUT"):
            who = (
                {"HTTP_COOKIE": f"app_session_id={open_session(user=user, at=timezone.now())}"}
                if user
                else {}
            )
            status, headers, _ = ask(path, **TLS, **who, REQUEST_METHOD=method)
            statuses.add(status)
            if safety(headers) != EXPECTED or wrong_cookies(headers):
                wrong[method, path] = (status, safety(headers), wrong_cookies(headers))

    assert wrong == {}
    assert {200, 302, 403, 404, 405} <= statuses


def test_refusals_before_any_page_and_bugs_have_them_too(monkeypatch):
    monkeypatch.setattr("analytics.api.overview.device_stats", lambda: 1 / 0)
    boss = open_session(user=make_user(role="admin"), at=timezone.now())
    answers = {
        "host": ask("/", **{**TLS, "HTTP_HOST": "evil.example"}),
        "host of a procedure": ask("/api/trpc/auth.me", **TLS, HTTP_HOST="evil.example"),
        "plain": ask("/", REMOTE_ADDR="127.0.0.1"),
        "plain procedure": ask("/api/trpc/auth.me", REMOTE_ADDR="127.0.0.1"),
        "form": ask("/sign-in", b"e=1", **TLS, CONTENT_TYPE="application/x-www-form-urlencoded"),
        "bug of a procedure": ask(
            "/api/trpc/analytics.getOverview", **TLS, HTTP_COOKIE=f"app_session_id={boss}"
        ),
        "token": ask("/api/trpc/devices.list", **TLS, HTTP_AUTHORIZATION="Bearer nonsense"),
    }

    assert {name: answer[0] for name, answer in answers.items()} == {
        "host": 400,
        "host of a procedure": 400,
        "plain": 301,
        "plain procedure": 301,
        "form": 403,  # without its token
        "bug of a procedure": 500,
        "token": 401,
    }
    assert [name for name, (_, headers, _) in answers.items() if safety(headers) != EXPECTED] == []


def test_what_is_written_as_bytes_has_them_too():
    told = {name.decode(): value.decode() for name, value in raw_headers()}

    assert told == EXPECTED


def test_signing_in_gives_a_cookie_for_tls_only_which_scripts_cannot_read():
    given = {"email": make_user().email, "password": PASSWORD}

    status, headers, _ = ask("/api/trpc/auth.login", orjson.dumps(given), **TLS)

    [cookie] = [value for name, value in headers if name == "Set-Cookie"]
    assert (status, cookie.startswith("app_session_id="), wrong_cookies(headers)) == (200, True, [])
    assert safety(headers) == EXPECTED


@pytest.mark.parametrize(
    ("peer", "proxies", "is_believed"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("203.0.113.9", [], False),
        ("10.0.0.7", ["10.0.0.7"], True),
        ("127.0.0.1", ["10.0.0.7"], False),
        ("", [], False),
    ],
)
def test_only_proxies_of_ours_are_believed_that_tls_was_spoken(peer, proxies, is_believed, settings):
    settings.TRUSTED_PROXIES = read_networks(proxies)
    said = {"HTTP_X_FORWARDED_PROTO": "https", "REMOTE_ADDR": peer}

    answers = [ask(path, **said)[0] for path in ("/sign-in", "/api/trpc/auth.me")]

    assert answers == ([200, 200] if is_believed else [301, 301])


@pytest.mark.usefixtures("workers_at_work")
def test_health_and_metrics_are_told_without_tls_and_nothing_else_is():
    paths = ["/health/live", "/health/ready", "/metrics", "/health/livelier", "/sign-in", "/metrics/"]

    assert [ask(path, REMOTE_ADDR="127.0.0.1")[0] for path in paths] == [200, 200, 200, 301, 301, 301]
