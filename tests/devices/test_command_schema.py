"""Schemas that would take for ever are refused, and so is what would take for ever to check."""

import pytest

from devices.command_schema import TOILSOME, Misfit, check, check_schema
from devices.pattern_work import MOST, ways

LINKS = {
    **{f"d{place}": {"allOf": [{"$ref": f"#/$defs/d{place + 1}"}] * 2} for place in range(28)},
    "d28": {},
}
BRANCHING = {"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}
EITHER_WAY = {
    **{
        f"d{place}": {
            "$ref": f"#/$defs/d{place + 1}",
            "dependentSchemas": {"a": {"$ref": f"#/$defs/d{place + 1}"}},
        }
        for place in range(28)
    },
    "d28": {},
}


def nested(levels):
    value = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def test_references_that_double_28_times_are_refused_when_declared():
    with pytest.raises(Misfit) as refused:
        check_schema({"$defs": LINKS, "$ref": "#/$defs/d0"})

    assert (refused.value.path, refused.value.reason) == ("", TOILSOME)


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        ({"a": 1}, {"$defs": LINKS, "properties": {"a": {"$ref": "#/$defs/d0"}}}),
        ({"a": 1}, {"unevaluatedProperties": False, "$defs": EITHER_WAY, "$ref": "#/$defs/d0"}),
        (nested(23), BRANCHING),
        ({"a": [{}] * 20_000}, {"properties": {"a": {"uniqueItems": True}}}),
        ({"a": "x" * 60_000}, {"allOf": [{"type": "string"}] * 2_000}),
        ({"a": "x" * 60_000}, {"properties": {"a": {"pattern": "x*x*y"}}}),
        ({"x" * 60_000: 1}, {"patternProperties": {"x*x*y": {}}}),
        ({"x" * 60_000: 1}, {"additionalProperties": False, "patternProperties": {"x*x*y": {}}}),
    ],
)
def test_what_would_take_hours_to_check_is_refused(parameters, schema):
    check_schema(schema)

    with pytest.raises(Misfit) as refused:
        check(parameters, schema)

    assert refused.value.reason == TOILSOME


def test_a_schema_that_refers_to_itself_is_fine_where_it_comes_to_an_end():
    tree = {"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": False}
    check_schema(tree)

    check(nested(23), tree)

    with pytest.raises(Misfit) as refused:
        check({"a": {"a": {"b": 1}}}, tree)
    assert refused.value.path == ".a.a"


def test_some_thousand_values_are_fine():
    row = {"type": "object", "properties": {"at": {"type": "integer"}, "word": {"pattern": "^[a-z]+$"}}}
    schema = {"properties": {"rows": {"items": row}}}

    check({"rows": [{"at": place, "word": "go"} for place in range(3_000)]}, schema)


@pytest.mark.parametrize(
    "pattern",
    ["^(a+)+$", "(a|a)*$", "^(?:(?:a?){30}){30}$", "^(a{1,10}){8}$", "(a?){25}a{25}", "(?=(a+)+b)a"],
)
def test_a_pattern_that_tries_without_end_is_refused_when_declared(pattern):
    for schema in ({"properties": {"a": {"pattern": pattern}}}, {"patternProperties": {pattern: {}}}):
        with pytest.raises(Misfit) as refused:
            check_schema(schema)
        assert "repeats inside repeats" in refused.value.reason
    with pytest.raises(Misfit) as refused:  # it was declared before patterns were looked at
        check({"a": "a" * 40 + "!"}, {"properties": {"a": {"pattern": pattern}}})
    assert refused.value.reason == TOILSOME


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^([0-9a-f]{2}:){5}[0-9a-f]{2}$", "00:1b:44:11:3a:b7"),
        (r"^(\d{1,3}\.){3}\d{1,3}$", "192.168.100.200"),
        (r"^v?\d+\.\d+\.\d+(-[\w.]+)?$", "v12.10.3-rc.1"),
        (r"^\w+@\w+\.\w+$", "someone@example.com"),
        (r"^https?://[^/]+/.*$", "https://example.com/" + "x" * 200),
        ("^.{0,5000}$", "x" * 5_000),
        ("^(on|off)$", "on"),
        ("[0-9]", "serial 5"),
    ],
)
def test_usual_patterns_are_fine(pattern, text):
    schema = {"properties": {"a": {"pattern": pattern}}}
    check_schema(schema)

    check({"a": text}, schema)


@pytest.mark.parametrize("value", ["[", "(" * 5_000 + ")" * 5_000, "a{99999999999}"])
def test_what_is_no_pattern_is_refused_as_one_and_fine_as_a_choice(value):
    with pytest.raises(Misfit):
        check_schema({"properties": {"a": {"pattern": value}}})

    check_schema({"enum": [{"pattern": value}]})


def test_ways_are_counted():
    assert [ways("^ab$", 9), ways("ab", 9), ways("^a*$", 9), ways("^a?$", 9), ways("^(ab|cd)$", 9)] == [
        1,
        10,
        10,
        2,
        2,
    ]
    assert ways("^(a*)*$", 60) == MOST
