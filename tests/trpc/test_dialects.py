"""Sections 4.1 and 4.4 of the wire: plain and superjson clients at one address."""

from datetime import UTC, datetime

import pytest

from factory.trpc.gateway import Gateway
from factory.trpc.permissions import ANYONE
from factory.trpc.router import Registry, Router
from tests.conformance.procedures import registry
from tests.trpc.asking import UNDEFINED_INPUT, ask, get, post

VOID_DATA = '{"json":null,"meta":{"values":["undefined"],"v":1}}'


def test_superjson_queries_answer_to_the_byte():
    assert get("post.byId", {"json": {"id": 7}}).text == (
        '{"result":{"data":{"json":{"id":7,"createdAt":"2026-01-02T03:04:05.678Z"},'
        '"meta":{"values":{"createdAt":["Date"]},"v":1}}}}'
    )
    assert get("noInput", UNDEFINED_INPUT).text == '{"result":{"data":{"json":"ok"}}}'
    assert get("echo", {"json": None}).text == '{"result":{"data":{"json":null}}}'
    assert get("nul", UNDEFINED_INPUT).text == '{"result":{"data":{"json":null}}}'


def test_superjson_mutations_answer_to_the_byte():
    assert post("ping", UNDEFINED_INPUT).text == '{"result":{"data":{"json":"pong"}}}'
    assert post("voidMut", UNDEFINED_INPUT).text == f'{{"result":{{"data":{VOID_DATA}}}}}'
    assert post("echoMut", UNDEFINED_INPUT).text == f'{{"result":{{"data":{VOID_DATA}}}}}'


def test_superjson_errors_are_wrapped_whole():
    answer = get("fail", {"json": "CONFLICT"})
    assert answer.status == 409
    assert answer.text == (
        '{"error":{"json":{"message":"failed with CONFLICT","code":-32009,'
        '"data":{"code":"CONFLICT","httpStatus":409,"path":"fail"}}}}'
    )


@pytest.mark.parametrize(("path", "status"), [("nope", 404), ("ping", 405)])
def test_calls_that_never_run_are_answered_in_the_callers_words_too(path, status):
    answer = get(path, UNDEFINED_INPUT)
    assert (answer.status, list(answer.json["error"])) == (status, ["json"])


def test_superjson_batches_answer_to_the_byte():
    inputs = {
        "0": {"json": {"id": 7}},
        "1": {"json": "x"},
        "2": {"json": "CONFLICT"},
        "3": UNDEFINED_INPUT,
    }
    answer = get("post.byId,hello,fail,noInput", inputs, batch=True)

    assert answer.status == 207
    assert answer.text == (
        '[{"result":{"data":{"json":{"id":7,"createdAt":"2026-01-02T03:04:05.678Z"},'
        '"meta":{"values":{"createdAt":["Date"]},"v":1}}}},'
        '{"result":{"data":{"json":"hello x"}}},'
        '{"error":{"json":{"message":"failed with CONFLICT","code":-32009,'
        '"data":{"code":"CONFLICT","httpStatus":409,"path":"fail"}}}},'
        '{"result":{"data":{"json":"ok"}}}]'
    )
    answer = post("ping,post.add", {"0": UNDEFINED_INPUT, "1": {"json": {"title": "t"}}}, batch=True)
    assert answer.text == (
        '[{"result":{"data":{"json":"pong"}}},{"result":{"data":{"json":{"id":1,"title":"t"}}}}]'
    )


def test_values_superjson_annotates_come_back_annotated():
    sent = {
        "json": {"at": "2026-01-02T03:04:05.678Z", "n": "NaN", "big": "12345678901234567890123", "u": None},
        "meta": {
            "values": {"at": ["Date"], "n": ["number"], "big": ["bigint"], "u": ["undefined"]},
            "v": 1,
        },
    }
    assert post("echoMut", sent).json["result"]["data"] == {
        "json": {"at": "2026-01-02T03:04:05.678Z", "n": "NaN", "big": 12345678901234567890123},
        "meta": {"values": {"at": ["Date"], "n": ["number"]}, "v": 1},
    }


def test_a_lone_envelope_in_a_plain_batch_stays_a_value():
    answer = get("echo,echo", {"0": {"json": 1}, "1": 2}, batch=True)
    assert answer.text == '[{"result":{"data":{"json":1}}},{"result":{"data":2}}]'
    assert get("echo,echo", {"0": {"json": 1}}, batch=True).text == (
        '[{"result":{"data":{"json":1}}},{"result":{}}]'
    )


