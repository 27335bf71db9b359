"""Beginning, cancelling and repeating batches: who is in it, and who is not."""

from datetime import timedelta

import pytest

from devices.models import Command, Device
from devices.queries import DeviceUnknown
from devices.services import delete_devices
from factory.errors import Forbidden, InvalidInput
from grouping import operations
from grouping.models import BatchItem, BatchOperation
from grouping.operations import Failed, Succeeded
from grouping.queries import GroupUnknown, get_batch
from grouping.services import (
    BatchMovedOn,
    DevicesMiscounted,
    IdempotencyKeyTaken,
    TooManyBatches,
    cancel_batch,
    create_batch,
    preview_batch,
    retry_failed,
    settle_items,
)
from tests.builders import NOON, make_batch, make_device, make_group, make_user
from tests.grouping.batching import answer, items, operation, settle, statuses, work, work_off

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


def take_out_of_service(device):
    Device.objects.filter(pk=device.pk).update(deactivated_at=NOON)


def test_who_is_in_a_batch_is_fixed_when_it_is_made():
    hall_device, press, pump = make_device(), make_device(name="Press"), make_device(name="Pump")
    hall = make_group(devices=[hall_device])
    line = make_group(devices=[press, pump], parent=hall)
    by = make_user(role="operator")

    batch = make_batch(group=hall, by=by)
    take_out_of_service(hall_device)
    line.memberships.all().delete()

    assert (batch.total, batch.status, batch.created_by, batch.group) == (3, "pending", by, hall)
    assert items(batch, "device_id", "device_name", "status", "attempt") == [
        (hall_device.pk, hall_device.name, "pending", 1),
        (press.pk, "Press", "pending", 1),
        (pump.pk, "Pump", "pending", 1),
    ]


def test_a_preview_tells_who_takes_part_who_does_not_and_who_is_away():
    online, offline = make_device(status="online"), make_device(status="offline")
    gone, gateway = make_device(name="Old press"), make_device(name="Gateway", type="gateway")
    take_out_of_service(gone)
    ids = [device.pk for device in (online, offline, gone, gateway)]

    def no_gateways(devices, parameters):
        return {device.pk: "It is a gateway." for device in devices if device.type == "gateway"}

    with operation(exclude=no_gateways, carry_out=lambda items, batch, at: {}):
        preview = preview_batch(operation="paint", parameters={}, device_ids=ids)
        batch = make_batch(
            operation="paint",
            devices=[online, offline, gone, gateway],
            by=make_user(role="technician"),
        )

    assert preview.eligible == [online.pk, offline.pk] == [pk for (pk,) in items(batch, "device_id")]
    assert preview.excluded == [
        (gone.pk, "Old press", "out of service"),
        (gateway.pk, "Gateway", "It is a gateway."),
    ]
    assert (preview.total, preview.offline) == (4, 1)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"operation": "explode"}, "operation"),
        ({"operation": "update_status"}, "parameters.status"),
        ({"operation": "update_status", "parameters": {"status": "sleepy"}}, "parameters.status"),
        ({"operation": "update_config"}, "parameters.desired"),
        ({"operation": "update_config", "parameters": {"desired": [1]}}, "parameters.desired"),
        (
            {"operation": "update_config", "parameters": {"desired": {"a": 1}, "merge": 1}},
            "parameters.merge",
        ),
        (
            {"operation": "update_config", "parameters": {"desired": {"a": 1}, "ttlSeconds": 0}},
            "parameters.ttlSeconds",
        ),
        ({"operation": "restart", "parameters": {"ttlSeconds": "soon"}}, "parameters.ttlSeconds"),
        ({"operation": "restart", "parameters": {"ttlSeconds": True}}, "parameters.ttlSeconds"),
        ({"operation": "command"}, "parameters.name"),
        ({"operation": "command", "parameters": {"name": "no spaces please"}}, "parameters.name"),
        (
            {"operation": "command", "parameters": {"name": "dim", "parameters": [1]}},
            "parameters.parameters",
        ),
        ({"idempotency_key": ""}, "idempotencyKey"),
        ({"idempotency_key": "x" * 101}, "idempotencyKey"),
    ],
)
def test_a_request_that_is_not_in_order_is_refused_at_its_field(asked, field):
    device = make_device()

    with pytest.raises(InvalidInput) as refusal:
        make_batch(devices=[device], **asked)

    assert list(refusal.value.fields) == [field]
    assert not BatchOperation.objects.exists()


