"""The short way in for procedures keeps what every door owes: the host's name, HTTPS, headers, cookies."""

import io
from wsgiref.util import setup_testing_defaults

import orjson
import pytest
from django.test import override_settings

from factory.wsgi import ProcedureDoor, application
from tests.builders import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def ask(path, body=b"", *, app=application, **environ):
    """(status, headers as a list of pairs, body) of one WSGI request."""
    told = {}
    environ = {"PATH_INFO": path, "HTTP_HOST": "localhost", "SCRIPT_NAME": "", **environ}
    if body:
        environ |= {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
    setup_testing_defaults(environ)

    def start_response(status, headers):
        told.update(status=int(status.split()[0]), headers=headers)

    answer = app(environ, start_response)
    content = b"".join(answer)
    if hasattr(answer, "close"):  # as a server does
        answer.close()
    return told["status"], told["headers"], content


@pytest.mark.parametrize("prefix", ["/api/trpc/", "/api/v1/trpc/"])
def test_a_procedure_answers_with_the_headers_that_every_answer_has(prefix):
    status, headers, body = ask(f"{prefix}auth.me")

    headers = dict(headers)
    assert (status, orjson.loads(body)) == (200, {"result": {"data": None}})
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Length"] == str(len(body))
    assert headers["Cache-Control"] == "no-store"
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_cookies_reach_the_browser():
    credentials = {"email": make_user().email, "password": PASSWORD}

    status, headers, _ = ask("/api/trpc/auth.login", orjson.dumps(credentials))

    [cookie] = [value for name, value in headers if name == "Set-Cookie"]
    assert status == 200
    assert cookie.startswith("app_session_id=")
    assert "HttpOnly" in cookie


def test_an_unknown_host_is_refused_as_json():
    status, _, body = ask("/api/trpc/auth.me", HTTP_HOST="evil.example")

    assert (status, orjson.loads(body)["error"]["data"]["code"]) == (400, "BAD_REQUEST")


def test_what_is_not_there_is_a_404_in_json():
    status, headers, body = ask("/api/trpc/no.such")

    assert (status, dict(headers)["Content-Type"]) == (404, "application/json")
    assert orjson.loads(body)["error"]["message"] == 'No procedure found on path "no.such"'


def test_with_https_a_plain_request_is_sent_there():
    with override_settings(SECURE_SSL_REDIRECT=True):
        status, headers, _ = ask("/api/trpc/auth.me", app=ProcedureDoor())

    assert (status, dict(headers)["Location"]) == (301, "https://localhost/api/trpc/auth.me")


def test_everything_else_goes_through_django():
    status, headers, _ = ask("/sign-in")

    assert status == 200
    assert "Content-Security-Policy" in dict(headers)
