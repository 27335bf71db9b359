import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.filter_terms import FIELDS, Both, Compares, Either, Has, Is, Not, Reference, Resembles, Value
from devices.filtering import STATUSES, TYPES, Facts, parse_filter
from devices.models import Device
from devices.versions import version_key
from factory.errors import InvalidInput

PRESS = Facts(
    type="controller",
    zone="Hall-3",
    status="online",
    tags=["press", "24/7"],
    firmware="2.10.0",
    name="Press 1",
    external_id="press-1",
    location="north wall",
    metadata={
        "line": 7,
        "critical": True,
        "maker": {"name": "Müller & Co", "year": 1998},
        "spares": ["A1", 7],
        "note": None,
        "serial number": "007",
    },
)
KNOWN = "type, zone, status, tag, firmware, name, deviceId, location, metadata.…"
VALUES = "a word, a text in quotes"


def is_press(text: str) -> bool:
    return parse_filter(text).matches(PRESS)


@pytest.mark.parametrize(
    "text",
    [
        "type = controller",
        "zone = 'Hall-3'",
        'zone = "Hall-3"',
        "zone != hall-3",
        "zone in (Hall-1, Hall-3)",
        "zone not in (Hall-1, 'Hall 2')",
        "STATUS = online AND Zone = Hall-3",
        "tag = press",
        "tag = 24/7 and tag != spare",
        "tag in (spare, press)",
        "firmware = 2.10.0",
        "firmware > 2.9",
        "firmware >= 2.10 and firmware <= 2.10 and not firmware < 2.10",
        "firmware > 2.10.0-rc1",
        "name like 'Press *'",
        "name like 'Press ?'",
        "name contains ress",
        "deviceId = press-1",
        "location not contains south",
        "metadata.line = 7",
        "metadata.line = 7.0",
        "metadata.line < 7.5 and metadata.line >= -1e3",
        "metadata.critical = true",
        "metadata.critical != false",
        "metadata.maker.name = 'Müller & Co'",
        "metadata.maker.name like Müller*",
        "metadata.maker.year > 1990",
        "metadata.spares = A1 and metadata.spares = 7",
        "metadata.'serial number' = 007",
        "metadata.'serial number' = '007'",
        "has metadata.maker and has metadata.maker.name and has tag and has location",
        "not has metadata.note",
        "not has metadata.owner",
        "metadata.owner != Eve",
        "zone = x or zone = Hall-3 and type = controller",
        "not (zone = x or status = offline)",
        "(((zone = Hall-3)))",
    ],
)
def test_a_filter_finds_the_device_it_speaks_of(text):
    assert is_press(text)


@pytest.mark.parametrize(
    "text",
    [
        "zone = hall-3",  # text is exact
        "zone = 'Hall-3 '",
        "name = Press",
        "name like press*",
        "name like Press",
        "tag != press",
        "tag not in (spare, press)",
        "tag contains press1",
        "firmware = 2.10",  # the same version, another text
        "firmware < 2.9",
        "metadata.line = '7'",  # in quotes only the text
        "metadata.line > 7",
        "metadata.critical = 1",
        "metadata.critical = 'true'",
        "metadata.'serial number' > 6",  # a text, though of digits
        "metadata.maker = Müller",
        "metadata.maker.year.month = 3",
        "metadata.owner = Eve",
        "has metadata.note",
        "(zone = x or zone = Hall-3) and type = sensor",
        "not zone = Hall-3 or not zone = Hall-3",
    ],
)
def test_a_filter_leaves_out_the_device_it_does_not_speak_of(text):
    assert not is_press(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "type = pump",
            "at position 8: 'pump' is no type; expected one of sensor, actuator, controller, gateway",
        ),
        (
            "zone = a and status in (online, broken)",
            "at position 33: 'broken' is no status; expected one of online, offline, maintenance, error",
        ),
        (
            "colour = red",
            f"at position 1: there is no field 'colour'; expected one of {KNOWN}",
        ),
        (
            "zone = a and zones = b",
            f"at position 14: there is no field 'zones' (do you mean zone?); expected one of {KNOWN}",
        ),
        (
            "zone = a zone = b",
            "at position 10: 'zone' does not fit here; expected one of the end, and, or",
        ),
        ("zone =", "at position 7: it ends too early; expected one of a word, a text in quotes"),
        ("", "at position 1: there is nothing to read; expected one of a word, metadata.…, (, has, not"),
        ("zone = 'Hall 3", "at position 8: the quote is never closed"),
        (
            "zone = or",
            f"at position 8: 'or' does not fit here (in quotes it would be a text); expected one of {VALUES}",
        ),
        ("(zone = a", "at position 10: it ends too early; expected one of )"),
        (
            "name > 3",
            "at position 6: name has no order; expected one of =, !=, in, not in, like, contains",
        ),
        ("firmware > new", "at position 12: 'new' is no version such as 2.10"),
        ("metadata.x > '3'", "at position 14: metadata is put in order by number, and '3' is none"),
        (
            "metadata = 3",
            "at position 1: metadata is asked for by names: metadata.line, metadata.'serial number'",
        ),
        (
            "(" * 33 + "has tag" + ")" * 33,
            "at position 1: at most 32 levels inside each other are understood",
        ),
        ("not " * 33 + "has tag", "at position 1: at most 32 levels inside each other are understood"),
        (
            f"zone in ({','.join('x' * 201)})",
            "at position 6: at most 200 values are understood",
        ),
        (
            " or ".join(["has tag"] * 100 + ["tag in (a,b,c)"] * 34),
            "at position 9: at most 200 comparisons are understood",
        ),
        ("zone=" + "a" * 2000, "at position 2001: it is too long, at most 2,000 characters are understood"),
    ],
)
def test_a_bad_filter_is_refused_with_its_position(text, reason):
    with pytest.raises(InvalidInput) as refused:
        parse_filter(text)

    assert refused.value.fields == {"filter": [reason]}
    assert refused.value.message == f"filter: {reason}"


