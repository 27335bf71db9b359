"""Hostile input, on every way in: no answer is a 5xx, nothing breaks, and nobody's memory is filled."""

import asyncio
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.trpc.frames import Asked, read_frames
from factory.trpc.gateway import Gateway
from factory.trpc.socket import TrpcSocket
from factory.trpc.sse import EventStreams
from factory.trpc.wire import MOST_VALUES, Malformed, parse_json
from tests.conformance.procedures import registry
from tests.live.listening import Listening, connected
from tests.services import memory_of
from tests.trpc.asking import ask
from tests.trpc.test_clients import start_server, stop_server
from tests.trpc.test_properties import BODIES, CALM, PATHS, no_surprise

# Procedures run in threads that other tests have left a database connection in, and those are looked after.
pytestmark = pytest.mark.django_db

# Pieces of JSON and of what only looks like it; put together without regard for sense.
PIECES = st.sampled_from(
    [
        *'[]{},:"',
        *(
            "null",
            "true",
            "0",
            "-0",
            "1e400",
            "-1e-400",
            "NaN",
            "Infinity",
            "9" * 400,
            "0." + "1" * 400,
            "01",
        ),
        *(
            '"\\ud800"',
            '"\\udfff\\ud800"',
            '"\\u0000"',
            '"\ufeff"',
            '"a"',
            "\\",
            "\x00",
            "\ufeff",
            "\U0001f600",
        ),
        *(
            '"json":',
            '"meta":',
            '"values":',
            '"v":1',
            '"referentialEqualities":',
            '"__proto__":',
            '"constructor":',
        ),
        *(
            '["Date"]',
            '["bigint"]',
            '["map"]',
            '["set"]',
            '["class","x"]',
            '["custom","x"]',
            '[["typed-array","x"]]',
        ),
        *(
            '{"json":',
            '{"json":null,"meta":{"values":',
            '"a.b\\\\.c"',
            '"0.0.0"',
            '".."',
            '"9999999999999999999"',
        ),
    ]
)
SOUP = st.lists(PIECES, max_size=30).map("".join)
NESTED = st.builds(
    lambda depth, pair, core: pair[0] * depth + core + pair[1] * depth,
    st.sampled_from([1, 100, 239, 240, 241, 254, 255, 1023, 1025, 20_000]),
    st.sampled_from([("[", "]"), ('{"a":', "}"), ('{"json":', "}"), ('{"json":[', "]}"), ("[", "")]),
    SOUP,
)
TEXTS = SOUP | NESTED | BODIES.map(lambda body: body.decode("latin-1"))
WRAPPED = st.sampled_from(["%s", '{"0":%s}', '{"json":%s}', '{"json":1,"meta":{"values":{"a":%s}}}'])


@settings(CALM, max_examples=300)
@given(PATHS, TEXTS, WRAPPED, st.booleans())
def test_no_input_over_http_ends_in_a_5xx(path, text, wrap, batch):
    body = wrap.replace("%s", text).encode("utf-8", "surrogatepass")
    query = "batch=1" if batch else ""

    no_surprise(ask("POST", path, query, body))
    no_surprise(ask("GET", path, f"{query}&input={quote(body)}"))
    old = ask("POST", path, query, body, trpc_batch_mode="stream")
    assert old.status < 500, old.text
    json.loads(old.text)


FRAMES = st.sampled_from(
    [
        "%s",
        "[%s]",
        '{"id":%s,"method":"query","params":{"path":"echo"}}',
        '{"id":1,"method":%s}',
        '{"id":1,"method":"query","params":%s}',
        '{"id":1,"method":"query","params":{"path":%s}}',
        '{"id":1,"method":"query","params":{"path":"echo","input":%s}}',
        '{"id":1,"method":"mutation","params":{"path":"post.add","input":%s}}',
        '{"id":1,"method":"subscription","params":{"path":"count","input":%s}}',
        '{"id":1,"method":"subscription","params":{"path":"count","lastEventId":%s}}',
    ]
)


@settings(CALM, max_examples=500)
@given(FRAMES, TEXTS)
def test_every_frame_is_a_request_or_says_why_it_is_none(frame, text):
    asked = read_frames(frame.replace("%s", text), None)
    assert all(isinstance(each, Asked) for each in asked)


@settings(CALM, max_examples=100)
@given(FRAMES, TEXTS)
def test_no_frame_breaks_a_socket_or_says_that_something_broke(frame, text):
    asyncio.run(_talk(frame.replace("%s", text)))


async def _talk(frame):
    async with connected(application=TrpcSocket(Gateway(registry))) as socket:
        await socket.send_input({"type": "websocket.receive", "text": frame})
        await socket.ask({"id": "last", "method": "query", "params": {"path": "noInput"}})
        told = await socket.next()
        while told["id"] != "last":
            if "error" in told:
                error = told["error"].get("json", told["error"])
                assert error["data"]["httpStatus"] < 500, told
            told = await socket.next()


