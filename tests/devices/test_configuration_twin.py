"""What is desired against what is reported, on values alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.twin import Gap, difference, is_in_sync, merged, same, told

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.text(max_size=2), values, max_size=4)


@pytest.mark.parametrize(
    ("desired", "reported", "gaps"),
    [
        ({}, None, []),
        ({}, {"speed": 1}, []),
        ({"speed": 60}, None, [Gap("speed", 60, None)]),
        ({"speed": 60}, {"speed": 60.0, "own": 1}, []),
        ({"speed": 1}, {"speed": True}, [Gap("speed", 1, True)]),
        ({"on": True}, {"on": 1}, [Gap("on", True, 1)]),
        ({"speed": 60}, {"speed": "60"}, [Gap("speed", 60, "60")]),
        (
            {"pump": {"speed": 60, "mode": "a"}},
            {"pump": {"speed": 40, "mode": "a", "more": 1}},
            [Gap("pump.speed", 60, 40)],
        ),
        ({"pump": {"speed": 60}}, {"pump": None}, [Gap("pump.speed", 60, None)]),
        ({"pump": {"speed": 60}}, {"pump": 5}, [Gap("pump", {"speed": 60}, 5)]),
        ({"pump": {}}, {}, []),
        ({"steps": [1, 2]}, {"steps": [1, 2, 3]}, [Gap("steps", [1, 2], [1, 2, 3])]),
        (
            {"steps": [{"a": 1}]},
            {"steps": [{"a": 1, "b": 2}]},
            [Gap("steps", [{"a": 1}], [{"a": 1, "b": 2}])],
        ),
        ({"steps": [1]}, {"steps": [1.0]}, []),
        ({"limit": None}, {}, []),
        ({"a.b": {"c d": 1}}, {}, [Gap('"a.b"."c d"', 1, None)]),
    ],
)
def test_a_difference_names_each_desired_value_that_is_not_reported(desired, reported, gaps):
    assert difference(desired, reported) == gaps
    assert is_in_sync(desired, reported) is (not gaps)


def test_a_difference_ends_after_a_hundred_places():
    gaps = difference({str(number): number for number in range(150)}, {})

    assert [gap.path for gap in gaps] == [str(number) for number in range(100)]
    assert told(gaps) == "0 is not reported, wanted 0 (and 99 or more)"


@pytest.mark.parametrize(
    ("desired", "reported", "words"),
    [
        ({"pump": {"speed": 60}}, {"pump": {"speed": 40}}, "pump.speed is 40, wanted 60"),
        ({"a": 1, "b": 2, "c": 3}, {"a": 0}, "a is 0, wanted 1 (and 2 more)"),
        ({"mode": "auto"}, {}, 'mode is not reported, wanted "auto"'),
        ({"text": "x" * 100}, {"text": 0}, f'text is 0, wanted "{"x" * 58}…'),
    ],
)
def test_a_difference_is_told_by_its_first_place(desired, reported, words):
    assert told(difference(desired, reported)) == words


@pytest.mark.parametrize(  # the examples of RFC 7396 whose documents are objects
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_the_standard_says(document, patch, result):
    before = repr(document)

    assert merged(document, patch) == result
    assert repr(document) == before


@given(documents, documents)
def test_what_is_reported_as_desired_is_in_sync(desired, beyond):
    assert is_in_sync(desired, {**beyond, **desired})
    assert difference(desired, desired) == []
    assert same(desired, desired)


@given(documents, documents)
def test_in_sync_and_an_empty_difference_are_the_same(desired, reported):
    assert is_in_sync(desired, reported) is (difference(desired, reported) == [])


@given(documents, documents)
def test_merging_the_same_twice_changes_nothing_more(document, patch):
    once = merged(document, patch)

    assert same(merged(once, patch), once)
