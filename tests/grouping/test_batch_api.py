"""Batches on the wire."""

import pytest
from django.utils import timezone

from devices.models import Device
from grouping.models import BatchOperation
from grouping.operations import operations
from grouping.queries import get_batch
from tests.builders import (
    NOON,
    Trpc,
    data_of,
    make_batch,
    make_device,
    make_group,
    make_token,
    make_user,
    refusal_of,
    sign_in,
)
from tests.grouping.batching import answer, operation, settle, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(client):
    sign_in(client, make_user(role="operator"))
    return Trpc(client)


def create(api, **asked):
    return api.mutate("groups.createBatchOperation", {"operation": "restart", **asked})


def test_an_operation_from_its_beginning_to_its_end(api):
    press, pump = make_device(external_id="press-1"), make_device()
    hall = make_group(devices=[press, pump])

    made = data_of(create(api, groupId=hall.pk, parameters={"ttlSeconds": 60}))
    assert made == {
        "id": made["id"],
        "groupId": hall.pk,
        "operation": "restart",
        "parameters": {"ttlSeconds": 60},
        "status": "pending",
        "progress": 0,
        "total": 2,
        "pending": 2,
        "waiting": 0,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
        "outcome": None,
        "results": None,
        "createdBy": made["createdBy"],
        "createdAt": made["createdAt"],
        "startedAt": None,
        "completedAt": None,
    }
    batch = get_batch(made["id"])
    work_off(batch)
    answer(batch, devices=[press])
    answer(batch, "failed", devices=[pump], result={"reason": "jammed"})
    settle(batch)

    over = data_of(api.query("groups.getBatchOperation", {"id": batch.pk}))
    assert over["results"] == [
        {
            "deviceId": press.pk,
            "status": "succeeded",
            "attempt": 1,
            "error": "",
            "commandId": press.commands.get().pk,
        },
        {
            "deviceId": pump.pk,
            "status": "failed",
            "attempt": 1,
            "error": "jammed",
            "commandId": pump.commands.get().pk,
        },
    ]
    assert (over["status"], over["progress"], over["succeeded"], over["failed"]) == ("completed", 100, 1, 1)

    again = data_of(api.mutate("groups.retryFailed", {"id": batch.pk}))
    assert (again["status"], again["pending"], again["progress"]) == ("in_progress", 1, 50)
    stopped = data_of(api.mutate("groups.cancelBatchOperation", {"id": batch.pk}))
    assert (stopped["status"], stopped["cancelled"]) == ("cancelled", 1)
    assert refusal_of(api.mutate("groups.cancelBatchOperation", {"id": batch.pk}))[:2] == (409, "CONFLICT")


def test_a_preview_does_nothing(api):
    press, retired = make_device(external_id="press-1"), make_device(name="Old")
    Device.objects.filter(pk=retired.pk).update(deactivated_at=NOON)

    asked = {"operation": "restart", "deviceIds": ["press-1", retired.pk]}
    assert data_of(api.query("groups.previewBatchOperation", asked)) == {
        "total": 2,
        "eligible": 1,
        "deviceIds": [press.pk],
        "excluded": [{"deviceId": retired.pk, "name": "Old", "reason": "out of service"}],
        "offline": 1,
    }
    assert not BatchOperation.objects.exists()


@pytest.mark.parametrize("batches", [1, 3])
def test_lists_cost_the_same_for_any_number(api, batches, django_assert_num_queries):
    group = make_group(devices=[make_device() for _ in range(batches)])
    made = [make_batch(group=group) for _ in range(batches)]

    with django_assert_num_queries(4):  # session with user, their number, operations, how they stand
        response = api.query("groups.getBatchOperations", {"groupId": group.pk})
    assert [row["id"] for row in data_of(response)] == [batch.pk for batch in reversed(made)]
    assert response.headers["X-Total-Count"] == str(batches)
    assert {row["results"] for row in data_of(response)} == {None}

    with django_assert_num_queries(4):  # session with user, the operation, their number, devices
        response = api.query("groups.batchItems", {"id": made[0].pk, "status": "pending"})
    assert [row["deviceId"] for row in data_of(response)] == group.device_ids
    assert response.headers["X-Total-Count"] == str(batches)
    with django_assert_num_queries(4):
        assert len(data_of(api.query("groups.getBatchOperation", {"id": made[0].pk}))["results"]) == batches
    assert data_of(api.query("groups.getBatchOperations", {"status": "failed"})) == []
    assert data_of(api.query("groups.batchItems", {"id": made[0].pk, "offset": batches})) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"deviceIds": [1]}, (404, "NOT_FOUND", "There is no device 1.")),
        ({"groupId": 999}, (404, "NOT_FOUND", "There is no group 999.")),
        ({}, (400, "BAD_REQUEST", "Name either a group (groupId) or devices (deviceIds).")),
        (
            {"groupId": 999, "operation": "explode"},
            (400, "BAD_REQUEST", "operation: explode is none of {known}"),
        ),
    ],
)
def test_refusals_say_what_is_wrong(api, asked, told):
    known = ", ".join(operation.name for operation in operations())
    status, code, message = told
    assert refusal_of(create(api, **asked)) == (status, code, message.format(known=known))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"deviceIds": "all"}, "deviceIds"),
        ({"deviceIds": [True]}, "deviceIds.0"),
        ({"groupId": "1"}, "groupId"),
        ({"groupId": 1, "parameters": [1]}, "parameters"),
        ({"groupId": 1, "operation": 5}, "operation"),
        ({"groupId": 1, "confirm": "3"}, "confirm"),
        ({"groupId": 1, "idempotencyKey": 5}, "idempotencyKey"),
        ({"groupId": 1, "operation": "update_status", "parameters": {"status": 1}}, "parameters.status"),
    ],
)
def test_bad_input_is_refused_at_its_field(api, asked, field):
    status, code, message = refusal_of(create(api, **asked))
    assert (status, code, message.partition(":")[0]) == (400, "BAD_REQUEST", field)