@settings(CALM, max_examples=100)
@given(st.sampled_from(["count", "plainSub", "failSub"]), TEXTS, TEXTS, TEXTS)
def test_no_subscription_breaks(path, text, last, params):
    asyncio.run(_listen(path, text, last[:2000], params))


async def _listen(path, text, last, params):
    streams = EventStreams(Gateway(registry), prefixes=("/api/trpc/",), ping_seconds=5)
    header = (b"last-event-id", last.encode("utf-8", "surrogatepass"))
    stream = Listening(path, input=text, connectionParams=params, application=streams, headers=[header])
    assert await stream.start() == 200
    for _ in range(20):
        event, data = await stream.next()
        if event == "serialized-error":
            data = data.get("json", data)
            assert data["data"]["httpStatus"] < 500, data
        if event in {"serialized-error", "return"}:
            break
    await stream.leave()


# As much as the door lets in, made of whatever costs most

SIZE = 5 * 1024 * 1024 - 1024
UNDER = MOST_VALUES - 100


def many(piece: str, before: str = "[", after: str = "]", *, most: int = SIZE) -> bytes:
    count = min((SIZE - len(before) - len(after)) // (len(piece) + 1), most)
    return (before + ",".join([piece] * count) + after).encode()


def numbered(piece: str, before: str, after: str, *, most: int = SIZE) -> bytes:
    count = min((SIZE - len(before) - len(after)) // (len(piece) + 8), most)
    return (before + ",".join(piece % i for i in range(count)) + after).encode()


HOSTILE = {
    "lists": many("[]"),
    "objects": many('{"a":0}'),
    "numbers": many("1.5"),
    "strings": many('"ab"'),
    "members": numbered('"%x":0', "{", "}"),
    "nested": many("[" * 200 + "]" * 200),
    "open": b"[" * SIZE,
    "digits": b"1" * SIZE,
    "a long string": b'"' + b"a" * SIZE + b'"',
    "escapes": b'"' + b"\\u00e9" * (SIZE // 6) + b'"',
    "quotes": b'"' + b'\\"' * (SIZE // 2) + b'"',
    "strings without commas": b'""' * (SIZE // 2),
    "commas in a string": b'"' + b"a,[{" * (SIZE // 4) + b'"',
    "broken utf-8": b'"' + b"\xff" * SIZE + b'"',
    "annotations": numbered('"a.%d":["Date"]', '{"json":[],"meta":{"values":{', "}}}"),
    "a long path": b'{"json":{"a":1},"meta":{"values":{"' + b"a." * (SIZE // 2 - 60) + b'a":["Date"]}}}',
    "a long bigint": b'{"json":"' + b"9" * SIZE + b'","meta":{"values":["bigint"]}}',
    "a map": many("[0,0]", '{"json":[', '],"meta":{"values":["map"]}}'),
    "equalities": many('"b"', '{"json":{"a":{}},"meta":{"referentialEqualities":{"a":[', "]}}}"),
    "just enough objects": many('{"a":0}', '{"json":[', "]}", most=UNDER // 2),
    "just enough members": numbered('{"a%x":0.5}', '{"json":[', "]}", most=UNDER // 2),
    "just enough strings": numbered('"a%x"', "[", "]", most=UNDER),
    "just enough annotations": numbered(
        '"a.%d":["Date"]', '{"json":[],"meta":{"values":{', "}}}", most=UNDER // 2
    ),
}
WARM = many('{"a":0}', most=10)


@pytest.mark.parametrize(("text", "count"), [(b'"a,b"', 0), (b'"\\",["', 0), (b'[1,{"a":"[,"}]', 3)])
def test_what_stands_in_strings_is_not_counted(text, count, monkeypatch):
    monkeypatch.setattr("factory.trpc.wire.MOST_VALUES", count)
    assert parse_json(text) == json.loads(text)
    monkeypatch.setattr("factory.trpc.wire.MOST_VALUES", count - 1)
    assert count == 0 or isinstance(parse_json(text), Malformed)


@pytest.fixture(scope="module")
def server():
    process, url = start_server()
    send(url, "echoMut", WARM)
    yield process.pid, url
    stop_server(process)


def send(url, path, body) -> int:
    request = urllib.request.Request(f"{url}/{path}", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            json.load(refusal)
            return refusal.code


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells how much memory a process had")
@pytest.mark.parametrize("path", ["echoMut", "post.add?batch=1"])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_body_takes_more_than_50_mb_or_ends_in_a_5xx(server, name, path):
    pid, url = server
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
    before = memory_of(pid, "VmRSS")

    assert send(url, path, HOSTILE[name]) < 500
    assert memory_of(pid, "VmHWM") - before < 50 * 1024 * 1024
