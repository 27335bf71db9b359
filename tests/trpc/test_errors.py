"""Section 3 of the wire: what a refusal looks like. This file owns the shape of errors."""

import pytest
from rest_framework import serializers

from factory import errors as domain
from factory.trpc.errors import CODES, TRPCError
from factory.trpc.gateway import Gateway
from factory.trpc.permissions import ANYONE
from factory.trpc.router import Registry, Router
from factory.trpc.serializers import StrictFloat, StrictString, WireSerializer
from tests.trpc.asking import get

TABLE = {
    "PARSE_ERROR": (-32700, 400),
    "BAD_REQUEST": (-32600, 400),
    "INTERNAL_SERVER_ERROR": (-32603, 500),
    "NOT_IMPLEMENTED": (-32603, 501),
    "BAD_GATEWAY": (-32603, 502),
    "SERVICE_UNAVAILABLE": (-32603, 503),
    "GATEWAY_TIMEOUT": (-32603, 504),
    "UNAUTHORIZED": (-32001, 401),
    "PAYMENT_REQUIRED": (-32002, 402),
    "FORBIDDEN": (-32003, 403),
    "NOT_FOUND": (-32004, 404),
    "PRECONDITION_FAILED": (-32012, 412),
    "PAYLOAD_TOO_LARGE": (-32013, 413),
    "UNSUPPORTED_MEDIA_TYPE": (-32015, 415),
    "UNPROCESSABLE_CONTENT": (-32022, 422),
    "PRECONDITION_REQUIRED": (-32028, 428),
    "TOO_MANY_REQUESTS": (-32029, 429),
    "CLIENT_CLOSED_REQUEST": (-32099, 499),
    "METHOD_NOT_SUPPORTED": (-32005, 405),
    "TIMEOUT": (-32008, 408),
    "CONFLICT": (-32009, 409),
}


def answer_to(error: Exception, **kwargs):
    """What a client sees when a handler raises `error`."""
    router = Router("it")

    @router.query("fails", permission=ANYONE)
    def fails(call):
        """Raise the error."""
        raise error

    return get("it.fails", gateway=Gateway(Registry([router])), **kwargs)


@pytest.mark.parametrize("key", TABLE)
def test_every_key_has_its_number_and_its_status(key):
    number, status = TABLE[key]
    answer = get("fail", f'"{key}"')

    assert answer.status == status
    assert answer.text == (
        f'{{"error":{{"message":"failed with {key}","code":{number},'
        f'"data":{{"code":"{key}","httpStatus":{status},"path":"fail"}}}}}}'
    )


def test_the_table_is_whole():
    assert CODES == TABLE


def test_a_key_outside_the_table_is_a_bug():
    with pytest.raises(ValueError, match="TEAPOT"):
        TRPCError("TEAPOT", "short and stout")


def test_data_and_headers_of_a_refusal_go_along():
    answer = answer_to(TRPCError("TOO_MANY_REQUESTS", "Slowly.", {"left": 0}, headers={"Retry-After": "7"}))

    assert (answer.status, answer.header("Retry-After")) == (429, "7")
    assert answer.json["error"]["data"] == {
        "code": "TOO_MANY_REQUESTS",
        "httpStatus": 429,
        "path": "it.fails",
        "left": 0,
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (domain.InvalidInput("No."), 400),
        (domain.Unauthorized("No."), 401),
        (domain.Forbidden("No."), 403),
        (domain.NotFound("No."), 404),
        (domain.Conflict("No."), 409),
        (domain.PreconditionFailed("No."), 412),
        (domain.Unavailable("No."), 503),
    ],
)
def test_a_services_refusal_keeps_its_code_and_words(error, status):
    answer = answer_to(error)

    assert answer.status == status
    assert answer.json["error"]["message"] == "No."
    assert answer.json["error"]["data"] == {"code": error.code, "httpStatus": status, "path": "it.fails"}


