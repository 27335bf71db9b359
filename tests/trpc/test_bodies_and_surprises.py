"""Section 1 of the wire, where it gets rough: sizes, lengths, nonsense parameters, bugs."""

import logging

import pytest

from tests.trpc.asking import ask, get


def error_of(answer):
    return answer.json["error"]


def test_a_body_over_the_limit_is_413_and_not_read(settings):
    settings.REQUEST_BODY_MAX = 100
    answer = ask("POST", "echoMut", body=b'"' + b"a" * 200 + b'"')

    assert answer.status == 413
    assert error_of(answer)["message"] == "PAYLOAD_TOO_LARGE"
    assert error_of(answer)["data"] == {"code": "PAYLOAD_TOO_LARGE", "httpStatus": 413}


def test_a_body_over_djangos_own_limit_is_413_too(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert ask("POST", "echoMut", body=b'"' + b"a" * 200 + b'"').status == 413


def test_a_chunked_body_is_never_taken_for_an_empty_one():
    answer = ask("POST", "echoMut", environ={"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""})

    assert answer.status == 411
    assert error_of(answer)["data"] == {"code": "BAD_REQUEST", "httpStatus": 411}


@pytest.mark.parametrize(("length", "status"), [("abc", 400), ("-5", 400), ("٣", 400), ("9" * 5000, 413)])
def test_a_nonsense_content_length_is_refused(length, status):
    assert ask("POST", "echoMut", body=b"1", environ={"CONTENT_LENGTH": length}).status == status


# Connection parameters


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{bad", "Not JSON-parsable query params"),
        ("5", "Invalid connection params shape"),
        ('{"a":5}', "Invalid connection params shape"),
    ],
)
def test_nonsense_connection_parameters_are_a_parse_error(text, message):
    answer = get("hello", query=f"connectionParams={text}")
    assert (answer.status, error_of(answer)["message"], error_of(answer)["code"]) == (400, message, -32700)


def test_good_connection_parameters_change_nothing():
    assert get("hello", query='connectionParams={"token":"abc"}').status == 200
    assert get("hello", query="connectionParams=null").status == 200


# Surprises


def test_an_unforeseen_exception_is_a_500_that_keeps_its_words_to_itself(caplog):
    with caplog.at_level(logging.ERROR, logger="factory.trpc"):
        answer = get("boom")

    assert answer.text == (
        '{"error":{"message":"Internal server error","code":-32603,'
        '"data":{"code":"INTERNAL_SERVER_ERROR","httpStatus":500,"path":"boom"}}}'
    )
    assert answer.status == 500
    [record] = caplog.records
    assert (record.message, record.procedure) == ("trpc.unhandled", "boom")
    assert "a secret of the house" in caplog.text


def test_in_debug_the_exceptions_words_are_shown(settings):
    settings.DEBUG = True
    assert error_of(get("boom"))["message"] == "a secret of the house"
