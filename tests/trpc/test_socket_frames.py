"""The frames of `wsLink`."""

import json

import pytest
from asgiref.sync import sync_to_async

from factory.limits.rates import Rate
from factory.trpc.gateway import Gateway
from factory.trpc.socket import AT_ONCE, TrpcSocket
from tests.conformance.procedures import open_streams, registry
from tests.live.listening import connected, subscribe

# Procedures run in threads that other tests have left a database connection in, and those are looked after.
pytestmark = pytest.mark.django_db
UNDEFINED = {"json": None, "meta": {"values": ["undefined"], "v": 1}}


def new_socket(**options):
    return TrpcSocket(Gateway(registry), **options)


def talking(query="", **options):
    return connected(application=new_socket(**options), query=query)


def call(id, path, given=None, method="query", **more):
    return {
        "id": id,
        "method": method,
        "params": {"path": path, **({} if given is None else {"input": given})},
        **more,
    }


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (call(1, "hello", "a"), {"id": 1, "result": {"type": "data", "data": "hello a"}}),
        (call("x", "hello"), {"id": "x", "result": {"type": "data", "data": "hello world"}}),
        (call(2, "nul"), {"id": 2, "result": {"type": "data", "data": None}}),
        (call(3, "voidMut", method="mutation"), {"id": 3, "result": {"type": "data"}}),
        (
            call(3, "voidMut", UNDEFINED, method="mutation"),
            {"id": 3, "result": {"type": "data", "data": UNDEFINED}},
        ),
        (
            call(4, "post.byId", {"json": {"id": 7}}, jsonrpc="2.0"),
            {
                "id": 4,
                "jsonrpc": "2.0",
                "result": {
                    "type": "data",
                    "data": {
                        "json": {"id": 7, "createdAt": "2026-01-02T03:04:05.678Z"},
                        "meta": {"values": {"createdAt": ["Date"]}, "v": 1},
                    },
                },
            },
        ),
    ],
)
async def test_a_call_is_answered_under_its_id(asked, answer):
    async with talking() as socket:
        await socket.ask(asked)
        assert await socket.next() == answer


@pytest.mark.parametrize(
    ("asked", "path", "method"),
    [
        ("query", "ping", "query"),
        ("mutation", "hello", "mutation"),
        ("subscription", "hello", "subscription"),
        ("query", "nope", "query"),
    ],
)
async def test_a_procedure_of_another_kind_is_not_there(asked, path, method):
    async with talking() as socket:
        await socket.ask(call(1, path, method=method))
        error = (await socket.next())["error"]
    assert (error["message"], error["data"]["code"], error["data"]["path"]) == (
        f'No "{asked}"-procedure on path "{path}"',
        "NOT_FOUND",
        path,
    )


async def test_a_list_in_one_frame_is_answered_one_by_one_in_whatever_order():
    async with talking() as socket:
        await socket.ask(call(1, "slow", 200), call(2, "hello"), call(3, "ping", method="mutation"))
        answers = [(await socket.next())["id"] for _ in range(3)]
    assert (answers[2], sorted(answers)) == (1, [1, 2, 3])


async def test_a_subscription_is_started_told_and_stopped():
    async with talking() as socket:
        await socket.ask(subscribe(1, "count", {"to": 2}))
        heard = [await socket.next() for _ in range(4)]
    assert heard == [
        {"id": 1, "result": {"type": "started"}},
        {"id": 1, "result": {"type": "data", "data": {"id": "1", "data": {"n": 1}}, "id": "1"}},
        {"id": 1, "result": {"type": "data", "data": {"id": "2", "data": {"n": 2}}, "id": "2"}},
        {"id": 1, "result": {"type": "stopped"}},
    ]


async def test_superjson_wraps_id_and_data_together():
    async with talking() as socket:
        await socket.ask(subscribe(1, "dated", UNDEFINED))
        await socket.next()
        told = await socket.next()
    assert told["result"] == {
        "type": "data",
        "id": "a",
        "data": {
            "json": {"id": "a", "data": {"id": 1, "createdAt": "2026-01-02T03:04:05.678Z"}},
            "meta": {"values": {"data.createdAt": ["Date"]}, "v": 1},
        },
    }


async def test_the_last_event_id_goes_into_the_input():
    async with talking() as socket:
        await socket.ask(subscribe(1, "count", {"to": 3}, lastEventId="2"))
        await socket.next()
        assert (await socket.next())["result"]["id"] == "3"


async def test_stopping_ends_the_generator_and_its_id_may_be_used_again():
    async with talking() as socket:
        await socket.ask(subscribe(1, "forever"))
        assert [(await socket.next())["result"]["type"] for _ in range(2)] == ["started", "data"]
        await socket.ask(subscribe(1, "plainSub"))
        duplicate = await socket.next()
        while "error" not in duplicate:
            duplicate = await socket.next()
        assert duplicate["error"]["message"] == "Duplicate id 1"
        await socket.ask({"id": 1, "method": "subscription.stop"}, {"id": 99, "method": "subscription.stop"})
        while (await socket.next())["result"]["type"] != "stopped":
            pass
        assert open_streams["forever"] == 0
        await socket.ask(subscribe(1, "plainSub", 0))
        assert [(await socket.next())["result"]["type"] for _ in range(2)] == ["started", "stopped"]


