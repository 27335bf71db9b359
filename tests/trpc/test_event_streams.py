"""Server-sent events as `httpSubscriptionLink` reads them, byte by byte where that matters."""

import asyncio
import json

import pytest
from django.test import override_settings

from factory.limits.rates import Rate
from factory.limits.shared import Counter
from factory.trpc.gateway import Gateway
from factory.trpc.limits import Account, Limits
from factory.trpc.sse import EventStreams
from tests.conformance.procedures import open_streams, registry
from tests.live.listening import Listening, listening, refused
from tests.trpc.asking import get, post

# Procedures run in threads that other tests have left a database connection in, and those are looked after.
pytestmark = pytest.mark.django_db
GATEWAY = Gateway(registry)
STREAMS = EventStreams(GATEWAY, prefixes=("/api/trpc/",), ping_seconds=5.0)
UNDEFINED = {"json": None, "meta": {"values": ["undefined"], "v": 1}}


async def whole(path, given=None, *, streams=STREAMS, **options) -> str:
    """All that is said, from the first byte to the last."""
    stream = Listening(path, given, application=streams, **options)
    assert await stream.start() == 200
    said = b""
    while True:
        part = await stream.receive_output(timeout=5)
        said += part["body"]
        if not part["more_body"]:
            break
    await stream.wait(timeout=5)
    return said.decode()


CONNECTED = 'event: connected\ndata: {"reconnectAfterInactivityMs":20000}\n\n'
RETURN = "event: return\ndata: \n\n"


async def test_untracked_events_have_no_id_and_the_end_is_said():
    assert await whole("plainSub") == CONNECTED + 'data: {"i":0}\n\ndata: {"i":1}\n\n' + RETURN


async def test_the_headers_keep_proxies_from_holding_events_back():
    stream = Listening("plainSub", application=STREAMS)
    await stream.start()

    assert stream.headers == {
        b"content-type": b"text/event-stream",
        b"cache-control": b"no-cache, no-transform",
        b"x-accel-buffering": b"no",
        b"vary": b"trpc-accept, accept",
    }
    await stream.leave()


async def test_tracked_events_have_ids_and_superjson_is_data_by_data():
    at = '"createdAt":"2026-01-02T03:04:05.678Z"'
    assert await whole("dated") == f'{CONNECTED}data: {{"id":1,{at}}}\nid: a\n\n{RETURN}'
    annotated = f'{{"json":{{"id":1,{at}}},"meta":{{"values":{{"createdAt":["Date"]}},"v":1}}}}'
    assert await whole("dated", UNDEFINED) == f"{CONNECTED}data: {annotated}\nid: a\n\n{RETURN}"


@pytest.mark.parametrize(
    "ways",
    [
        {"headers": [(b"last-event-id", b"2")]},
        {"lastEventId": "2"},
        {"Last-Event-Id": "2"},
        {"headers": [(b"last-event-id", b"2")], "lastEventId": "1"},
    ],
)
@pytest.mark.parametrize("given", [{"to": 3}, {"json": {"to": 3}}])
async def test_the_last_event_id_comes_by_header_or_address_and_goes_into_the_input(ways, given):
    async with listening("count", given, application=STREAMS, **ways) as stream:
        assert (await stream.next())[0] == "3"
        assert await stream.next() == ("return", None)


async def test_a_last_event_id_makes_an_input_where_there_was_none_and_leaves_scalars_alone():
    async with listening("ticks", application=STREAMS, lastEventId="7") as stream:
        assert (await stream.next())[0] == "8"
    assert '{"i":0}' in await whole("plainSub", 1, lastEventId="7")


async def test_a_refusal_in_the_middle_is_an_event_and_final():
    assert await whole("failSub") == (
        f'{CONNECTED}data: "one"\n\nevent: serialized-error\ndata: {{"message":"no more","code":-32003,'
        '"data":{"code":"FORBIDDEN","httpStatus":403,"path":"failSub"}}\n\n'
    )


