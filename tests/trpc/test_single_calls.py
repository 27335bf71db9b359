"""Section 1 of the wire: one call, one answer."""

import json

import pytest

from factory.trpc.gateway import Gateway
from tests.conformance.procedures import registry
from tests.trpc.asking import ask, get, post

STRICT = Gateway(registry, method_override=False)


def error_of(answer):
    return answer.json["error"]


def test_a_query_answers_to_the_byte():
    answer = get("post.byId", {"id": 7})

    assert answer.status == 200
    assert answer.text == '{"result":{"data":{"id":7,"createdAt":"2026-01-02T03:04:05.678Z"}}}'
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Content-Length") == str(len(answer.http.content))
    assert answer.header("Vary") == "trpc-accept, accept"
    assert answer.header("Cache-Control") == "no-store"


def test_a_query_without_input_answers_to_the_byte():
    assert get("noInput").text == '{"result":{"data":"ok"}}'


def test_null_is_a_value_and_nothing_is_not():
    assert get("echo", "null").text == '{"result":{"data":null}}'
    assert get("echo").text == '{"result":{}}'
    assert get("echo", query="input=").text == '{"result":{}}'


@pytest.mark.parametrize("value", ["null", "0", '""', "false", "[]", "{}", "-0.0", '"é\U0001f600"'])
def test_small_values_survive_both_ways(value):
    assert get("echo", value).json == {"result": {"data": json.loads(value)}}
    assert post("echoMut", value).json == {"result": {"data": json.loads(value)}}


def test_a_mutation_takes_its_input_from_the_body():
    answer = post("post.add", '{"title":"héllo"}')

    assert (answer.status, answer.text) == (200, '{"result":{"data":{"id":1,"title":"héllo"}}}')


def test_a_mutation_without_a_body_has_no_input():
    assert post("ping").text == '{"result":{"data":"pong"}}'
    assert post("echoMut").text == '{"result":{}}'


def test_undefined_has_no_data_and_null_is_null():
    assert post("voidMut").text == '{"result":{}}'
    assert get("nul").text == '{"result":{"data":null}}'


def test_a_hundred_kilobytes_go_through():
    text = "é\U0001f680" * 20_000
    assert post("echoMut", [text]).json == {"result": {"data": [text]}}


def test_parameters_come_in_any_order_and_the_first_of_a_name_counts():
    assert get("echo", query="key=v&input=1&input=2").json["result"]["data"] == 1
    assert get("echo", query="inp%75t=%22a+b%22").json["result"]["data"] == "a b"


def test_a_body_wins_over_the_query_string():
    assert ask("POST", "echoMut", "input=1", b"2").json["result"]["data"] == 2
    assert ask("POST", "echoMut", "input=1").text == '{"result":{}}'


def test_more_than_a_thousand_parameters_are_still_no_page_of_html():
    assert get("hello", query="&".join(f"a{n}=1" for n in range(2000))).status == 200


# Content types


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["ping", "hello", "nope"])
def test_everything_but_get_needs_a_content_type(method, path):
    answer = ask(method, path, content_type=None)

    assert answer.status == 415
    assert error_of(answer)["message"] == "Missing content-type header"
    assert error_of(answer)["code"] == -32015
    assert error_of(answer)["data"] == {"code": "UNSUPPORTED_MEDIA_TYPE", "httpStatus": 415}


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/vnd.api+json",
        "application/jsonfoo",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
    ],
)
def test_other_content_types_are_refused_before_anything_runs(media_type):
    answer = ask("POST", "voidMut", body=b'"x"', content_type=media_type)

    assert answer.status == 415
    assert error_of(answer)["message"] == f'Unsupported content-type "{media_type}'


@pytest.mark.parametrize("media_type", ["Application/JSON; charset=utf-8", "application/json;charset=UTF-8"])
def test_case_and_parameters_of_the_content_type_do_not_matter(media_type):
    assert ask("POST", "ping", body=b"{}", content_type=media_type).status == 200


def test_a_get_may_carry_any_content_type_but_a_body_of_its_own():
    assert ask("GET", "echo", "input=1", environ={"CONTENT_TYPE": "text/plain"}).json["result"]["data"] == 1
    answer = ask("GET", "echo", environ={"CONTENT_TYPE": "multipart/form-data; boundary=x"})
    assert answer.status == 405
    assert error_of(answer)["message"] == "Only POST requests are supported for multipart/form-data requests"


# Input that cannot be read