@pytest.mark.parametrize("value", ['{"json":1,"other":2}', '{"json":1,"meta":{"mine":1}}', '{"meta":null}'])
def test_plain_input_that_resembles_an_envelope_stays_plain(value):
    assert get("echo", value).text == f'{{"result":{{"data":{value}}}}}'


@pytest.mark.parametrize(
    "sent",
    [
        {"json": "x", "meta": {"values": ["Nope"], "v": 1}},
        {"json": "x", "meta": {"values": ["Date"], "v": 1}},
        {"json": {}, "meta": {"values": {"__proto__": ["Date"]}, "v": 1}},
        {"json": {}, "meta": {"values": 5, "v": 1}},
    ],
)
def test_annotations_that_make_no_sense_are_a_bad_request(sent):
    answer = post("echoMut", sent)
    assert (answer.status, answer.json["error"]["json"]["data"]["code"]) == (400, "BAD_REQUEST")
    assert post("ping", sent).status == 200


# Where nothing tells who is asking


@pytest.mark.parametrize(
    "answer",
    [
        lambda gateway: ask("POST", "ping", content_type="text/plain", gateway=gateway),
        lambda gateway: get("echo", "{bad", gateway=gateway),
        lambda gateway: get("noInput,ping", batch=True, gateway=gateway),
        lambda gateway: get("hello", query="connectionParams=5", gateway=gateway),
    ],
)
def test_errors_nobody_can_place_are_said_in_both_ways_unless_the_mount_is_of_one_kind(answer):
    both = answer(Gateway(registry)).json["error"]
    plain = answer(Gateway(registry, transformer="plain")).json["error"]
    wrapped = answer(Gateway(registry, transformer="superjson")).json["error"]

    assert both == {**plain, "json": plain}
    assert wrapped == {"json": plain}


# Mounts of one kind


def test_a_plain_mount_takes_envelopes_for_values():
    assert get("echo", {"json": 1}, gateway=Gateway(registry, transformer="plain")).json["result"][
        "data"
    ] == {"json": 1}


def test_a_superjson_mount_wants_envelopes():
    gateway = Gateway(registry, transformer="superjson")

    assert get("noInput", gateway=gateway).text == '{"result":{"data":{"json":"ok"}}}'
    assert get("echo", gateway=gateway).text == f'{{"result":{{"data":{VOID_DATA}}}}}'
    assert get("echo", {"json": 1}, gateway=gateway).text == '{"result":{"data":{"json":1}}}'
    answer = get("echo", {"other": 1}, gateway=gateway)
    assert (answer.status, answer.json["error"]["json"]["data"]["code"]) == (400, "BAD_REQUEST")


# What a handler may return


def returned(value, **kwargs):
    router = Router("")

    @router.query("gives", permission=ANYONE)
    def gives(call):
        """Return the value."""
        return value

    return get("gives", gateway=Gateway(Registry([router])), **kwargs).text


def test_numbers_json_does_not_know_become_null_for_plain_clients():
    assert returned([float("nan"), float("inf"), 1.5]) == '{"result":{"data":[null,null,1.5]}}'
    assert returned([float("nan"), 2**70]) == f'{{"result":{{"data":[null,{2**70}]}}}}'
    assert returned([float("nan")], input={"json": None}) == (
        '{"result":{"data":{"json":["NaN"],"meta":{"values":{"0":["number"]},"v":1}}}}'
    )


def test_other_python_values_have_a_form():
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    from django.utils.translation import gettext_lazy

    value = {
        "at": datetime(2026, 1, 2, 3, 4, 5, 678_999, UTC),
        "day": date(2026, 1, 2),
        "money": Decimal("1.50"),
        "id": UUID(int=1),
        "word": gettext_lazy("Monday"),
        "pair": (1, 2),
        "surrogate": "\ud800",
        7: "key",
    }
    assert returned(value) == (
        '{"result":{"data":{"at":"2026-01-02T03:04:05.678Z","day":"2026-01-02","money":1.5,'
        '"id":"00000000-0000-0000-0000-000000000001","word":"Monday","pair":[1,2],'
        '"surrogate":"\\ud800","7":"key"}}}'
    )


def test_what_has_no_form_is_a_bug_and_not_half_an_answer():
    assert '"httpStatus":500' in returned(object())
