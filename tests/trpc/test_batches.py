"""Section 2 of the wire: several calls in one request."""

import pytest
from django.db import connection, transaction

from factory.trpc.gateway import Gateway
from factory.trpc.permissions import ANYONE
from factory.trpc.router import Registry, Router
from tests.conformance.procedures import Anything
from tests.trpc.asking import GATEWAY, ask, get, post


def datas(answer):
    return [envelope["result"].get("data", "absent") for envelope in answer.json]


def test_a_mixed_batch_is_207_in_the_order_of_its_paths():
    answer = get("hello,noInput,fail,nope", {"0": "a", "2": "NOT_FOUND"}, batch=True)

    assert answer.status == 207
    assert answer.text == (
        '[{"result":{"data":"hello a"}},{"result":{"data":"ok"}},'
        '{"error":{"message":"failed with NOT_FOUND","code":-32004,'
        '"data":{"code":"NOT_FOUND","httpStatus":404,"path":"fail"}}},'
        '{"error":{"message":"No procedure found on path \\"nope\\"","code":-32004,'
        '"data":{"code":"NOT_FOUND","httpStatus":404,"path":"nope"}}}]'
    )


def test_a_batch_of_one_is_a_batch():
    answer = get("noInput", {}, batch=True)
    assert (answer.status, answer.text) == (200, '[{"result":{"data":"ok"}}]')


def test_mutations_are_batched_in_the_body():
    answer = post("post.add,ping,voidMut", {"0": {"title": "t"}}, batch=True)

    assert answer.status == 200
    assert (
        answer.text == '[{"result":{"data":{"id":1,"title":"t"}}},{"result":{"data":"pong"}},{"result":{}}]'
    )
    assert post("ping", "{}", batch=True).text == '[{"result":{"data":"pong"}}]'


@pytest.mark.parametrize(
    ("path", "status"),
    [("nope,nada", 404), ("hello,noInput", 200), ("fail,nope", 207), ("hello,nope", 207)],
)
def test_the_status_is_the_common_one_or_207(path, status):
    assert get(path, {"0": "CONFLICT"} if path.startswith("fail") else {}, batch=True).status == status


def test_inputs_are_found_by_decimal_index_also_above_nine():
    answer = get(",".join(["echo"] * 12), {str(n): n for n in range(12)}, batch=True)
    assert datas(answer) == list(range(12))


def test_missing_inputs_are_undefined_and_other_keys_are_ignored():
    assert datas(get("echo,echo,echo", {"1": None, "7": 1, "x": 2}, batch=True)) == ["absent", None, "absent"]
    assert datas(get("echo,hello", batch=True)) == ["absent", "hello world"]


def test_a_comma_at_the_end_is_a_call_of_nothing():
    assert get("hello,", batch=True).json[1]["error"]["data"]["path"] == ""


@pytest.mark.parametrize("value", ["true", "0", "", "2"])
def test_only_batch_1_makes_a_batch(value):
    answer = get("hello,noInput", query=f"batch={value}")
    assert (answer.status, answer.json["error"]["data"]["path"]) == (404, "hello,noInput")


@pytest.mark.parametrize("input", ["[1]", "null", '"a"', "5", "{bad"])
def test_input_that_is_no_object_fails_only_the_calls_that_read_it(input):
    answer = get("echo,noInput", input, batch=True)

    assert answer.status == 207
    assert answer.json[0]["error"]["message"] == '"input" needs to be an object when doing a batch call'
    assert answer.json[0]["error"]["data"]["code"] == "BAD_REQUEST"
    assert answer.json[1] == {"result": {"data": "ok"}}


def test_queries_and_mutations_do_not_mix():
    answer = post("noInput,voidMut", "{}", batch=True)

    assert answer.status == 400
    assert answer.json["error"]["message"] == "Cannot mix procedure types in call: query, mutation"
    assert "path" not in answer.json["error"]["data"]


