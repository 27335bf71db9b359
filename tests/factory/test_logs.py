"""A line of log says whose work it is about, from the request to the tasks that it hands over."""

import json
import logging
import sys

import pytest
from celery import shared_task
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from factory import context, task_watch
from factory.celery import app
from factory.logs import JsonFormatter, LineFormatter, RefusedInOneLine
from tests.builders import make_device, make_token, make_user, sign_in
from tests.factory.test_wsgi import ask


def record(**extra):
    made = logging.getLogger("telemetry").makeRecord(
        "telemetry", logging.INFO, "file.py", 1, "ingest.failed", (), None, extra=extra
    )
    made.created = 1_780_000_000.25
    return made


def test_a_line_ends_with_ids_and_extras():
    with context.work(request_id="abcd1234"):
        line = LineFormatter().format(record(error="gone"))

    assert line.endswith("INFO    telemetry ingest.failed request_id='abcd1234' error='gone'")


def test_as_json_it_is_one_object_a_line_with_the_same_in_it():
    with context.work(request_id="abcd1234"):
        told = json.loads(JsonFormatter().format(record(error="ä\n", odd=object)))

    assert {name: told[name] for name in ("at", "level", "logger", "event", "request_id", "error")} == {
        "at": "2026-05-28T20:26:40.250Z",
        "level": "INFO",
        "logger": "telemetry",
        "event": "ingest.failed",
        "request_id": "abcd1234",
        "error": "ä\n",
    }
    assert told["odd"] == "<class 'object'>"


def test_an_exception_is_in_the_object_and_breaks_no_line():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        made = record()
        made.exc_info = sys.exc_info()
    line = JsonFormatter().format(made)

    assert ("\n" in line, "two\nlines" in json.loads(line)["exception"]) == (False, True)


@given(st.text(max_size=100))
def test_an_id_from_outside_is_taken_only_if_it_looks_like_one(heard):
    found = context.request_id(heard)

    assert context.REQUEST_ID.fullmatch(found)
    assert (found == heard) == bool(context.REQUEST_ID.fullmatch(heard))


def test_ids_end_with_the_work_they_are_of():
    with context.work(request_id="abcd1234"):
        context.note(user_id=7)
        assert context.ids() == {"request_id": "abcd1234", "user_id": 7}
    context.note(user_id=8)
    assert context.ids() == {}


@pytest.mark.django_db
class TestRequests:
    def test_the_answer_says_the_id_that_the_proxy_gave(self):
        _, headers, _ = ask("/api/trpc/auth.me", HTTP_X_REQUEST_ID="from-nginx-1")
        assert ("X-Request-Id", "from-nginx-1") in headers

    @pytest.mark.parametrize("heard", ["", "short", "a b c d e f", "evil\r\nSet-Cookie: a=b", "x" * 65])
    def test_or_one_of_our_own(self, heard):
        _, headers, _ = ask("/sign-in", HTTP_X_REQUEST_ID=heard)
        assert context.REQUEST_ID.fullmatch(dict(headers)["X-Request-Id"])
        assert dict(headers)["X-Request-Id"] != heard

    def test_lines_of_a_request_say_whose_it_is(self, client):
        device = make_device()
        cookie = sign_in(client, make_user())
        seen = []

        def look(execute, sql, params, many, about):
            seen.append(dict(context.ids()))
            return execute(sql, params, many, about)

        with connection.execute_wrapper(look):
            ask(
                "/api/trpc/devices.list", HTTP_COOKIE=f"app_session_id={cookie}", HTTP_X_REQUEST_ID="person-1"
            )
            ask(
                "/api/trpc/commands.pending",
                HTTP_AUTHORIZATION=f"Bearer {make_token(device)}",
                HTTP_X_REQUEST_ID="device-1",
            )

        assert {"request_id": "person-1"}.items() <= seen[0].items()
        assert any(each.get("user_id") and each["request_id"] == "person-1" for each in seen)
        assert {"request_id": "device-1", "device_id": device.pk} in seen


@shared_task
def look_around(**_from_newer_senders):
    SEEN.append(dict(context.ids()))


SEEN: list[dict] = []


def test_a_task_carries_the_ids_of_the_work_that_handed_it_over():
    task_watch.watch_all()
    SEEN.clear()
    app.conf.task_always_eager, before = False, app.conf.task_always_eager
    try:
        headers = {}
        with context.work(request_id="abcd1234", user_id=7):
            task_watch._address(headers=headers)
        look_around.apply(headers=headers, task_id="t-1")
    finally:
        app.conf.task_always_eager = before

    assert SEEN == [
        {
            "request_id": "abcd1234",
            "user_id": 7,
            "task": "tests.factory.test_logs.look_around",
            "task_id": "t-1",
        }
    ]
    assert context.ids() == {}


@pytest.mark.django_db
def test_a_slow_statement_is_logged_without_its_parameters(settings, caplog):
    settings.SLOW_QUERY_MS = 1
    nap = "SELECT SLEEP(0.01), %s" if connection.vendor == "mysql" else SLOW_ON_SQLITE
    with connection.cursor() as cursor:
        cursor.execute(nap, ["a secret"])

    (line,) = [each for each in caplog.records if each.message == "database.slow"]
    assert (line.sql, line.ms >= 1) == (nap, True)
    assert "a secret" not in str(vars(line))


SLOW_ON_SQLITE = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
SELECT COUNT(*), %s FROM n"""


@pytest.mark.django_db
def test_a_quick_one_is_not(settings, caplog):
    settings.SLOW_QUERY_MS = 60_000
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert [each for each in caplog.records if each.message == "database.slow"] == []


def test_what_django_refuses_is_a_line_and_what_broke_has_its_stack():
    lines = {}
    for error in (SuspiciousOperation("Invalid HTTP_HOST header"), ValueError("broken")):
        try:
            raise error
        except Exception as caught:
            told = record()
            told.exc_info = (type(caught), caught, caught.__traceback__)
        assert RefusedInOneLine().filter(told)
        lines[type(error)] = LineFormatter().format(told)

    assert "Traceback" not in lines[SuspiciousOperation]
    assert "Traceback" in lines[ValueError]