def test_the_number_that_is_named_has_to_be_right(api):
    group = make_group(devices=[make_device(), make_device()])

    assert refusal_of(create(api, groupId=group.pk, confirm=1)) == (
        412,
        "PRECONDITION_FAILED",
        "confirm: this reaches 2 devices, not 1",
    )
    assert data_of(create(api, groupId=group.pk, confirm=2))["total"] == 2


def test_a_key_that_stands_for_something_else_is_a_conflict(api):
    device = make_device()

    first = data_of(create(api, deviceIds=[device.pk], idempotencyKey="k"))
    assert data_of(create(api, deviceIds=[device.external_id], idempotencyKey="k"))["id"] == first["id"]
    refused = create(api, deviceIds=[device.pk], idempotencyKey="k", parameters={"ttlSeconds": 9})
    assert refusal_of(refused)[:2] == (409, "CONFLICT")


def test_viewers_look_and_do_nothing_and_strangers_not_even_that(client):
    batch = make_batch(devices=[make_device()])
    writes = ["createBatchOperation", "cancelBatchOperation", "retryFailed"]
    asked = {"id": batch.pk, "operation": "restart", "deviceIds": [batch.items.get().device_id]}
    reads = ["getBatchOperation", "getBatchOperations", "batchItems"]

    stranger = Trpc(client)
    device = Trpc(client, bearer=make_token(make_device(), at=timezone.now()))
    for name in writes:
        assert stranger.mutate(f"groups.{name}", asked).status_code == 401
        assert device.mutate(f"groups.{name}", asked).status_code == 403
    for name in [*reads, "previewBatchOperation"]:
        assert stranger.query(f"groups.{name}", asked).status_code == 401
        assert device.query(f"groups.{name}", asked).status_code == 403
    sign_in(client, make_user(role="user"))
    for name in writes:
        assert Trpc(client).mutate(f"groups.{name}", asked).status_code == 403
    assert Trpc(client).query("groups.previewBatchOperation", asked).status_code == 403
    for name in reads:
        data_of(Trpc(client).query(f"groups.{name}", {"id": batch.pk}))
    assert refusal_of(Trpc(client).query("groups.getBatchOperation", {"id": 999}))[:2] == (404, "NOT_FOUND")


def test_what_only_technicians_may_do_is_kept_from_operators(api):
    with operation(carry_out=lambda items, batch, at: {}):
        refused = create(api, operation="paint", deviceIds=[make_device().pk])
    assert refusal_of(refused) == (
        403,
        "FORBIDDEN",
        "Only a technician may start paint for many devices.",
    )


def test_what_only_technicians_may_do_operators_neither_cancel_nor_repeat(api, client):
    with operation("paint", carry_out=lambda items, batch, at: {}):
        running = make_batch(operation="paint", devices=[make_device()], by=make_user(role="technician"))
        for step in ("cancelBatchOperation", "retryFailed"):
            assert refusal_of(api.mutate(f"groups.{step}", {"id": running.pk}))[:2] == (403, "FORBIDDEN")
        sign_in(client, make_user(role="technician"))
        done = Trpc(client).mutate("groups.cancelBatchOperation", {"id": running.pk})
    assert data_of(done)["status"] == "cancelled"


def test_a_key_is_that_of_one_person_and_letter_by_letter(api, client):
    ids = [make_device().pk]
    first = data_of(create(api, deviceIds=ids, idempotencyKey="night"))["id"]
    other_letters = data_of(create(api, deviceIds=ids, idempotencyKey="Night"))["id"]
    sign_in(client, make_user(role="operator"))
    other_person = data_of(create(Trpc(client), deviceIds=ids, idempotencyKey="night"))["id"]

    assert len({first, other_letters, other_person}) == 3
