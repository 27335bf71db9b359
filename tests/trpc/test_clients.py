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


def start_server(*arguments: str) -> tuple[subprocess.Popen, str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance", *(arguments or ("0",))],
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
        for folder, present in (
            (CLIENT, "ws"),
            (CLIENT / "v11_0", "@trpc/client"),
            (CLIENT / "v10", "@trpc/client"),
        ):
            if not (folder / "node_modules" / present).exists():
                command = [NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
                subprocess.run(command, cwd=folder, check=True)
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


def unknown(kind: str, path: str, *, is_socket: bool) -> dict:
    words = f'No "{kind}"-procedure on path "{path}"' if is_socket else f'No procedure found on path "{path}"'
    return refusal(words, -32004, "NOT_FOUND", 404, path)


def expected_queries(*, is_superjson: bool, is_socket: bool) -> dict:
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
        "unknown": unknown("query", "nope.nada", is_socket=is_socket),
        "whoami": {"headers": {} if is_socket else SIGNED},
        "slow": "slept 10",
    }


def expected_mutations(*, is_superjson: bool, is_socket: bool) -> dict:
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
        "unknown": unknown("mutation", "post.remove", is_socket=is_socket),
        "long": True,
    }


def run(node, script, *arguments) -> dict:
    command = [node, script, *arguments]
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, timeout=60, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


VERSIONS = ["11.25", "11.0", "10.45"]
LINKS = ["httpLink", "httpBatchLink", "httpBatchStreamLink", "splitLink", "wsLink"]


@pytest.mark.parametrize("transformer", ["plain", "superjson"])
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_of_client_sees_the_same_api(node, url, version, link, transformer):
    check_calls(node, url, version, link, transformer, "GET")


@pytest.mark.parametrize("transformer", ["plain", "superjson"])
@pytest.mark.parametrize("link", LINKS[:3])
@pytest.mark.parametrize("version", VERSIONS[:2])
def test_queries_may_come_by_post_as_well(node, url, version, link, transformer):
    check_calls(node, url, version, link, transformer, "POST")


def check_calls(node, url, version, link, transformer, method):
    seen = run(node, "calls.mjs", url, link, transformer, method, version)
    is_superjson, is_socket = transformer == "superjson", link == "wsLink"
    queries = expected_queries(is_superjson=is_superjson, is_socket=is_socket)
    mutations = expected_mutations(is_superjson=is_superjson, is_socket=is_socket)
    # A batch link sends one request a tick; the client makes a call for each name but the skipped ones.
    skipped = transformer == "plain"
    batched = link != "httpLink"

    assert seen["queries"] == queries
    assert seen["mutations"] == mutations
    assert seen["alone"] == "hello alone"
    if not is_socket:
        assert seen["queryRequests"] == [method] * (1 if batched else len(queries) - skipped)
        assert seen["mutationRequests"] == ["POST"] * (1 if batched else len(mutations) - skipped)


SUBSCRIBING = [
    *(
        (version, link)
        for version in VERSIONS[:2]
        for link in ("httpSubscriptionLink", "wsLink", "splitLink")
    ),
    ("10.45", "wsLink"),
    ("10.45", "splitLink"),
]


@pytest.mark.parametrize("transformer", ["plain", "superjson"])
@pytest.mark.parametrize(("version", "link"), SUBSCRIBING)
def test_every_kind_of_client_can_subscribe(node, url, version, link, transformer):
    seen = run(node, "subscriptions.mjs", url, link, transformer, version)
    at = "2026-01-02T03:04:05.678Z"
    created = f"<Date {at}>" if transformer == "superjson" else at
    integer = "Expected an integer, got a string."
    invalid = refusal(f"to: {integer}", -32600, "BAD_REQUEST", 400, "count", fieldErrors={"to": [integer]})
    by_socket = link == "wsLink" or version == "10.45"

    assert seen == {
        "plainSub": {"heard": ["started", {"i": 0}, {"i": 1}, {"i": 2}], "end": "complete"},
        "one": {"heard": ["started", {"i": 0}], "end": "complete"},
        "count": {
            "heard": ["started", *({"id": str(n), "data": {"n": n}} for n in (1, 2, 3))],
            "end": "complete",
        },
        "resumed": {
            "heard": ["started", *({"id": str(n), "data": {"n": n}} for n in (2, 3))],
            "end": "complete",
        },
        "dated": {
            "heard": ["started", {"id": "a", "data": {"id": 1, "createdAt": created}}],
            "end": "complete",
        },
        "failed": {
            "heard": ["started", "one"],
            "error": refusal("no more", -32003, "FORBIDDEN", 403, "failSub"),
        },
        "invalid": {"heard": [], "error": invalid},
        "unknown": {
            "heard": [],
            "error": unknown("subscription", "nope", is_socket=True)
            if by_socket
            # An event source tells its page no more than that.
            else {
                "message": "Non-200 status code (404)",
                "code": 404 if version == "11.0" else None,
                "data": None,
            },
        },
        "forever": {"heard": ["started", 0, 1, 2], "end": "complete"},
        "stillOpen": 0,
    }


@pytest.mark.parametrize(("version", "link"), SUBSCRIBING[:-2])  # version 10 does not ask for what it missed
def test_a_client_goes_on_after_the_last_event_when_the_server_is_started_anew(node, version, link):
    server, url = start_server()
    port = url.split(":")[2].split("/")[0]
    client = subprocess.Popen(
        [node, "resume.mjs", url, link, version], cwd=CLIENT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert client.stdout
        assert client.stdout.readline() == "first\n"
        stop_server(server)
        server, _ = start_server(port)
        numbers = json.loads(client.stdout.readline())
        assert numbers == list(range(1, len(numbers) + 1))
    finally:
        client.kill()
        client.wait()
        client.stdout.close()
        stop_server(server)


# Bare sockets


def exchange(url: str, *requests: bytes) -> bytes:
    port = int(url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answers = b""
        for request in requests:
            connection.sendall(request)
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


def test_the_lock_files_name_no_registry():
    for folder in (CLIENT, CLIENT / "v11_0", CLIENT / "v10"):
        lock = json.loads((folder / "package-lock.json").read_text())
        assert not [name for name, package in lock["packages"].items() if "resolved" in package]