async def test_streams_count_as_requests_and_one_too_many_is_refused():
    account = Account("somebody", Rate(1), True)
    limits = Limits(Counter(""), lambda request, identity: account)
    streams = EventStreams(Gateway(registry, limits=limits), prefixes=("/api/trpc/",), ping_seconds=5.0)

    first, second = [await whole("dated", streams=streams) for _ in range(2)]

    assert first.startswith(CONNECTED)
    assert second == (
        'event: serialized-error\ndata: {"message":"Too many requests: at most 1 in 60 s.","code":-32029,'
        '"data":{"code":"TOO_MANY_REQUESTS","httpStatus":429,"path":"dated"}}\n\n'
    )


async def test_superjson_clients_get_superjson_errors_and_others_both():
    shape = {
        "message": "no more",
        "code": -32003,
        "data": {"code": "FORBIDDEN", "httpStatus": 403, "path": "failSub"},
    }
    said = await whole("failSub", UNDEFINED)
    assert json.loads(said.rpartition("data: ")[2]) == {"json": shape}

    stream = Listening("count", application=STREAMS, input="{bad")
    await stream.start()
    _, error = await stream.next()
    assert error.pop("json") == error
    assert error["data"] == {"code": "BAD_REQUEST", "httpStatus": 400, "path": "count"}
    await stream.wait(timeout=5)


@pytest.mark.parametrize(
    ("params", "words"),
    [("{", "Not JSON-parsable query params"), ("[1]", "Invalid connection params shape")],
)
async def test_nonsense_for_connection_params_is_refused(params, words):
    assert await refused("plainSub", application=STREAMS, connectionParams=params) == ("PARSE_ERROR", words)


async def test_a_break_nobody_foresaw_is_not_told():
    assert await refused("breaks", application=STREAMS) == ("INTERNAL_SERVER_ERROR", "Internal server error")


async def test_a_quiet_stream_is_kept_alive():
    streams = EventStreams(GATEWAY, prefixes=("/api/trpc/",), ping_seconds=0.02)
    async with listening("quiet", application=streams) as stream:
        assert [await stream.lines() for _ in range(2)] == [{"event": "ping", "data": ""}] * 2


async def test_the_generator_ends_when_its_client_goes():
    before = open_streams["forever"]
    async with listening("forever", application=STREAMS) as stream:
        assert await stream.next() == (None, 0)
        assert open_streams["forever"] == before + 1
    assert open_streams["forever"] == before


async def test_a_client_that_goes_before_anything_was_said_leaves_nothing_behind():
    before = set(asyncio.all_tasks())
    stream = Listening("forever", application=STREAMS)
    await stream.send_input({"type": "http.disconnect"})
    await stream.wait(timeout=5)
    assert set(asyncio.all_tasks()) == before
    assert open_streams["forever"] == 0


@override_settings(ALLOWED_HOSTS=["plant.example"])
async def test_a_name_that_is_not_ours_is_refused():
    code, _ = await refused("plainSub", application=STREAMS)
    assert code == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("method", "path", "query", "served"),
    [
        ("GET", "/api/trpc/count", b"", True),
        ("GET", "/api/trpc/count/", b"input=1", True),
        ("POST", "/api/trpc/count", b"", False),
        ("HEAD", "/api/trpc/count", b"", False),
        ("GET", "/api/trpc/count", b"batch=1", False),
        ("GET", "/api/trpc/hello", b"", False),
        ("GET", "/api/trpc/count,count", b"", False),
        ("GET", "/elsewhere/count", b"", False),
    ],
)
def test_only_single_gets_of_subscriptions_are_streams(method, path, query, served):
    assert STREAMS.serves({"method": method, "path": path, "query_string": query}) is served


def test_the_gateway_itself_sends_no_stream():
    assert get("plainSub").status == 501
    assert post("plainSub").status == 405
    assert get("plainSub,plainSub", {}, batch=True).status == 400
    assert (
        get("plainSub,plainSub", {}, batch=True).json[0]["error"]["message"]
        == "Cannot batch subscription calls"
    )
    assert get("plainSub,hello", {}, batch=True).json["error"]["message"] == (
        "Cannot mix procedure types in call: subscription, query"
    )