def test_what_a_room_has_to_bring_is_refused_clearly_where_it_does_not(monkeypatch):
    monkeypatch.delitem(operations._registered, "firmware_update", raising=False)

    with pytest.raises(InvalidInput, match="operation: firmware_update is not available on this server"):
        make_batch(operation="firmware_update", devices=[make_device()])


def test_a_batch_is_of_a_group_or_of_devices_and_somebody_takes_part():
    device = make_device()
    by = make_user(role="operator")
    asked = {"operation": "restart", "parameters": {}, "at": NOON, "by": by}

    for whom in ({}, {"group_id": make_group().pk, "device_ids": [device.pk]}):
        with pytest.raises(InvalidInput, match="either a group"):
            create_batch(**asked, **whom)
    with pytest.raises(GroupUnknown):
        create_batch(**asked, group_id=999)
    with pytest.raises(DeviceUnknown):
        create_batch(**asked, device_ids=[device.pk, 999])
    with pytest.raises(InvalidInput, match="groupId: no device can take part"):
        create_batch(**asked, group_id=make_group().pk)
    with pytest.raises(InvalidInput, match="deviceIds: must name at least one device"):
        create_batch(**asked, device_ids=[])
    take_out_of_service(device)
    with pytest.raises(InvalidInput, match="no device can take part: out of service"):
        create_batch(**asked, device_ids=[device.pk])
    assert not BatchOperation.objects.exists()


def test_an_operation_is_for_those_whose_role_it_names():
    with operation(carry_out=lambda items, batch, at: {}), pytest.raises(Forbidden, match="technician"):
        make_batch(operation="paint", devices=[make_device()])
    with pytest.raises(Forbidden):
        make_batch(devices=[make_device()], by=make_user(role="user"))


def test_the_same_request_under_one_key_is_one_batch():
    press, pump, omar = make_device(), make_device(), make_user(role="operator")

    first = make_batch(devices=[press, pump], by=omar, idempotency_key="night shift")
    again = make_batch(devices=[pump, press], by=omar, idempotency_key="night shift", at=LATER)

    assert again == first
    assert BatchItem.objects.count() == 2
    for other in (
        {"devices": [press]},
        {"devices": [press, pump], "parameters": {"ttlSeconds": 5}},
        {"devices": [press, pump], "operation": "update_status", "parameters": {"status": "maintenance"}},
        {"group": make_group(devices=[press, pump])},
    ):
        with pytest.raises(IdempotencyKeyTaken, match="is another one"):
            make_batch(by=omar, idempotency_key="night shift", **other)
    assert BatchOperation.objects.count() == 1


def test_whoever_names_a_number_is_told_when_it_is_another_one():
    devices = [make_device(), make_device()]

    with pytest.raises(DevicesMiscounted, match="confirm: this reaches 2 devices, not 3") as refusal:
        make_batch(devices=devices, confirm=3)

    assert (refusal.value.code, list(refusal.value.fields)) == ("PRECONDITION_FAILED", ["confirm"])
    assert make_batch(devices=devices, confirm=2).total == 2


def test_a_group_has_so_many_running_at_a_time_and_so_has_a_hand_that_picks():
    device = make_device()
    line, other = make_group(devices=[device]), make_group(devices=[device])
    omar, olga = make_user(role="operator"), make_user(role="operator")

    for _ in range(3):
        first_of_line = make_batch(group=line, by=omar)
        first_of_omar = make_batch(devices=[device], by=omar)
    with pytest.raises(TooManyBatches, match="for this group"):
        make_batch(group=line, by=olga)
    with pytest.raises(TooManyBatches, match="you picked"):
        make_batch(devices=[device], by=omar)

    make_batch(group=other, by=omar)
    make_batch(devices=[device], by=olga)
    cancel_batch(batch=first_of_line, at=NOON)
    cancel_batch(batch=first_of_omar, at=NOON)
    make_batch(group=line, by=omar)
    make_batch(devices=[device], by=omar)