def test_a_services_refusal_names_its_fields():
    answer = answer_to(domain.InvalidInput.at("maxValue", "Must be above minValue."))

    assert answer.json["error"]["message"] == "maxValue: Must be above minValue."
    assert answer.json["error"]["data"]["fieldErrors"] == {"maxValue": ["Must be above minValue."]}


def test_unavailable_says_when_to_come_back():
    assert answer_to(domain.Unavailable("Full.", retry_after=3)).header("Retry-After") == "3"
    assert answer_to(domain.Unavailable("Full.", retry_after=3), batch=True).header("Retry-After") == "3"


def test_a_refusal_with_a_code_nobody_knows_is_a_bug_and_not_a_crash():
    class Odd(domain.DomainError):
        code = "TEAPOT"

    assert answer_to(Odd("No.")).status == 500


# Invalid input


class Limit(WireSerializer):
    min_value = StrictFloat()


class Rule(WireSerializer):
    device_id = StrictString()
    thresholds = Limit(many=True, required=False)
    only_one = Limit(required=False)
    tags = serializers.ListField(child=StrictString(), required=False)

    def validate(self, attrs):
        if attrs["device_id"] == "same":
            raise serializers.ValidationError({"device_id": "Is taken."})
        if attrs["device_id"] == "whole":
            raise serializers.ValidationError("This makes no sense.")
        return attrs


def refusal_of(input):
    router = Router("")

    @router.query("rule", permission=ANYONE, input=Rule)
    def rule(call, **kwargs):
        """Take a rule."""

    answer = get("rule", input, gateway=Gateway(Registry([router])))
    assert (answer.status, answer.json["error"]["data"]["code"]) == (400, "BAD_REQUEST")
    return answer.json["error"]["message"], answer.json["error"]["data"]


def test_a_missing_field_is_named_as_on_the_wire():
    message, data = refusal_of({"device_id": "snake"})

    assert message == "deviceId: This field is required."
    assert data["fieldErrors"] == {"deviceId": ["This field is required."]}


def test_absent_input_is_an_empty_object():
    assert refusal_of(None)[0] == "deviceId: This field is required."


def test_nested_fields_have_dotted_paths():
    message, data = refusal_of(
        {"deviceId": "a", "thresholds": [{"minValue": 1}, {"minValue": "2"}], "onlyOne": {}, "tags": ["a", 5]}
    )

    assert data["fieldErrors"] == {
        "thresholds.1.minValue": ["Expected a number, got a string."],
        "onlyOne.minValue": ["This field is required."],
        "tags.1": ["Expected a string, got a number."],
    }
    assert message == (
        "thresholds.1.minValue: Expected a number, got a string.; "
        "onlyOne.minValue: This field is required.; tags.1: Expected a string, got a number."
    )


def test_a_nested_object_that_is_none_is_named_as_a_whole():
    for wrong in (5, "a", [], None):
        assert refusal_of({"deviceId": "a", "onlyOne": wrong})[1]["fieldErrors"].keys() == {"onlyOne"}
    assert refusal_of({"deviceId": "a", "thresholds": {}})[1]["fieldErrors"].keys() == {"thresholds"}
    assert refusal_of({"deviceId": "a", "thresholds": [5]})[1]["fieldErrors"].keys() == {"thresholds.0"}


def test_the_rules_of_a_whole_object_speak_the_wires_names_too():
    assert refusal_of({"deviceId": "same"})[1]["fieldErrors"] == {"deviceId": ["Is taken."]}
    message, data = refusal_of({"deviceId": "whole"})
    assert (message, data["fieldErrors"], data["formErrors"]) == (
        "This makes no sense.",
        {},
        ["This makes no sense."],
    )


@pytest.mark.parametrize("input", ["null", "[]", "5", '"a"', "true"])
def test_input_that_is_no_object_is_refused_as_a_whole(input):
    message, data = refusal_of(input)
    assert (message, data["formErrors"]) == ("Expected an object.", ["Expected an object."])
