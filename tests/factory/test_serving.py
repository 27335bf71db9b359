"""The web process at its limits and at its end."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import threading
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.plant import running

pytestmark = pytest.mark.integration
TOO_LARGE = {
    "message": "PAYLOAD_TOO_LARGE",
    "code": -32013,
    "data": {"code": "PAYLOAD_TOO_LARGE", "httpStatus": 413},
}


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    with running(tmp_path_factory.mktemp("plant")) as plant:
        yield plant.wait_ready()


def raw(plant, request):
    """What the server answers to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", plant.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_a_body_over_the_limit_is_refused_with_the_known_error(plant):
    answer = httpx.post(plant.url + "/api/trpc/auth.login", content=b"x" * 10_000_000)

    assert answer.status_code == 413
    assert answer.json()["error"].items() >= TOO_LARGE.items()


def test_a_body_over_the_limit_is_refused_before_it_is_sent(plant):
    headers = b"Host: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"

    answer = raw(plant, b"POST /api/trpc/auth.login HTTP/1.1\r\n" + headers)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"].items() >= TOO_LARGE.items()


def test_a_chunked_body_over_the_limit_is_refused_on_the_way(plant):
    answer = httpx.post(plant.url + "/api/trpc/auth.login", content=(b"x" * 65536 for _ in range(160)))

    assert answer.status_code == 413


def test_a_chunked_body_is_read(plant):
    wrong = {"email": "nobody@plant.test", "password": "wrong"}
    pieces = (json.dumps(wrong)[at : at + 10].encode() for at in range(0, 200, 10))

    answer = httpx.post(
        plant.url + "/api/trpc/auth.login", content=pieces, headers={"Content-Type": "application/json"}
    )

    assert answer.json()["error"]["data"]["code"] == "UNAUTHORIZED"


def test_eight_kilobytes_of_address_and_of_cookies_fit(plant):
    answer = httpx.get(
        plant.url + "/api/trpc/system.health?x=" + "a" * 8192, headers={"Cookie": "c=" + "b" * 8192}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_gets_400_and_is_cut_off(plant, request_):
    assert raw(plant, request_).startswith(b"HTTP/1.1 400 ")
    # While it lingered it was looked at for being late, which goes on for everybody only where it does not fail.
    assert "Traceback" not in plant.output


@contextlib.contextmanager
def database_locked(folder):
    """Nobody else can write meanwhile: a request that must is under way for as long."""
    with contextlib.closing(sqlite3.connect(folder / "factory.sqlite3", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


def test_requests_under_way_are_answered_and_sockets_told_at_the_end(tmp_path):
    admin = {"email": "boss@plant.test", "password": "a-long-enough-one"}
    chosen = {"FACTORY_ADMIN_EMAIL": admin["email"], "FACTORY_ADMIN_PASSWORD": admin["password"]}
    answers = []
    with running(tmp_path, **chosen) as plant:
        plant.wait_ready()
        sign_in = f"{plant.url}/api/trpc/auth.login"
        cookie = httpx.post(sign_in, json=admin).headers["set-cookie"].split(";")[0]
        with connect(
            f"ws://127.0.0.1:{plant.port}/ws", origin=plant.url, additional_headers={"Cookie": cookie}
        ) as live:
            with database_locked(tmp_path):
                slow = threading.Thread(
                    target=lambda: answers.append(httpx.post(sign_in, json=admin, timeout=20))
                )
                slow.start()
                time.sleep(1)
                web = plant.pid_of("manage.py serve")
                os.kill(web, signal.SIGTERM)
                time.sleep(0.5)
                assert not answers
            slow.join()
            with contextlib.suppress(ConnectionClosed):
                while True:
                    live.recv(timeout=10)

    assert answers[0].status_code == 200
    assert live.close_code == 1012