def test_the_words_of_type_and_status_are_those_of_devices():
    assert set(TYPES) == set(Device.Type.values)
    assert set(STATUSES) == set(Device.Status.values)


def test_versions_are_ordered_by_number_and_forerunners_come_first():
    ascending = [
        "1",
        "1.9-rc",
        "1.9",
        "v1.10-alpha",
        "1.10-rc.2",
        "1.10-rc10",
        "1.10",
        "1.10.1+b7",
        "2-1",
        "2",
    ]

    assert sorted(sorted(ascending), key=version_key) == ascending
    assert version_key("2.0") == version_key("V2") == version_key("2.0.0+factory")
    assert [version_key(text) for text in ("", "new", "v", "-1")] == [None] * 4


def test_a_pattern_of_many_stars_is_quick():
    text = parse_filter("name like '" + "*a" * 500 + "b'")

    assert not text.matches(PRESS._replace(name="a" * 5000))


# What is printed is read as the same, and matches as a plain reading of the words would.

words = st.text(st.sampled_from("ab7.-*?'\"\\ ü"), max_size=5)
texts = st.builds(Value, words | st.sampled_from(["and", "true", "7", "a1"]))
bare = st.builds(Value, st.sampled_from(["7", "-1.5", "2e3", "true", "False"]), st.just(True))
numbers = st.builds(Value, st.sampled_from(["7", "-1.5", "2e3"]), st.just(True))
plain = st.builds(Reference, st.sampled_from(sorted(FIELDS.keys() - {"metadata", "type", "status"})))
deep = st.builds(
    Reference,
    st.just("metadata"),
    st.lists(words | st.sampled_from("xy"), min_size=1, max_size=3).map(tuple),
)
references = plain | deep
several = st.lists(texts | bare, min_size=1, max_size=3).map(tuple)
simple = (
    st.builds(Is, references, several)
    | st.builds(
        Compares,
        st.just(Reference("firmware")),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.builds(Value, st.sampled_from(["v2.10-rc1", "v3"]))
        | numbers.filter(lambda value: value.text == "7"),
    )
    | st.builds(Compares, deep, st.sampled_from(["<", "<=", ">", ">="]), numbers)
    | st.builds(Resembles, references, st.sampled_from(["like", "contains"]), texts | bare)
    | st.builds(Has, references)
)
terms = st.recursive(
    simple,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Both, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
scalars = st.none() | st.booleans() | st.sampled_from([7, -1.5, 2000, 3]) | words | st.just("7")
facts = st.builds(
    Facts,
    zone=words,
    tags=st.lists(words, max_size=3),
    firmware=st.sampled_from(["", "2.9", "2.10-rc1", "2.10", "7", "new"]),
    name=words,
    external_id=words,
    location=words,
    metadata=st.dictionaries(
        words | st.sampled_from("xy"),
        scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from("xy"), scalars),
        max_size=3,
    ),
)


@given(terms)
def test_a_printed_filter_reads_as_itself(term):
    assert parse_filter(str(term)).term == term


def plainly(term, device) -> bool:
    """The same, as slowly and simply as can be."""
    if isinstance(term, Not):
        return not plainly(term.inner, device)
    if isinstance(term, Both):
        return min(plainly(part, device) for part in term.parts)
    if isinstance(term, Either):
        return max(plainly(part, device) for part in term.parts)
    found = getattr(device, FIELDS[term.reference.name])
    for key in term.reference.path:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(term, Has):
        return found is not None and (found not in ("", []) or bool(term.reference.path))
    elements = found if isinstance(found, list) else [found]
    return any(is_so(term, element) for element in elements)


def is_so(term, element) -> bool:
    if isinstance(term, Is):
        return any(is_equal(element, value) for value in term.values)
    if isinstance(term, Compares):
        if term.reference.path:
            if type(element) not in (int, float):
                return False
            left, right = element, float(term.value.text)
        else:
            left, right = version_key(element), version_key(term.value.text)
            if left is None:
                return False
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[term.order]
    if not isinstance(element, str):
        return False
    if term.how == "contains":
        return term.value.text in element
    as_regex = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in term.value.text)
    return re.fullmatch(as_regex, element, re.DOTALL) is not None


def is_equal(element, value) -> bool:
    if isinstance(element, str):
        return element == value.text
    if not value.is_bare or element is None or isinstance(element, dict | list):
        return False
    if value.text.lower() in ("true", "false"):
        return element is (value.text.lower() == "true")
    return type(element) in (int, float) and element == float(value.text)


@given(terms, facts)
def test_a_filter_matches_as_a_plain_reading_of_it_would(term, device):
    assert parse_filter(str(term)).matches(device) == plainly(term, device)


def test_the_examples_of_the_description_are_understood():
    text = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()
    examples = re.findall(r"^    (.+)$", text, re.MULTILINE)

    assert len(examples) == 8
    for example in examples:
        parse_filter(example)
