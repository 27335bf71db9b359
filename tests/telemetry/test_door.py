import math

import pytest

from factory.errors import InvalidInput
from telemetry.batch import Sample
from telemetry.door import Refusal, TimeLimits, open_door

NOW = 1_800_000_000_000
LIMITS = TimeLimits.at(NOW, retention_days=90, future_seconds=300)
DAY = 86_400_000


def resolve(reference):
    if reference in (None, 7, "press-7"):
        return 7
    raise Refusal("deviceId", "this token belongs to another device")


def taken(message):
    return open_door(message, resolve=resolve, limits=LIMITS)


def refused(message) -> dict:
    with pytest.raises(InvalidInput) as refusal:
        taken(message)
    return refusal.value.fields


@pytest.mark.parametrize(
    "message",
    [
        {"deviceId": 7, "data": {"temperature": 20.5, "custom_1": 3}, "timestamp": NOW},
        {"data": {"temperature": 20.5, "custom_1": 3, "humidity": None}, "timestamp": NOW},
        {"readings": [{"data": {"temperature": 20.5, "custom_1": 3}, "timestamp": NOW}]},
        {
            "deviceId": "press-7",
            "readings": [{"data": {"temperature": 20.5, "custom_1": 3}, "timestamp": NOW}],
        },
    ],
)
def test_the_shapes_mean_the_same(message):
    assert taken(message).samples == [Sample(7, NOW, {"temperature": 20.5, "custom_1": 3})]


def test_the_flat_shape_takes_the_declared_metrics_only():
    message = {"deviceId": 7, "temperature": 20, "rpm": 1500, "pressure": None, "colour": "red"}

    assert taken(message).samples == [Sample(7, NOW, {"temperature": 20, "rpm": 1500})]


def test_without_a_timestamp_it_is_now():
    assert taken({"power": 5}).samples[0].timestamp == NOW


@pytest.mark.parametrize(
    ("message", "field", "reason"),
    [
        ({"data": {"temperature": "20"}}, "data.temperature", "must be a number"),
        ({"temperature": True}, "data.temperature", "must be a number"),
        ({"data": {"temperature": math.nan}}, "data.temperature", "must be a finite number of at most 1e300"),
        ({"data": {"temperature": math.inf}}, "data.temperature", "must be a finite number of at most 1e300"),
        ({"data": {"temperature": 10**400}}, "data.temperature", "must be a finite number of at most 1e300"),
        (
            {"data": {"Temp!": 1}},
            "data.Temp!",
            "is no metric name: a-z first, then a-z, 0-9 and _, at most 63",
        ),
        ({"data": {}}, "data", "holds no value"),
        ({"data": [1]}, "data", "must be an object {metric: number}"),
        ({}, "data", "is missing: give {metric: number}"),
        ({"data": {f"m{i}": 1 for i in range(65)}}, "data", "holds 65 metrics; at most 64"),
        (
            {"power": 1, "timestamp": NOW + 301_000},
            "timestamp",
            "is more than 5 minutes ahead of the server's clock",
        ),
        ({"power": 1, "timestamp": NOW - 90 * DAY - 1}, "timestamp", "is older than what is kept"),
        ({"power": 1, "timestamp": "now"}, "timestamp", "must be an integer, milliseconds since the epoch"),
        ({"power": 1, "timestamp": 1.5}, "timestamp", "must be an integer, milliseconds since the epoch"),
        ({"power": 1, "deviceId": 8}, "deviceId", "this token belongs to another device"),
        ({"readings": []}, "readings", "is empty"),
        ({"readings": {"a": 1}}, "readings", "must be a list"),
        ({"readings": [{"power": 1}] * 5001}, "readings", "holds 5001 items; at most 5000 at once"),
        ({"readings": [{"power": "x"}]}, "readings.0", "data.power: must be a number"),
    ],
)
def test_what_is_wrong_is_named(message, field, reason):
    assert refused(message) == {field: [reason]}


@pytest.mark.parametrize("message", [None, [], "text", 5])
def test_only_an_object_is_a_message(message):
    assert refused(message) == {}


def test_a_bad_item_never_costs_the_good_ones():
    delivery = taken(
        {
            "readings": [
                {"power": 1, "timestamp": NOW},
                {"power": "x"},
                17,
                {"power": 2, "timestamp": NOW + 1},
                {"power": 3, "deviceId": 8},
            ]
        }
    )

    assert [sample.data["power"] for sample in delivery.samples] == [1, 2]
    assert delivery.places == [0, 3]
    assert delivery.rejected == [
        {"index": 1, "reason": "data.power: must be a number"},
        {"index": 2, "reason": "readings: each item must be an object"},
        {"index": 4, "reason": "deviceId: this token belongs to another device"},
    ]


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"power": 1, "rpm": 2.5}, {"power": 1, "rpm": 2.5}),
        ({"power": 1, "rpm": None}, {"power": 1}),
        ({"power": 2**63, "rpm": -(2**63)}, {"power": float(2**63), "rpm": -(2**63)}),
    ],
)
def test_of_a_reading_the_values_are_taken_that_can_be_stored(data, values):
    [sample] = taken({"data": data}).samples

    assert sample.data == values
    assert [type(value) for value in sample.data.values()] == [type(value) for value in values.values()]