def test_a_cancelled_batch_does_nothing_more_and_is_over_with_its_last_answer():
    told, untold, pending = (make_device() for _ in range(3))
    batch = make_batch(devices=[told, untold])
    work_off(batch)
    BatchItem.objects.create(
        batch=batch, device=pending, device_name="Late", status="working", claim="x", updated_at=NOON
    )
    BatchOperation.objects.filter(pk=batch.pk).update(total=3)
    Command.objects.filter(device=told).update(status="sent", attempts=1)

    cancelled = cancel_batch(batch=get_batch(batch.pk), at=LATER)

    assert (cancelled.status, cancelled.completed_at) == ("cancelled", None)
    assert items(batch, "device_id", "status") == [
        (told.pk, "waiting"),
        (untold.pk, "cancelled"),
        (pending.pk, "cancelled"),
    ]
    assert Command.objects.get(device=untold).status == "expired"
    with pytest.raises(BatchMovedOn, match="is cancelled"):
        cancel_batch(batch=batch, at=LATER)

    answer(batch)
    over = settle(batch, at=LATER)
    assert (over.status, over.completed_at) == ("cancelled", LATER)
    assert statuses(over) == {"succeeded": 1, "cancelled": 2}
    with pytest.raises(BatchMovedOn, match="was not cancelled"):
        retry_failed(batch=batch, at=LATER)


def test_a_retry_is_for_the_failed_only():
    good, bad, gone, retired = (make_device() for _ in range(4))
    batch = make_batch(devices=[good, bad, gone, retired])
    work_off(batch)
    with pytest.raises(BatchMovedOn, match="in progress"):
        retry_failed(batch=batch, at=NOON)
    answer(batch, devices=[good])
    answer(batch, "failed", devices=[bad, gone, retired], result={"reason": "valve stuck"})
    delete_devices(devices=[gone])
    take_out_of_service(retired)
    over = settle(batch)
    assert (over.status, over.completed_at, statuses(batch)) == (
        "completed",
        NOON,
        {"succeeded": 1, "failed": 3},
    )

    again = retry_failed(batch=batch, at=LATER)

    assert (again.status, again.completed_at) == ("in_progress", None)
    rows = {row[0]: row[1:] for row in items(batch, "device_id", "status", "attempt", "error")}
    assert rows == {
        None: ("failed", 1, "valve stuck"),
        good.pk: ("succeeded", 1, ""),
        bad.pk: ("pending", 2, ""),
        retired.pk: ("failed", 1, "valve stuck"),
    }
    work_off(batch, at=LATER)
    assert Command.objects.filter(device=good).count() == 1
    assert sorted(Command.objects.filter(device=bad).values_list("status", flat=True)) == [
        "failed",
        "queued",
    ]
    answer(batch, at=LATER)
    over = settle(batch, at=LATER)
    assert (over.status, over.started_at, over.completed_at) == ("completed", NOON, LATER)
    assert statuses(batch) == {"succeeded": 2, "failed": 2}
    with pytest.raises(BatchMovedOn, match="no device to do it again for"):
        retry_failed(batch=batch, at=LATER)


def test_a_batch_in_which_nothing_succeeds_has_failed():
    batch = make_batch(devices=[make_device(), make_device()])
    work_off(batch)
    answer(batch, "failed")

    assert settle(batch).status == "failed"
    assert [error for (error,) in items(batch, "error")] == ["the device gave no reason"] * 2


def test_an_operation_may_be_taken_over_as_a_whole():
    devices = [make_device() for _ in range(4)]
    begun = []

    def take_over(batch, items, at):
        begun.append([item.device_id for item in items])
        return {"rolloutId": 7 + len(begun)}

    def take_back(batch, at):
        return {devices[3].pk}

    by = make_user(role="technician")
    with operation(take_over=take_over, take_back=take_back):
        batch = make_batch(operation="paint", devices=devices, by=by)
        assert (batch.status, batch.started_at, batch.outcome) == ("in_progress", NOON, {"rolloutId": 8})
        assert statuses(batch) == {"waiting": 4}
        assert work(batch) == 0

        first, second, third, _ = (device.pk for device in devices)
        told = {first: Succeeded(), second: Failed("no space left")}
        assert settle_items(batch_id=batch.pk, outcomes=told, at=NOON) == 2
        assert settle_items(batch_id=batch.pk, outcomes={first: Failed("late word")}, at=NOON) == 0
        cancel_batch(batch=batch, at=LATER)
        assert statuses(batch) == {"succeeded": 1, "failed": 1, "waiting": 1, "cancelled": 1}
        settle_items(batch_id=batch.pk, outcomes={third: Succeeded()}, at=LATER)
        assert settle(batch, at=LATER).completed_at == LATER

        other = make_batch(operation="paint", devices=devices[:2], by=by)
        settle_items(batch_id=other.pk, outcomes=told, at=NOON)
        assert settle(other).status == "completed"
        assert retry_failed(batch=other, at=LATER).outcome == {"rolloutId": 10}
        assert begun[-1] == [second]
        assert items(other, "status", "attempt") == [("succeeded", 1), ("waiting", 2)]
