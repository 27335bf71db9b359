"""Section 5 of the wire: the one-line answer for httpBatchStreamLink."""

import json

import pytest

from factory.trpc.gateway import Gateway
from factory.trpc.permissions import ANYONE
from factory.trpc.router import Registry, Router
from tests.trpc.asking import UNDEFINED_INPUT, ask, get, post

STREAM = {"trpc_accept": "application/jsonl"}


@pytest.mark.parametrize("header", ["trpc_accept", "accept"])
def test_a_plain_line_holds_every_envelope_by_index(header):
    answer = get("hello,nope", {"0": "a"}, batch=True, **{header: "application/jsonl"})

    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    assert answer.text == (
        '{"0":[[{"result":{"data":"hello a"}}]],'
        '"1":[[{"error":{"message":"No procedure found on path \\"nope\\"","code":-32004,'
        '"data":{"code":"NOT_FOUND","httpStatus":404,"path":"nope"}}}]]}\n'
    )


def test_a_superjson_line_is_serialised_whole():
    inputs = {"0": {"json": {"id": 7}}, "1": {"json": "CONFLICT"}}
    assert get("post.byId,fail", inputs, batch=True, **STREAM).text == (
        '{"json":{"0":[[{"result":{"data":{"id":7,"createdAt":"2026-01-02T03:04:05.678Z"}}}]],'
        '"1":[[{"error":{"message":"failed with CONFLICT","code":-32009,'
        '"data":{"code":"CONFLICT","httpStatus":409,"path":"fail"}}}]]},'
        '"meta":{"values":{"0.0.0.result.data.createdAt":["Date"]},"v":1}}\n'
    )
    assert get("hello", {"0": {"json": "a"}}, batch=True, **STREAM).text == (
        '{"json":{"0":[[{"result":{"data":"hello a"}}]]}}\n'
    )


def test_void_and_null_have_their_forms_on_a_line():
    assert post("voidMut", {}, batch=True, **STREAM).text == '{"0":[[{"result":{}}]]}\n'
    assert post("voidMut", {"0": UNDEFINED_INPUT}, batch=True, **STREAM).text == (
        '{"json":{"0":[[{"result":{}}]]}}\n'
    )
    assert get("nul", {}, batch=True, **STREAM).text == '{"0":[[{"result":{"data":null}}]]}\n'


def test_the_status_is_200_even_if_every_call_failed():
    assert get("nope,nada", batch=True, **STREAM).status == 200


def test_a_value_that_cannot_be_written_spoils_only_its_own_place():
    router = Router("")

    @router.query("odd", permission=ANYONE)
    def odd(call):
        """Return a date and something without a form."""
        from datetime import UTC, datetime

        return [datetime(2026, 1, 2, tzinfo=UTC), object()]

    @router.query("fine", permission=ANYONE)
    def fine(call):
        """Return one."""
        return 1

    inputs = {"0": UNDEFINED_INPUT, "1": UNDEFINED_INPUT}
    answer = get("odd,fine", inputs, batch=True, gateway=Gateway(Registry([router])), **STREAM)

    line = json.loads(answer.text)
    assert line["json"]["0"][0][0]["error"]["data"]["httpStatus"] == 500
    assert line["json"]["1"] == [[{"result": {"data": 1}}]]
    assert "meta" not in line


def test_streaming_takes_a_batch():
    answer = get("hello", **STREAM)

    assert answer.status == 400
    assert answer.json["error"]["message"] == ("Streaming requests must be batched (you can do a batch of 1)")


def test_failures_before_any_call_are_one_object_with_their_status_for_streams_too():
    answer = ask("POST", "ping", "batch=1", b"{}", content_type="text/plain", **STREAM)
    assert (answer.status, answer.json["error"]["json"]["data"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
