"""Pages of other sites: those that were allowed, and all the others."""

import orjson
import pytest
from django.conf import settings as product_settings
from django.core.exceptions import ImproperlyConfigured

from factory.env import Env
from factory.wsgi import ProcedureDoor
from tests.builders import make_user, sign_in
from tests.factory.test_wsgi import ask

pytestmark = pytest.mark.django_db
APP, EVIL = "https://app.example", "https://evil.example"
CORS = {
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-expose-headers",
    "access-control-max-age",
}


@pytest.fixture(autouse=True)
def _one_is_allowed(settings):
    settings.CORS_ALLOWED_ORIGINS = [APP]


def preflight(path, origin, *, headers="content-type,authorization,trpc-accept", method="POST"):
    """(status, headers) by the short way of procedures, or the long one."""
    return ask(
        path,
        app=ProcedureDoor() if path.startswith("/api/trpc/") else _long_way(),
        REQUEST_METHOD="OPTIONS",
        HTTP_ORIGIN=origin,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD=method,
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS=headers,
    )


def _long_way():
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def cors_headers(headers):
    return {name.lower(): value for name, value in headers if name.lower() in CORS}


@pytest.mark.parametrize(
    "path", ["/api/trpc/readings.create", "/api/auth/login", "/api/firmware/1/file", "/api/trpc/no.such"]
)
def test_an_allowed_origin_is_answered_before_anybody_asks_who_it_is(path):
    status, headers, body = preflight(path, APP)

    told = cors_headers(headers)
    assert (status, body) == (200, b"")
    assert told["access-control-allow-origin"] == APP
    assert told["access-control-allow-credentials"] == "true"
    assert {"authorization", "content-type", "trpc-accept", "last-event-id", "x-csrftoken"} <= set(
        told["access-control-allow-headers"].split(", ")
    )
    assert told["access-control-allow-methods"] == "GET, HEAD, POST, OPTIONS"
    assert told["access-control-max-age"] == "7200"
    assert "X-RateLimit-Limit" not in dict(headers)


@pytest.mark.parametrize("origin", [EVIL, "null", "https://app.example.evil.example", "http://app.example"])
@pytest.mark.parametrize("path", ["/api/trpc/readings.create", "/api/auth/login"])
def test_any_other_origin_is_told_nothing(path, origin):
    status, headers, _ = preflight(path, origin)

    assert (status, cors_headers(headers)) == (200, {})


@pytest.mark.parametrize("path", ["/sign-in", "/admin/", "/health/live"])
def test_pages_are_nobody_elses_business(path):
    _, headers, _ = preflight(path, APP)

    assert cors_headers(headers) == {}


def test_an_answer_may_be_read_by_an_allowed_page_with_what_its_headers_say():
    status, headers, body = ask("/api/trpc/auth.me", app=ProcedureDoor(), HTTP_ORIGIN=APP)

    told = cors_headers(headers)
    assert (status, orjson.loads(body)) == (200, {"result": {"data": None}})
    assert told["access-control-allow-origin"] == APP
    assert told["access-control-allow-credentials"] == "true"
    assert sorted(told["access-control-expose-headers"].split(", ")) == sorted(
        product_settings.CORS_EXPOSE_HEADERS
    )
    assert "origin" in dict(headers)["Vary"]


def test_a_refusal_may_be_read_as_well():
    status, headers, _ = ask("/api/trpc/devices.list", app=ProcedureDoor(), HTTP_ORIGIN=APP)

    assert (status, cors_headers(headers)["access-control-allow-origin"]) == (401, APP)


def test_nobody_else_may_read_an_answer():
    status, headers, _ = ask("/api/trpc/auth.me", app=ProcedureDoor(), HTTP_ORIGIN=EVIL)

    assert (status, cors_headers(headers)) == (200, {})


def test_a_device_is_spared_all_of_it():
    _, headers, _ = ask("/api/trpc/auth.me", app=ProcedureDoor())

    assert cors_headers(headers) == {}
    assert dict(headers)["Vary"] == "trpc-accept, accept"


@pytest.mark.parametrize(
    ("origin", "status"), [("http://testserver", 200), (EVIL, 403), ("", 403), ("null", 403)]
)
def test_a_write_with_a_cookie_shows_that_it_comes_from_here(client, origin, status):
    sign_in(client, make_user())
    headers = {"origin": origin} if origin else {}

    answer = client.post("/api/trpc/auth.logout", content_type="application/json", headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize("value", ["*", "app.example", "https://app.example/path", "https://*.example"])
def test_what_is_no_origin_is_refused_at_start(value):
    with pytest.raises(ImproperlyConfigured, match=r"is not an origin such as https://app\.example:8443"):
        Env({"ALLOWED_ORIGINS": value}).origins("ALLOWED_ORIGINS")


def test_origins_are_read_as_browsers_write_them():
    env = Env({"ALLOWED_ORIGINS": "https://App.example/, http://localhost:5173"})

    assert env.origins("ALLOWED_ORIGINS") == ["https://app.example", "http://localhost:5173"]
