"""`firmware_update` for many devices: a batch operation that is a rollout underneath."""

import pytest

from factory.errors import Forbidden, InvalidInput
from grouping.queries import counts_of, get_batch
from grouping.services import cancel_batch, preview_batch, retry_failed
from grouping.services.batch_sweeping import sweep_batches
from ota.models import Deployment, Rollout
from ota.services.firmware import withdraw_firmware
from ota.services.rollout_steps import cancel_rollout
from tests.builders import (
    NOON,
    Trpc,
    data_of,
    make_batch,
    make_device,
    make_firmware,
    make_group,
    make_user,
    refusal_of,
    sign_in,
)
from tests.ota.rolling import advance, make_plant, report, under_way
from tests.ota.rolling import statuses as statuses_of_rollout

pytestmark = pytest.mark.django_db


@pytest.fixture
def firmware():
    return make_firmware(version="2.0.0")


@pytest.fixture
def technician():
    return make_user(role="technician")


def update(devices, firmware, by, **parameters):
    batch = make_batch(
        operation="firmware_update",
        parameters={"firmwareVersionId": firmware.pk, **parameters},
        devices=devices,
        by=by,
    )
    return batch, advance(Rollout.objects.get(batch=batch))


def settled(batch):
    """What happens after each commit; tests in one transaction see no commit."""
    sweep_batches(at=NOON)
    return get_batch(batch.pk)


def statuses(batch):
    counts = counts_of([batch.pk])[batch.pk]
    assert counts.total == batch.total
    return {name: number for name in counts.__slots__ if (number := getattr(counts, name))}


def test_on_the_wire_from_the_dry_run_to_the_end(client, firmware, technician):
    sign_in(client, technician)
    api = Trpc(client)
    devices = make_plant(3)
    gateway = make_device(type="gateway")
    group = make_group(devices=[*devices, gateway])
    asked = {"groupId": group.pk, "operation": "firmware_update", "parameters": {"version": "2.0.0"}}

    preview = data_of(api.query("groups.previewBatchOperation", asked))
    assert preview["deviceIds"] == [device.pk for device in devices]
    assert preview["excluded"] == [
        {"deviceId": gateway.pk, "name": gateway.name, "reason": "Version 2.0.0 is for sensors."}
    ]

    made = data_of(api.mutate("groups.createBatchOperation", {**asked, "idempotencyKey": "spring"}))
    again = data_of(api.mutate("groups.createBatchOperation", {**asked, "idempotencyKey": "spring"}))
    rollout = Rollout.objects.get()
    assert made["id"] == again["id"]
    assert made["outcome"] == {"rolloutId": rollout.pk}
    assert made["parameters"] == {"firmwareVersionId": firmware.pk}
    assert (made["status"], made["waiting"]) == ("in_progress", 3)
    told = data_of(api.query("ota.getRollout", {"id": rollout.pk}))
    assert (told["batchOperationId"], told["waves"]) == (made["id"], [100])
    assert (told["successThreshold"], told["failureThreshold"]) == (0, 100)

    advance(rollout)
    report(rollout, "failed", devices=under_way(rollout)[:1], said="no space left")
    report(rollout)
    settled(get_batch(made["id"]))

    told = data_of(api.query("groups.getBatchOperation", {"id": made["id"]}))
    assert (told["status"], told["succeeded"], told["failed"]) == ("completed", 2, 1)
    assert [(item["status"], item["error"]) for item in told["results"]] == [
        ("failed", "no space left"),
        ("succeeded", ""),
        ("succeeded", ""),
    ]


@pytest.mark.parametrize("role", ["operator", "user"])
def test_only_a_technician_may(client, firmware, role):
    sign_in(client, make_user(role=role))
    asked = {
        "deviceIds": [make_device().pk],
        "operation": "firmware_update",
        "parameters": {"version": "2.0.0"},
    }

    status, code, _ = refusal_of(Trpc(client).mutate("groups.createBatchOperation", asked))

    assert (status, code) == (403, "FORBIDDEN")
    assert not Rollout.objects.exists()


