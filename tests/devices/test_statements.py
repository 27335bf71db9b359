"""Statements that MariaDB takes: none is larger than its packet."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Command, Configuration, ConfigurationVersion, Device
from devices.services import (
    Ack,
    Order,
    hear_acks,
    import_devices,
    send_commands,
    set_desired_many,
    set_type_defaults,
)
from factory.statements import BYTES_AT_ONCE, in_parts, size_of_json
from tests.builders import NOON, make_device


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([], []),
        ([1, 1], [2]),
        ([BYTES_AT_ONCE * 3], [1]),
        ([BYTES_AT_ONCE - 1, 1, 1], [2, 1]),
        ([BYTES_AT_ONCE * 3, 1, BYTES_AT_ONCE], [1, 1, 1]),
        ([0] * 1001, [500, 500, 1]),
    ],
)
def test_rows_are_parted_by_their_sizes(sizes, parts):
    rows = [(number, size) for number, size in enumerate(sizes)]

    found = list(in_parts(rows))

    assert [len(part) for part in found] == parts
    assert [row for part in found for row in part] == list(range(len(sizes)))


@pytest.mark.django_db
def test_a_large_wish_for_five_hundred_devices():
    Device.objects.bulk_create(
        [Device(external_id=f"L{number}", name="L", type="sensor") for number in range(500)]
    )
    ids = list(Device.objects.values_list("pk", flat=True))

    with CaptureQueriesContext(connection) as seen:
        told = set_desired_many(device_ids=ids, desired={"blob": "v" * 60_000}, merge=False, at=NOON)

    assert told == dict.fromkeys(ids, 1)
    assert ConfigurationVersion.objects.count() == Configuration.objects.filter(version=1).count() == 500
    assert max(len(query["sql"]) for query in seen) < 2 * BYTES_AT_ONCE


@pytest.mark.django_db
def test_an_import_of_devices_that_begin_with_a_large_configuration():
    make_device(type="gateway")
    set_type_defaults(type="sensor", configuration={"blob": "v" * 20_000})
    text = "deviceId,name,type\n" + "".join(f"imp-{number},Imp,sensor\n" for number in range(1000))

    with CaptureQueriesContext(connection) as seen:
        assert import_devices(text=text, at=NOON).created == 1000

    assert Configuration.objects.filter(version=1).count() == ConfigurationVersion.objects.count() == 1000
    assert max(len(query["sql"]) for query in seen) < 2 * BYTES_AT_ONCE


def test_the_size_of_a_value_is_no_less_than_what_is_written():
    quoted = {"a": '"' * 100 + "\\" * 100 + "'" * 100 + "\u00e4" * 100}
    written = json.dumps(quoted).replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")

    assert size_of_json(quoted) >= len(written)


@pytest.mark.django_db
def test_five_hundred_commands_with_large_parameters_and_their_large_results():
    Device.objects.bulk_create(
        [Device(external_id=f"L{number}", name="L", type="sensor") for number in range(500)]
    )
    ids = list(Device.objects.order_by("pk").values_list("pk", flat=True))
    large = {"blob": "v" * 60_000}

    with CaptureQueriesContext(connection) as seen:
        sent = send_commands(orders=[Order(pk, "paint", large) for pk in ids], at=NOON)
        told = hear_acks(acks=[Ack(each.device_id, each.pk, "succeeded", large) for each in sent], at=NOON)

    assert [each.device_id for each in sent] == ids
    assert [each.pk for each in told] == [each.pk for each in sent]
    assert len({each.pk for each in sent}) == 500
    done = Command.objects.filter(status="succeeded").values_list("parameters", "result")
    assert all(pair == (large, large) for pair in done.iterator())
    assert done.count() == 500
    # What `executemany` is given is told as "500 times: …", and is sent one by one.
    one_by_one = "500 times: UPDATE"
    assert (
        max(len(query["sql"]) for query in seen if not query["sql"].startswith(one_by_one))
        < 2 * BYTES_AT_ONCE
    )