@pytest.mark.parametrize(
    "text",
    ["{bad", '{"title":', '"a" x', "{} 1", "NaN", "[Infinity]", "1e400", '"\\ud800"', "'a'", " ", "[" * 5000],
)
def test_malformed_json_is_a_bad_request_that_names_its_path(text):
    for answer in (get("echo", text), post("echoMut", text)):
        assert answer.status == 400
        assert error_of(answer)["code"] == -32600
        assert error_of(answer)["data"]["code"] == "BAD_REQUEST"
        assert error_of(answer)["data"]["path"] in ("echo", "echoMut")


def test_malformed_json_does_not_matter_to_a_procedure_without_input():
    assert get("noInput", "{bad").text == '{"result":{"data":"ok"}}'
    assert post("ping", "{bad").text == '{"result":{"data":"pong"}}'


def test_json_nested_deeper_than_an_answer_could_be_is_a_bad_request():
    def nested(levels):
        return "[" * levels + "]" * levels

    assert post("echoMut", nested(240)).status == 200
    assert post("echoMut", {"json": json.loads(nested(238))}).status == 200
    for levels in (241, 254, 255, 1000, 1024, 1025, 100_000):
        assert post("echoMut", nested(levels)).status == 400


def test_many_shallow_brackets_are_not_depth():
    assert post("echoMut", [[]] * 5000).status == 200


def test_a_byte_order_mark_is_dropped_and_broken_utf8_is_replaced():
    assert post("echoMut", b'\xef\xbb\xbf"a"').json["result"]["data"] == "a"
    assert post("echoMut", b'"\xff\xc3"').json["result"]["data"] == "��"
    assert get("echo", query="input=%22%FF%22").json["result"]["data"] == "�"
    assert get("echo", query='input="\xc3\xa9"').json["result"]["data"] == "é"


def test_integers_beyond_64_bits_are_answered_as_numbers():
    assert post("echoMut", "18446744073709551615").text == '{"result":{"data":18446744073709551615}}'
    assert post("echoMut", "9" * 30).json["result"]["data"] == 1e30


# Methods and paths


def test_a_query_by_post_is_405_where_the_override_is_off():
    answer = post("hello", '"a"', gateway=STRICT)

    assert answer.status == 405
    assert answer.header("Allow") == "GET"
    assert answer.text == (
        '{"error":{"message":"Unsupported POST-request to query procedure at path \\"hello\\"","code":-32005,'
        '"data":{"code":"METHOD_NOT_SUPPORTED","httpStatus":405,"path":"hello"}}}'
    )


def test_a_query_by_post_takes_its_input_from_the_body():
    assert post("hello", '"a"').text == '{"result":{"data":"hello a"}}'
    assert post("hello").text == '{"result":{"data":"hello world"}}'
    assert post("post.byId,hello", {"0": {"id": 1}}, batch=True).status == 200


def test_a_mutation_is_never_reached_by_get():
    answer = get("post.add", {"title": "t"})

    assert (answer.status, answer.header("Allow")) == (405, "POST")
    assert error_of(answer)["message"] == 'Unsupported GET-request to mutation procedure at path "post.add"'


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
def test_other_methods_are_405(method):
    assert ask(method, "ping").header("Allow") == "POST"
    answer = ask(method, "hello")
    assert (answer.status, answer.header("Allow")) == (405, "GET, POST")
    assert error_of(answer)["message"] == f'Unsupported {method}-request to query procedure at path "hello"'


@pytest.mark.parametrize("method", ["TRACE", "QUERY", "PURGE"])
def test_methods_that_trpc_does_not_know_are_405_whatever_their_body(method):
    answer = ask(method, "hello", content_type=None)
    assert (answer.status, answer.header("Allow")) == (405, "GET, POST")


@pytest.mark.parametrize("path", ["hello", "nope", "ping", ""])
def test_head_is_204_and_empty_for_any_path(path):
    answer = ask("HEAD", path)
    assert (answer.status, answer.text) == (204, "")


@pytest.mark.parametrize(
    "path",
    [
        "nope.nada",
        "post",
        "__proto__",
        "constructor",
        "post/byId",
        "",
        "hello,noInput",
        "hello.",
        "post%zz",
        "a\nb",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_unknown_paths_are_404_whatever_the_method(path, method):
    answer = ask(method, path)

    assert answer.status == 404
    assert answer.json == {
        "error": {
            "message": f'No procedure found on path "{path}"',
            "code": -32004,
            "data": {"code": "NOT_FOUND", "httpStatus": 404, "path": path},
        }
    }


def test_a_slash_at_the_end_is_no_other_path():
    assert get("noInput/").text == '{"result":{"data":"ok"}}'
