import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.schema_fields import parameters_of
from analytics.selection import MOST, pack, unpack


@given(st.sets(st.integers(1, 10**9), max_size=200) | st.sets(st.integers(1, 300)))
def test_what_is_packed_is_unpacked_the_same(ids):
    assert unpack(pack(ids)) == sorted(ids)


def test_ten_thousand_in_a_row_are_a_few_characters_and_one_more_is_nobody():
    assert pack(range(1, MOST + 1)) == f"1-{MOST}"
    assert len(unpack(f"1-{MOST}")) == MOST
    assert unpack(f"1-{MOST},{MOST + 5}") == []


@given(st.text(max_size=40))
def test_whatever_stands_there_is_numbers_or_nobody(text):
    assert all(number > 0 for number in unpack(text))


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"properties": {"a": {"type": "string"}, "b": {"enum": [1, "x"]}}}, ["string", "choice"]),
        ({"type": "object", "additionalProperties": False}, []),
        ({"type": "object"}, None),
        ({"properties": {"a": {"type": "object"}}}, None),
        ({"properties": {"a": {"type": ["string", "null"]}}}, None),
        ({"properties": {"a": {"enum": [True, None]}}}, None),
        ({"properties": {"a": True}}, None),
        ({"properties": {"a": {"type": "string"}}, "required": ["b"]}, None),
        ({"anyOf": [{"required": ["a"]}], "properties": {"a": {"type": "string"}}}, None),
        ({"$ref": "#/$defs/x", "$defs": {"x": {}}}, None),
    ],
)
def test_fields_are_made_where_a_schema_is_simple(schema, kinds):
    found = parameters_of(schema)

    assert (None if found is None else [parameter.kind for parameter in found]) == kinds
