"""Real clients against a real server: @trpc/client in Node, and bare sockets."""

import fcntl
import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).parent / "client"
NODE, NPM = shutil.which("node"), shutil.which("npm")


def start_server() -> tuple[subprocess.Popen, str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance", "0"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout
    line = server.stdout.readline()
    assert line.startswith("ready: http://127.0.0.1:"), line
    return server, line.removeprefix("ready: ").strip()


def stop_server(server: subprocess.Popen, by: signal.Signals = signal.SIGTERM) -> int:
    server.send_signal(by)
    try:
        return server.wait(timeout=10)
    finally:
        server.kill()
        server.wait()
        assert server.stdout
        server.stdout.close()


@pytest.fixture(scope="module")
def url():
    server, url = start_server()
    yield url
    stop_server(server)


@pytest.fixture(scope="session")
def node() -> str:
    """Node with the clients' packages beside the script."""
    if not (NODE and NPM):
        pytest.skip("node and npm are not on this machine")
    with (CLIENT / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of pytest-xdist share the folder
        if not (CLIENT / "node_modules" / "@trpc" / "client").exists():
            subprocess.run([NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=CLIENT, check=True)
    return NODE


def refusal(message, number, key, status, path, **more):
    return {
        "message": message,
        "code": number,
        "data": {"code": key, "httpStatus": status, "path": path, **more},
    }


REQUIRED = "This field is required."
SIGNED = {"cookie": "app_session_id=abc", "auth": "Bearer t"}
RICH = {
    "at": "<Date 2026-01-02T03:04:05.678Z>",
    "dotted.key\\": "<Date 1970-01-01T00:00:00.000Z>",
    "none": None,
    "nan": "<NaN>",
    "big": 5,
    "set": [1],
    "map": {"k": "<Date 1970-01-01T00:00:00.000Z>"},
    "pattern": "/x/g",
    "page": "https://a.b/",
    "bytes": [1, 2],
}


def expected_queries(*, is_superjson: bool) -> dict:
    at = "2026-01-02T03:04:05.678Z"
    integer, required = "Expected an integer, got a string.", {"fieldErrors": {"id": [REQUIRED]}}
    return {
        "hello": "hello a",
        "helloWorld": "hello world",
        "noInput": "ok",
        "nul": None,
        "byId": {"id": 7, "createdAt": f"<Date {at}>" if is_superjson else at},
        "invalid": refusal(
            f"id: {integer}", -32600, "BAD_REQUEST", 400, "post.byId", fieldErrors={"id": [integer]}
        ),
        "missing": refusal(f"id: {REQUIRED}", -32600, "BAD_REQUEST", 400, "post.byId", **required),
        "falsy": [0, "", False, None, []],
        "echoNull": None,
        "echoUndefined": "<undefined>",
        "rich": RICH if is_superjson else None,
        "conflict": refusal("failed with CONFLICT", -32009, "CONFLICT", 409, "fail"),
        "boom": refusal("Internal server error", -32603, "INTERNAL_SERVER_ERROR", 500, "boom"),
        "unknown": refusal('No procedure found on path "nope.nada"', -32004, "NOT_FOUND", 404, "nope.nada"),
        "whoami": {"headers": SIGNED},
        "slow": "slept 10",
    }


def expected_mutations(*, is_superjson: bool) -> dict:
    text = "Expected a string, got a number."
    return {
        "ping": "pong",
        "voidMut": "<undefined>",
        "add": {"id": 1, "title": "héllo \U0001f680"},
        "invalidAdd": refusal(
            f"title: {text}", -32600, "BAD_REQUEST", 400, "post.add", fieldErrors={"title": [text]}
        ),
        "rich": RICH if is_superjson else None,
        "echoUndefined": "<undefined>",
        "unknown": refusal(
            'No procedure found on path "post.remove"', -32004, "NOT_FOUND", 404, "post.remove"
        ),
        "long": True,
    }


@pytest.mark.parametrize("transformer", ["plain", "superjson"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("link", ["httpLink", "httpBatchLink", "httpBatchStreamLink"])
def test_every_kind_of_client_sees_the_same_api(node, url, link, method, transformer):
    seen = json.loads(
        subprocess.run(
            [node, "calls.mjs", url, link, transformer, method],
            cwd=CLIENT,
            check=True,
            capture_output=True,
            timeout=60,
        ).stdout
    )
    queries = expected_queries(is_superjson=transformer == "superjson")
    mutations = expected_mutations(is_superjson=transformer == "superjson")
    # A batch link sends one request a tick; the client makes a call for each name but the skipped ones.
    skipped = transformer == "plain"
    batched = link != "httpLink"

    assert seen["queries"] == queries
    assert seen["mutations"] == mutations
    assert seen["alone"] == "hello alone"
    assert seen["queryRequests"] == [method] * (1 if batched else len(queries) - skipped)
    assert seen["mutationRequests"] == ["POST"] * (1 if batched else len(mutations) - skipped)


# Bare sockets


def exchange(url: str, *requests: bytes) -> bytes:
    port = int(url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answers = b""
        for request in requests:
            connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65_536):
            answers += part
    return answers


def test_one_connection_carries_several_requests_and_a_chunked_body(url):
    answers = exchange(
        url,
        b"GET /api/trpc/noInput HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/trpc/echoMut HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2;x=y\r\n2]\r\n0\r\nTrailer: t\r\n\r\n",
        b"GET /api/trpc/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )

    bodies = [line for line in answers.splitlines() if line.startswith(b'{"result"')]
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert b'{"result":{"data":"ok"}}' in bodies[0]
    assert answers.count(b'{"result":{"data":[1,2]}}') == 1
    assert answers.endswith(b'{"result":{"data":"hello world"}}')


def test_a_write_with_a_form_of_another_site_does_not_run(url):
    answer = exchange(
        url,
        b"POST /api/trpc/voidMut HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1",
    )
    assert answer.startswith(b"HTTP/1.1 415 ")


def test_a_missing_content_type_is_missing_and_not_made_up(url):
    answer = exchange(
        url, b"POST /api/trpc/ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert b"Missing content-type header" in answer


@pytest.mark.parametrize("address", [b"/api/trpc/", b"/api/trpc", b"/api/trpc/a%0Ab", b"/api/trpc/%FF%zz,"])
def test_nothing_under_the_mount_is_html_or_a_redirect(url, address):
    answer = exchange(url, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % address)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"Content-Type: application/json" in answer


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_the_server_stops_when_told(by):
    server, _ = start_server()
    assert stop_server(server, by) == 0


def test_the_lock_file_names_no_registry():
    lock = json.loads((CLIENT / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
