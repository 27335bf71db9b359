"""Over the limit, in each shape in which a client may ask."""

import json

from factory.limits.rates import Rate
from factory.limits.shared import Counter
from factory.trpc.gateway import Gateway
from factory.trpc.limits import Account, Limits
from tests.conformance.procedures import registry
from tests.trpc.asking import UNDEFINED_INPUT, get, post

SHAPE = {"code": -32029, "message": "Too many requests: at most 3 in 60 s."}


def limited(count=3, *, by_call=True, url=""):
    account = Account("somebody", Rate(count), by_call)
    return Gateway(registry, limits=Limits(Counter(url), lambda request, identity: account))


def rate_headers(answer):
    return [answer.header(f"X-RateLimit-{name}") for name in ("Limit", "Remaining")]


def test_answers_tell_what_is_left():
    gateway = limited()

    told = [rate_headers(get("hello", gateway=gateway)) for _ in range(3)]

    assert told == [["3", "2"], ["3", "1"], ["3", "0"]]


def test_the_time_of_reset_is_told_in_seconds_since_the_epoch(time_machine):
    time_machine.move_to(1_780_315_200, tick=False)

    reset = int(get("hello", gateway=limited()).header("X-RateLimit-Reset"))

    assert 1_780_315_200 < reset <= 1_780_315_260


def test_one_too_many_is_refused_and_told_when_to_come_back():
    gateway = limited()
    for _ in range(3):
        assert get("hello", gateway=gateway).status == 200

    answer = get("hello", gateway=gateway)

    assert answer.status == 429
    assert answer.json == {
        "error": {**SHAPE, "data": {"code": "TOO_MANY_REQUESTS", "httpStatus": 429, "path": "hello"}}
    }
    assert rate_headers(answer) == ["3", "0"]
    assert 1 <= int(answer.header("Retry-After")) <= 61


def test_a_superjson_client_is_refused_in_its_own_way():
    gateway = limited(1)
    get("hello", UNDEFINED_INPUT, gateway=gateway)

    answer = get("hello", UNDEFINED_INPUT, gateway=gateway)

    assert answer.status == 429
    assert answer.json["error"]["json"]["data"]["code"] == "TOO_MANY_REQUESTS"


def test_a_batch_counts_once_for_each_of_its_calls():
    gateway = limited()

    answer = get("hello,noInput", batch=True, gateway=gateway)

    assert (answer.status, rate_headers(answer)) == (200, ["3", "1"])


def test_of_a_batch_that_does_not_fit_the_first_calls_run():
    gateway = limited()
    get("hello", gateway=gateway)

    answer = get("hello,noInput,hello", batch=True, gateway=gateway)

    assert answer.status == 207
    assert [each.get("result", {}).get("data") for each in answer.json] == ["hello world", "ok", None]
    assert answer.json[2]["error"]["data"]["code"] == "TOO_MANY_REQUESTS"
    assert answer.header("Retry-After") is not None


def test_a_batch_over_the_limit_is_refused_call_by_call():
    gateway = limited(1)
    get("hello", gateway=gateway)

    answer = get("hello,noInput", batch=True, gateway=gateway)

    assert answer.status == 429
    assert [each["error"]["data"]["path"] for each in answer.json] == ["hello", "noInput"]


def test_a_streaming_batch_over_the_limit_is_a_line_of_refusals():
    gateway = limited(1)
    get("hello", gateway=gateway)

    answer = get("hello,noInput", batch=True, gateway=gateway, trpc_accept="application/jsonl")

    assert answer.status == 200
    line = json.loads(answer.text)
    assert [line[index][0][0]["error"]["data"]["code"] for index in "01"] == ["TOO_MANY_REQUESTS"] * 2


def test_where_requests_count_a_batch_is_one():
    gateway = limited(2, by_call=False)

    answers = [get("hello,noInput,hello", batch=True, gateway=gateway) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert len(answers[2].json) == 3


def test_what_cannot_be_read_counts_too_and_no_procedure_runs_over_the_limit():
    gateway = limited(2)

    bad = [post("ping", b"x", content_type="text/plain", gateway=gateway).status for _ in range(3)]
    void = post("ping", gateway=gateway)

    assert (bad, void.status) == ([415, 415, 429], 429)


def test_with_the_counter_away_requests_are_served_and_nothing_is_said():
    gateway = limited(1, url="unix:///nowhere/at/all.sock")

    answers = [get("hello", gateway=gateway) for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3
    assert rate_headers(answers[2]) == [None, None]


def test_without_a_rate_nobody_counts():
    gateway = Gateway(registry, limits=Limits(Counter(), lambda request, identity: Account("x", None)))

    assert rate_headers(get("hello", gateway=gateway)) == [None, None]