async def test_generators_end_with_the_connection():
    async with talking() as socket:
        await socket.ask(subscribe(1, "forever"), subscribe(2, "forever"))
        while open_streams["forever"] < 2:
            await socket.next()
    assert open_streams["forever"] == 0


async def test_an_error_ends_a_subscription():
    async with talking() as socket:
        await socket.ask(subscribe(1, "failSub"))
        heard = [await socket.next() for _ in range(3)]
        assert await socket.receive_nothing(timeout=0.1)
    assert heard[1] == {"id": 1, "result": {"type": "data", "data": "one"}}
    assert heard[2]["error"]["data"] == {"code": "FORBIDDEN", "httpStatus": 403, "path": "failSub"}


@pytest.mark.parametrize(
    ("frame", "id"),
    [
        (" ", None),
        ("{", None),
        ("7", None),
        ("[7]", None),
        ("{}", None),
        ('{"id":true,"method":"query","params":{"path":"hello"}}', None),
        ('{"id":null,"method":"query","params":{"path":"hello"}}', None),
        ('{"id":1}', 1),
        ('{"id":1,"method":"nope"}', 1),
        ('{"id":1,"method":"query"}', 1),
        ('{"id":1,"method":"query","params":[]}', 1),
        ('{"id":1,"method":"query","params":{"path":7}}', 1),
        ('{"id":1,"method":"query","params":{"path":"hello","lastEventId":7}}', 1),
    ],
)
async def test_a_frame_that_is_none_is_answered_and_the_socket_stays_open(frame, id):
    async with talking() as socket:
        await socket.send_to(text_data=frame)
        told = await socket.next()
        assert (told["id"], told["error"]["code"], told["error"]["json"]["data"]["code"]) == (
            id,
            -32700,
            "PARSE_ERROR",
        )
        await socket.ask(call(2, "noInput"))
        assert (await socket.next())["result"]["data"] == "ok"


async def test_a_ping_is_answered_and_a_pong_is_nothing():
    async with talking() as socket:
        await socket.send_to(text_data="PONG")
        await socket.send_to(text_data="PING")
        assert await socket.receive_from(timeout=5) == "PONG"


async def test_requests_wait_for_the_connection_params_where_they_are_announced():
    async with talking("?connectionParams=1") as socket:
        await socket.ask({"method": "connectionParams", "data": {"token": "abc"}})
        await socket.ask(call(1, "whoami"))
        assert (await socket.next())["result"]["data"] == {"headers": {"auth": "Bearer abc"}}


@pytest.mark.parametrize(
    "frame", ['{"method":"connectionParams","data":[1]}', '{"id":1,"method":"query"}', "{", "7"]
)
async def test_other_first_frames_end_the_connection(frame):
    async with talking("?connectionParams=1") as socket:
        await socket.send_to(text_data=frame)
        told = await socket.next()
        assert (told["id"], told["error"]["data"]["code"]) == (None, "PARSE_ERROR")
        assert await socket.closed_with() == 4400


async def test_too_many_requests_end_the_connection():
    async with talking(rate=Rate(3)) as socket:
        await socket.ask(*(call(n, "noInput") for n in range(4)))
        told = await socket.next()
        assert (told["id"], told["error"]["data"]["code"]) == (None, "TOO_MANY_REQUESTS")
        assert await socket.closed_with() == 4429


async def test_a_connection_has_so_many_calls_at_a_time_and_no_more():
    async with talking() as socket:
        await socket.ask(*(subscribe(n, "quiet") for n in range(AT_ONCE + 1)))
        told = [await socket.next() for _ in range(AT_ONCE + 1)]
    refused = [each["id"] for each in told if "error" in each]
    assert refused == [AT_ONCE]


async def test_before_a_process_ends_its_clients_are_asked_to_move_over(monkeypatch):
    monkeypatch.setattr("factory.trpc.socket.RECONNECT_GRACE", 0)
    application = new_socket()
    async with connected(application=application) as socket:
        await socket.ask(call(1, "noInput"))
        await socket.next()
        await sync_to_async(application.say_goodbye, thread_sensitive=False)()
        assert await socket.next() == {"id": None, "method": "reconnect"}
        await socket.ask(call(2, "noInput"))  # what is asked meanwhile is still answered
        assert (await socket.next())["id"] == 2


def test_nobody_there_is_nobody_to_tell():
    new_socket().say_goodbye()


async def test_what_a_break_says_stays_ours():
    async with talking() as socket:
        await socket.ask(call(1, "boom"))
        assert (await socket.next())["error"]["message"] == "Internal server error"


async def test_an_answer_is_strict_json():
    async with talking() as socket:
        await socket.send_to(text_data='{"id":1,"method":"query","params":{"path":"echo","input":"\\ud800"}}')
        text = await socket.receive_from(timeout=5)
    assert json.loads(text)["id"] in (1, None)
