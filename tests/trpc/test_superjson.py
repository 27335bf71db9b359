"""Section 4.2 of the wire: the forms of superjson, read and written."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from factory.trpc.superjson import UNDEFINED, Unreadable, decode, encode, is_envelope, join_path, split_path

AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def read(json, values=None, **meta):
    return decode({"json": json, "meta": {"values": values, "v": 1, **meta}} if values else {"json": json})


@pytest.mark.parametrize(
    ("json", "kind", "value"),
    [
        ("1970-01-01T00:00:00.000Z", "Date", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-01-02T05:04:05.678+02:00", "Date", AT),
        (None, "undefined", UNDEFINED),
        ("5", "bigint", 5),
        ("-" + "9" * 40, "bigint", -int("9" * 40)),
        ("Infinity", "number", math.inf),
        ("-Infinity", "number", -math.inf),
        ([1, 2], "set", [1, 2]),
        ([["a", 1]], "map", {"a": 1}),
        ([[1, "a"]], "map", [[1, "a"]]),
        ("/x/g", "regexp", "/x/g"),
        ("https://a.b/", "URL", "https://a.b/"),
        ({"name": "E", "message": "m"}, "Error", {"name": "E", "message": "m"}),
        ([1, 2], ["typed-array", "Uint8Array"], [1, 2]),
        ("s", ["symbol", "s"], "s"),
    ],
)
def test_every_type_is_read(json, kind, value):
    assert read(json, [kind]) == value
    assert read({"a": [json]}, {"a.0": [kind]}) == {"a": [None if value is UNDEFINED else value]}


def test_what_equality_cannot_tell_is_read():
    assert math.isnan(read("NaN", ["number"]))
    assert math.copysign(1, read("-0", ["number"])) == -1


def test_children_are_rebuilt_before_their_parents():
    assert read([["2026-01-02T03:04:05.678Z", "5"]], ["map", {"0.0": ["Date"], "0.1": ["bigint"]}]) == [
        [AT, 5]
    ]
    assert read({"m": [["k", "5"]]}, {"m": ["map", {"0.1": ["bigint"]}]}) == {"m": {"k": 5}}
    assert read({"s": ["5"]}, {"s": ["set", {"0": ["bigint"]}]}) == {"s": [5]}


def test_a_member_that_is_undefined_is_absent():
    assert read({"a": None, "b": None}, {"a": ["undefined"]}) == {"b": None}


def test_nested_trees_are_read_like_joined_paths():
    assert read({"a": {"b": "5"}}, {"a": {"b": ["bigint"]}}) == {"a": {"b": 5}}


def test_escaped_keys_are_read():
    assert read({"a.b": {"c\\d": "5"}}, {"a\\.b.c\\\\d": ["bigint"]}) == {"a.b": {"c\\d": 5}}


def test_before_version_1_of_paths_only_dots_were_escaped():
    envelope = {"json": {"a.b": {"c\\d": "5"}}, "meta": {"values": {"a\\.b.c\\d": ["bigint"]}}}
    assert decode(envelope) == {"a.b": {"c\\d": 5}}
    assert split_path("a\\\\.b", escaped=False) == ("a\\.b",)
    assert split_path("a\\\\.b", escaped=True) == ("a\\", "b")


def test_shared_references_are_read_from_their_copies():
    envelope = {
        "json": {"a": {"x": 1}, "b": {"x": 1}},
        "meta": {"referentialEqualities": {"a": ["b"]}, "v": 1},
    }
    assert decode(envelope) == {"a": {"x": 1}, "b": {"x": 1}}


@pytest.mark.parametrize("path", ["b", "a.b", "a.0.1", "0", "a.x", "a.-1", "a.٣", "a.99999999999", "", "."])
def test_an_annotation_of_what_is_not_there_is_ignored(path):
    assert read({"a": ["5"]}, {path: ["bigint"]}) == {"a": ["5"]}


@pytest.mark.parametrize(
    ("json", "values", "reason"),
    [
        ("x", ["Nope"], "Unknown transformation: Nope"),
        ("x", [5], "Unknown transformation: int"),
        ("x", [["class", "Cat"]], "Unknown transformation: list"),
        ("x", [["custom", "Cat"]], "Unknown transformation: list"),
        ("x", [[]], "Unknown transformation: list"),
        ("x", [{}], "Unknown transformation: dict"),
        ({"__proto__": "5"}, {"__proto__": ["bigint"]}, "__proto__ is not allowed as a property"),
        ({}, {"constructor.prototype": ["bigint"]}, "constructor is not allowed as a property"),
        ({}, {"a": {"prototype": ["bigint"]}}, "prototype is not allowed as a property"),
        ("not a date", ["Date"], "Invalid Date"),
        ("0001-01-01T00:00:00+14:00", ["Date"], "Invalid Date"),
        ("+012345-01-01T00:00:00.000Z", ["Date"], "Invalid Date"),
        (None, ["Date"], "An annotated value is not a string"),
        (5, ["bigint"], "An annotated value is not a string"),
        ("5n", ["bigint"], "Invalid bigint"),
        ("9" * 5000, ["bigint"], "Invalid bigint"),
        ("5", ["number"], "Invalid number"),
        (5, ["set"], "An annotated value is not an array"),
        ([1], ["map"], "A Map is not made of pairs"),
        (["a"], [["typed-array", "Uint8Array"]], "A typed array is not made of numbers"),
        (5, ["Error"], "An Error is not an object"),
        ("5", 5, "meta.values is not a superjson tree"),
        ("5", "bigint", "meta.values is not a superjson tree"),
        ("5", ["bigint", 5], "meta.values is not a superjson tree"),
    ],
)
def test_hostile_annotations_are_refused_with_a_reason(json, values, reason):
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read(json, values)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, {"json": None}),
        ({"at": None, "n": 1.5}, {"json": {"at": None, "n": 1.5}}),
        (AT, {"json": "2026-01-02T03:04:05.678Z", "meta": {"values": ["Date"], "v": 1}}),
        (UNDEFINED, {"json": None, "meta": {"values": ["undefined"], "v": 1}}),
        (math.inf, {"json": "Infinity", "meta": {"values": ["number"], "v": 1}}),
        ([{"x": math.nan}], {"json": [{"x": "NaN"}], "meta": {"values": {"0.x": ["number"]}, "v": 1}}),
        (
            {"a.b": AT, "c\\d": [-math.inf]},
            {
                "json": {"a.b": "2026-01-02T03:04:05.678Z", "c\\d": ["-Infinity"]},
                "meta": {"values": {"a\\.b": ["Date"], "c\\\\d.0": ["number"]}, "v": 1},
            },
        ),
        (
            {"": AT},
            {"json": {"": "2026-01-02T03:04:05.678Z"}, "meta": {"values": {"": ["Date"]}, "v": 1}},
        ),
    ],
)
def test_values_are_written_with_annotations_for_what_json_cannot_say(value, written):
    assert encode(value) == written


def test_dates_are_written_in_utc_with_milliseconds():
    elsewhere = datetime(2026, 1, 2, 5, 4, 5, 678_999, timezone(timedelta(hours=2)))
    assert encode(elsewhere)["json"] == "2026-01-02T03:04:05.678Z"
    assert encode(datetime(2026, 1, 2))["json"] == "2026-01-02T00:00:00.000Z"


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ({"json": 1}, True),
        ({"json": None, "meta": None}, True),
        ({"json": 1, "meta": {"values": {}, "v": 1, "referentialEqualities": {}}}, True),
        ({"json": 1, "other": 2}, False),
        ({"json": 1, "meta": {"mine": 1}}, False),
        ({"json": 1, "meta": []}, False),
        ({"json": 1, "meta": 5, "x": 1}, False),
        ({"meta": None}, False),
        ({}, False),
        ([], False),
        ("json", False),
        (UNDEFINED, False),
    ],
)
def test_an_envelope_is_told_from_a_value_that_resembles_one(value, verdict):
    assert is_envelope(value) is verdict


def test_paths_are_joined_as_they_are_split():
    for path in (("a", "b"), ("a.b", "c\\d"), ("\\", "."), ("", ""), ("a\\.b",)):
        assert split_path(join_path(path), escaped=True) == path
