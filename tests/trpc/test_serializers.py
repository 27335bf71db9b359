"""camelCase outside, snake_case inside, and no quiet conversions."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.core.exceptions import ObjectDoesNotExist
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from factory.trpc.serializers import (
    FreeForm,
    MillisField,
    StrictBoolean,
    StrictDateTime,
    StrictFloat,
    StrictInteger,
    StrictString,
    WireSerializer,
    wire_name,
)

AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
MILLIS = 1_767_323_045_678


class Site(WireSerializer):
    site_name = serializers.CharField()


class Row(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.CharField(source="external_id")
    last_seen_at = serializers.DateTimeField(allow_null=True)
    meta_data = serializers.JSONField()
    home = Site()
    sites = Site(many=True)
    site_name = serializers.CharField(source="home.site_name")
    label = serializers.SerializerMethodField()
    note = serializers.CharField(required=False)
    at_ms = MillisField(source="last_seen_at", allow_null=True)
    secret_word = serializers.CharField(write_only=True)

    def get_label(self, row):
        return f"#{row['id'] if isinstance(row, dict) else row.id}"


def row_of(**more):
    home = SimpleNamespace(site_name="Halle 1")
    values = {
        "id": 1,
        "external_id": "d-1",
        "last_seen_at": AT,
        "meta_data": {"snake_key": {"camelKey": 1}},
        "home": home,
        "sites": [home],
    }
    return values | more


EXPECTED = {
    "id": 1,
    "deviceId": "d-1",
    "lastSeenAt": AT,
    "metaData": {"snake_key": {"camelKey": 1}},
    "home": {"siteName": "Halle 1"},
    "sites": [{"siteName": "Halle 1"}],
    "siteName": "Halle 1",
    "label": "#1",
    "note": "n",
    "atMs": MILLIS,
}


def test_declared_names_are_camel_case_and_free_form_values_pass_unchanged():
    row = SimpleNamespace(**row_of(note="n"))

    assert Row.row(row) == EXPECTED
    assert Row.rows([row]) == [EXPECTED]
    assert Row(row).data == EXPECTED
    assert Row([row], many=True).data == [EXPECTED]
    assert list(Row.row(row)) == list(EXPECTED)


def test_dictionaries_are_rows_too():
    assert Row.row(row_of(note="n", home={"site_name": "Halle 1"})) == EXPECTED


def test_an_optional_member_that_is_missing_is_left_out():
    for row in (SimpleNamespace(**row_of()), row_of(home={"site_name": "Halle 1"})):
        assert Row.row(row) == {key: value for key, value in EXPECTED.items() if key != "note"}


def test_a_required_member_that_is_missing_is_a_bug():
    with pytest.raises(AttributeError, match="external_id"):
        Row.row(SimpleNamespace(id=1))


def test_none_is_null():
    row = Row.row(SimpleNamespace(**row_of(note=None, last_seen_at=None)))
    assert (row["note"], row["lastSeenAt"], row["atMs"]) == (None, None, None)


def test_methods_are_called_and_vanished_relations_are_null():
    class Odd(WireSerializer):
        count = serializers.IntegerField()
        owner_name = serializers.CharField(source="owner.name", allow_null=True)

    class Thing:
        def count(self):
            return "5"

        @property
        def owner(self):
            raise ObjectDoesNotExist

    assert Odd.row(Thing()) == {"count": 5, "ownerName": None}


def test_a_value_of_another_type_is_converted_by_its_field():
    class Small(WireSerializer):
        n = serializers.IntegerField()
        text = serializers.CharField()
        odd = serializers.FloatField()

    assert Small.row({"n": "5", "text": 5, "odd": 1}) == {"n": 5, "text": "5", "odd": 1.0}


def test_a_date_with_a_format_of_its_own_keeps_it():
    class Dated(WireSerializer):
        at = serializers.DateTimeField(format="%Y")

    assert Dated.row({"at": AT}) == {"at": "2026"}


def test_one_field_and_no_field_are_rows_too():
    assert Site.row({"site_name": "a"}) == {"siteName": "a"}
    assert type("Nothing", (WireSerializer,), {}).row(object()) == {}


@dataclass
class Reading:
    id: int
    device_id: str
    created_at: datetime


def test_a_subclass_has_a_plan_of_its_own():
    class Base(WireSerializer):
        id = serializers.IntegerField()

    class More(Base):
        device_id = serializers.CharField()

    reading = Reading(1, "d", AT)
    assert Base.row(reading) == {"id": 1}
    assert More.row(reading) == {"id": 1, "deviceId": "d"}


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("id", "id"),
        ("last_seen_at", "lastSeenAt"),
        ("from_", "from"),
        ("sha256", "sha256"),
        ("byType", "byType"),
    ],
)
def test_names(name, wire):
    assert wire_name(name) == wire


# Reading


class Filter(WireSerializer):
    device_id = StrictString(required=False)
    from_ = StrictDateTime(required=False)
    max_rows = StrictInteger(default=10)


def test_input_is_known_by_its_wire_names_only():
    read = Filter.prototype().run_validation
    assert read({"deviceId": "a", "from": "2026-01-02T03:04:05.678Z", "other": 1}) == {
        "device_id": "a",
        "from_": AT,
        "max_rows": 10,
    }
    assert read({"device_id": "a", "from_": 5}) == {"max_rows": 10}


NOT_A_NUMBER = ["1", True, None, [], {}, math.nan, math.inf, -math.inf]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (StrictInteger(), [0, -5, 2**53 - 1, 1.0], [*NOT_A_NUMBER, 1.5, 2**53, -(2**53), 1e300, 10**400, ""]),
        (StrictInteger(min_value=1, max_value=3), [1, 3], [0, 4]),
        (StrictFloat(), [0, 1.5, -1e300, 2**60], [*NOT_A_NUMBER, 10**400, ""]),
        (StrictFloat(max_value=2), [2], [2.1]),
        (StrictString(), ["a", "1"], [1, 1.5, True, None, [], {}, "", "  ", "a\x00", "\ud800"]),
        (StrictString(allow_blank=True), ["", "a"], [0]),
        (StrictBoolean(), [True, False], ["true", 1, 0, "", None, []]),
        (
            StrictDateTime(),
            ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00", AT],
            [5, "soon", True, None, []],
        ),
        (MillisField(), [MILLIS, 0], ["2026-01-02T03:04:05Z", True, 1.5, math.nan]),
        (FreeForm(), [{}, {"a": [1, {"b": None}]}], [[], "a", 5, {"a": math.nan}, {"a": {1}}]),
        (FreeForm(anything=True), [{}, [], "a", 5, True], [math.inf, [math.nan]]),
    ],
)
def test_strict_fields_take_what_they_say_and_nothing_else(field, good, bad):
    for value in good:
        field.run_validation(value)
    for value in bad:
        with pytest.raises(ValidationError) as refusal:
            field.run_validation(value)
        assert all(
            str(reason).endswith((".", "null", "JSON.", "allowed.")) for reason in refusal.value.detail
        )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (StrictInteger(), "5", "Expected an integer, got a string."),
        (StrictInteger(), True, "Expected an integer, got a boolean."),
        (StrictInteger(), 1.5, "Expected an integer, got a fraction."),
        (StrictInteger(), math.nan, "Expected an integer, got not a finite number."),
        (StrictInteger(), 2**60, "The integer is too large."),
        (StrictFloat(), "5", "Expected a number, got a string."),
        (StrictFloat(), math.inf, "Expected a finite number."),
        (StrictString(), 5, "Expected a string, got a number."),
        (StrictBoolean(), 1, "Expected a boolean, got a number."),
        (FreeForm(), [], "Expected an object, got an array."),
    ],
)
def test_reasons_say_what_was_expected_and_what_came(field, value, reason):
    with pytest.raises(ValidationError, match=reason):
        field.run_validation(value)


def test_times_become_utc_and_dates_of_superjson_are_understood():
    assert StrictDateTime().run_validation("2026-01-02T05:04:05.678+02:00") == AT
    assert StrictDateTime().run_validation("2026-01-02T03:04:05.678") == AT
    assert MillisField().run_validation(AT) == MILLIS
    assert MillisField().to_representation(AT) == MILLIS
    assert MillisField().to_representation(MILLIS) == MILLIS


def test_free_form_values_are_kept_as_json():
    assert FreeForm().run_validation({"at": AT}) == {"at": "2026-01-02T03:04:05.678Z"}


def nested(levels, kind=dict):
    value = kind()
    for _ in range(levels - 1):
        value = {"a": value} if kind is dict else [value]
    return value


@pytest.mark.parametrize("kind", [dict, list])
def test_free_form_values_nest_as_deep_as_every_database_keeps(kind):
    field = FreeForm(anything=True)

    assert field.run_validation(nested(24, kind)) == nested(24, kind)
    for levels in (25, 5000):
        with pytest.raises(ValidationError, match="May nest 24 levels deep"):
            field.run_validation(nested(levels, kind))