def test_without_a_person_an_operator_is_no_technician(firmware):
    with pytest.raises(Forbidden):
        preview_batch(
            operation="firmware_update",
            parameters={"firmwareVersionId": firmware.pk},
            by=make_user(role="operator"),
            device_ids=[make_device().pk],
        )


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "firmwareVersionId"),
        ({"firmwareVersionId": 987}, "firmwareVersionId"),
        ({"firmwareVersionId": "1"}, "firmwareVersionId"),
        ({"firmwareVersionId": 1, "version": "2.0.0"}, "firmwareVersionId"),
        ({"version": "9.9.9"}, "version"),
        ({"version": ["2.0.0"]}, "version"),
        ({"version": "3.0.0"}, "version"),  # of two types
        ({"version": "4.0.0"}, "version"),  # withdrawn
        ({"version": "2.0.0", "waves": [50]}, "waves"),
        ({"version": "2.0.0", "failureThreshold": 101}, "failureThreshold"),
        ({"version": "2.0.0", "window": "night"}, "window"),
        ({"version": "2.0.0", "force": True}, "force"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused_by_name(firmware, technician, parameters, field):
    make_firmware(version="3.0.0")
    make_firmware(version="3.0.0", device_type="gateway")
    gone = make_firmware(version="4.0.0")
    withdraw_firmware(firmware=gone, because="bricks pumps", by=technician, at=NOON)

    with pytest.raises(InvalidInput) as refusal:
        make_batch(operation="firmware_update", parameters=parameters, devices=[make_device()], by=technician)

    assert list(refusal.value.fields) == [f"parameters.{field}"]


def test_waves_and_thresholds_may_be_given(firmware, technician):
    batch, rollout = update(
        make_plant(10),
        firmware,
        technician,
        waves=[20, 100],
        successThreshold=90,
        failureThreshold=5,
        maxParallel=1,
    )
    assert statuses_of_rollout(rollout) == {"deploying": 1, "planned": 9}
    report(rollout, "failed")

    assert advance(rollout).status == "paused"
    assert settled(batch).status == "in_progress"
    assert statuses(batch) == {"waiting": 9, "failed": 1}


def test_cancelling_the_batch_leaves_those_alone_that_have_not_begun(firmware, technician):
    batch, rollout = update(make_plant(4), firmware, technician, maxParallel=2)
    installing, waiting = under_way(rollout)
    Deployment.objects.filter(device_id=installing).update(status="installing")

    cancel_batch(batch=batch, at=NOON)
    assert statuses(batch) == {"waiting": 1, "cancelled": 3}
    assert statuses_of_rollout(rollout) == {"deploying": 1, "cancelled": 3}
    assert not Deployment.objects.active().filter(device_id=waiting).exists()

    Deployment.objects.filter(device_id=installing).update(status="downloading")
    report(rollout)
    assert settled(batch).completed_at == NOON
    assert statuses(batch) == {"succeeded": 1, "cancelled": 3}
    assert get_batch(batch.pk).status == "cancelled"


def test_cancelling_the_rollout_itself_ends_the_batch(firmware, technician):
    batch, rollout = update(make_plant(3), firmware, technician, maxParallel=1)
    report(rollout)

    cancel_rollout(rollout=rollout, at=NOON)

    assert settled(batch).status == "completed"
    assert statuses(batch) == {"succeeded": 1, "failed": 2}
    assert set(batch.items.filter(status="failed").values_list("error", flat=True)) == {
        "The update was cancelled."
    }


def test_retrying_the_batch_does_the_failed_ones_again_in_the_same_rollout(firmware, technician):
    batch, rollout = update(make_plant(3), firmware, technician)
    report(rollout, "failed", devices=under_way(rollout)[:1])
    report(rollout)
    assert settled(batch).status == "completed"
    assert advance(rollout).status == "completed"

    retry_failed(batch=get_batch(batch.pk), at=NOON)
    assert statuses(batch) == {"waiting": 1, "succeeded": 2}
    rollout = advance(rollout)
    assert Rollout.objects.count() == 1
    assert statuses_of_rollout(rollout) == {"deploying": 1, "succeeded": 2}

    report(rollout)
    assert settled(batch).status == "completed"
    assert statuses(batch) == {"succeeded": 3}
    assert advance(rollout).status == "completed"
    assert Deployment.objects.count() == 4


def test_after_the_rollout_was_cancelled_the_batch_can_be_retried(firmware, technician):
    batch, rollout = update(make_plant(2), firmware, technician)
    cancel_rollout(rollout=rollout, at=NOON)
    assert settled(batch).status == "failed"

    retry_failed(batch=get_batch(batch.pk), at=NOON)
    report(advance(rollout))

    assert settled(batch).status == "completed"
    assert statuses(batch) == {"succeeded": 2}