def test_a_batch_of_mutations_by_get_is_an_array_of_405s():
    answer = get("ping,voidMut", {}, batch=True)

    assert (answer.status, answer.header("Allow")) == (405, "POST")
    assert [envelope["error"]["data"]["path"] for envelope in answer.json] == ["ping", "voidMut"]


def test_a_batch_over_the_limit_is_one_refusal(settings):
    assert len(get(",".join(["noInput"] * 50), batch=True).json) == 50

    answer = get(",".join(["noInput"] * 51), batch=True)
    assert (answer.status, answer.json["error"]["message"]) == (400, "Batch call exceeds maximum size")
    assert answer.json["error"]["json"]["data"] == {"code": "BAD_REQUEST", "httpStatus": 400}

    settings.TRPC_MAX_BATCH = 2
    assert get("noInput,noInput,noInput", batch=True).status == 400


def test_a_content_type_problem_of_a_batch_is_one_refusal():
    answer = ask("POST", "ping,ping", "batch=1", b"{}", content_type="text/plain")
    assert (answer.status, answer.json["error"]["data"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_whatever_breaks_one_call_leaves_its_neighbours_alone():
    router = Router("")

    @router.query("unwritable", permission=ANYONE)
    def unwritable(call):
        """Return what JSON has no form for."""
        return {1, 2, 3}

    @router.query("broken", permission=ANYONE)
    def broken(call):
        """Break."""
        raise ZeroDivisionError

    @router.query("fine", permission=ANYONE, input=Anything())
    def fine(call, *, value):
        """Return the input."""
        return value

    answer = get(
        "fine,unwritable,broken,nope,fine", {"0": 1, "4": 2}, batch=True, gateway=Gateway(Registry([router]))
    )

    assert [envelope.get("result") for envelope in answer.json] == [
        {"data": 1},
        None,
        None,
        None,
        {"data": 2},
    ]
    assert [answer.json[n]["error"]["data"]["httpStatus"] for n in (1, 2, 3)] == [500, 500, 404]


@pytest.mark.django_db(transaction=True)
def test_a_call_that_fails_inside_a_transaction_leaves_none_open():
    router = Router("")

    @router.mutation("fails", permission=ANYONE)
    def fails(call):
        """Break with a transaction open."""
        with transaction.atomic():
            raise ZeroDivisionError

    @router.mutation("looks", permission=ANYONE)
    def looks(call):
        """Say whether a transaction is open."""
        return connection.in_atomic_block or connection.needs_rollback

    answer = post("fails,looks", "{}", batch=True, gateway=Gateway(Registry([router])))

    assert answer.json[1] == {"result": {"data": False}}


def test_headers_and_cookies_of_a_batchs_calls_reach_the_answer_unless_the_call_failed():
    router = Router("")

    @router.query("good", permission=ANYONE)
    def good(call):
        """Set a header, set a cookie, drop a cookie."""
        call.set_header("X-Good", "1")
        call.set_cookie(key="kept", value="yes", httponly=True)
        call.delete_cookie("old")

    @router.query("bad", permission=ANYONE)
    def bad(call):
        """Set a cookie, then fail."""
        call.set_header("X-Bad", "1")
        call.set_cookie(key="lost", value="no")
        raise ZeroDivisionError

    answer = get("good,bad", batch=True, gateway=Gateway(Registry([router])))

    assert (answer.header("X-Good"), answer.header("X-Bad")) == ("1", None)
    assert set(answer.http.cookies) == {"kept", "old"}
    assert answer.http.cookies["kept"]["httponly"]
    assert answer.http.cookies["old"]["max-age"] == 0


def test_the_caller_is_identified_once_for_a_whole_batch():
    asked = []
    gateway = Gateway(GATEWAY.registry, identify=[lambda request: asked.append(request)])

    get("noInput,noInput,noInput", batch=True, gateway=gateway)

    assert len(asked) == 1
