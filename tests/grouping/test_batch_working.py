"""Working a batch off: claims, workers that do not come back, what devices answer or do not."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from devices.models import Command, Configuration, Device, Presence
from devices.services import delete_devices, expire_commands
from devices.services.configuration import report_configuration, set_desired
from devices.signals import devices_deactivated
from factory.errors import InvalidInput, Unavailable
from grouping.models import BatchItem
from grouping.operations import Succeeded, operations
from grouping.queries import get_batch
from grouping.services.batch_sweeping import sweep_batches
from grouping.services.working import CLAIM, carry_out_claim, claim_items
from tests.builders import NOON, make_batch, make_device, make_user
from tests.grouping.batching import answer, items, operation, settle, statuses, work, work_off

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(seconds=5)
LATER = NOON + timedelta(minutes=5)


def fleet(devices):
    return [make_device() for _ in range(devices)]


def of_a_test(carry_out, devices):
    """A batch whose operation the test carries out."""
    return operation(carry_out=carry_out), lambda: make_batch(
        operation="paint", devices=devices, by=make_user(role="technician")
    )


def test_every_device_is_sent_its_command_once_and_its_answer_is_its_outcome():
    devices = fleet(3)
    batch = make_batch(
        operation="command", parameters={"name": "dim", "parameters": {"to": 5}}, devices=devices
    )

    assert work(batch, at=SOON) == 3
    assert work(batch, at=SOON) == 0

    commands = Command.objects.order_by("device_id")
    assert [(c.device_id, c.name, c.parameters, c.created_by) for c in commands] == [
        (device.pk, "dim", {"to": 5}, batch.created_by) for device in devices
    ]
    assert items(batch, "command_id", "status") == [(command.pk, "waiting") for command in commands]
    batch.refresh_from_db()
    assert (batch.status, batch.started_at) == ("in_progress", SOON)
    answer(batch, devices=devices[:1])
    answer(batch, "failed", devices=devices[1:2], result={"error": "jammed"})
    answer(batch, "acknowledged", devices=devices[2:])
    assert items(batch, "status", "error") == [("succeeded", ""), ("failed", "jammed"), ("waiting", "")]
    assert settle(batch).status == "in_progress"
    answer(batch)
    assert settle(batch).status == "completed"


def test_a_device_that_is_away_for_the_whole_time_has_failed_when_its_command_expires():
    batch = make_batch(devices=fleet(1), parameters={"ttlSeconds": 60})
    work_off(batch)

    expire_commands(at=NOON + timedelta(seconds=59))
    assert statuses(batch) == {"waiting": 1}
    expire_commands(at=NOON + timedelta(seconds=61))

    assert items(batch, "status", "error") == [("failed", "the device did not come in time")]
    assert settle(batch).status == "failed"


def test_what_a_killed_worker_had_in_hand_is_done_by_the_next_one_within_half_a_minute():
    batch = make_batch(devices=fleet(3))
    lost = claim_items(batch_id=batch.pk, claim="lost", at=NOON)
    assert (len(lost.ids), statuses(batch)) == (3, {"working": 3})
    assert timedelta(seconds=15) + CLAIM <= timedelta(seconds=30)

    sweep_batches(at=NOON + CLAIM - timedelta(seconds=1))
    assert statuses(batch) == {"working": 3}
    sweep_batches(at=NOON + CLAIM)
    assert statuses(batch) == {"pending": 3}
    work_off(batch, at=LATER)

    carry_out_claim(claim=lost, at=LATER)  # it was only slow, and finds that nobody waits for it
    assert Command.objects.count() == 3
    assert items(batch, "status", "attempt") == [("waiting", 1)] * 3


def test_a_device_that_is_refused_does_not_keep_the_others():
    devices = fleet(5)
    told = []

    def carry_out(items, batch, at):
        told.append(len(items))
        if any(item.device_id == devices[3].pk for item in items):
            raise InvalidInput("Not this one.")
        return {item.pk: Succeeded() for item in items}

    registered, make = of_a_test(carry_out, devices)
    with registered:
        batch = make()
        work_off(batch)

    assert items(batch, "status", "error") == [
        ("succeeded", ""),
        ("succeeded", ""),
        ("succeeded", ""),
        ("failed", "Not this one."),
        ("succeeded", ""),
    ]
    assert told == [5, 2, 3, 1, 2, 1, 1]


def test_what_breaks_on_our_side_fails_its_devices_and_hangs_nothing(caplog):
    def carry_out(items, batch, at):
        raise ZeroDivisionError("of course")

    registered, make = of_a_test(carry_out, fleet(2))
    with registered:
        batch = make()
        work_off(batch)

    assert items(batch, "status", "error") == [("failed", "something broke on our side: of course")] * 2
    assert "batch.carry_out_failed" in caplog.text
    assert settle(batch).status == "failed"


@pytest.mark.parametrize("away", [OperationalError(2006, "gone away"), Unavailable("Not now.")])
def test_what_is_away_for_a_moment_fails_nobody(away):
    answers = [away]

    def carry_out(items, batch, at):
        if answers:
            raise answers.pop()
        return {item.pk: Succeeded() for item in items}

    registered, make = of_a_test(carry_out, fleet(2))
    with registered:
        batch = make()
        with pytest.raises(type(away)):
            work(batch)
        assert statuses(batch) == {"working": 2}
        sweep_batches(at=NOON + CLAIM)
        work_off(batch, at=LATER)
        assert statuses(batch) == {"succeeded": 2}


def test_an_operation_whose_room_is_gone_fails():
    registered, make = of_a_test(lambda items, batch, at: {}, fleet(1))
    with registered:
        batch = make()
    work_off(batch)

    [(status, error)] = items(batch, "status", "error")
    known = ", ".join(operation.name for operation in operations())
    assert (status, error) == ("failed", f"operation: paint is none of {known}")


@pytest.mark.parametrize("is_told", [True, False])
def test_devices_that_go_meanwhile_have_failed_wherever_they_were(
    is_told, django_capture_on_commit_callbacks
):
    pending, working, waiting, other = fleet(4)
    batch = make_batch(devices=[pending, working, waiting, other])
    rows = {item.device_id: item for item in BatchItem.objects.all()}
    work_off(batch)
    BatchItem.objects.filter(pk=rows[pending.pk].pk).update(status="pending")
    BatchItem.objects.filter(pk=rows[working.pk].pk).update(status="working", claim="x")

    with django_capture_on_commit_callbacks(execute=is_told):
        delete_devices(devices=[pending, working, waiting])
    if not is_told:  # killed before it could be: the sweeper finds it
        sweep_batches(at=SOON)

    assert dict(BatchItem.objects.values_list("device_name", "status")) == {
        pending.name: "failed",
        working.name: "failed",
        waiting.name: "failed",
        other.name: "waiting",
    }
    assert set(BatchItem.objects.filter(status="failed").values_list("error", flat=True)) == {
        "the device was deleted"
    }


def test_devices_out_of_service_are_not_sent_anything():
    device, retired = fleet(2)
    batch = make_batch(devices=[device, retired])
    Device.objects.filter(pk=retired.pk).update(deactivated_at=NOON)

    work_off(batch)

    assert items(batch, "status", "error") == [
        ("waiting", ""),
        ("failed", "out of service"),
    ]
    assert Command.objects.get().device == device


def test_a_status_is_set_as_by_hand():
    silent, running = make_device(status="online"), make_device(status="online")
    Device.objects.filter(pk=silent.pk).update(status="offline")
    Presence.objects.filter(pk=silent.pk).update(went_silent_at=NOON, silent_at=None)

    batch = make_batch(
        operation="update_status", parameters={"status": "maintenance"}, devices=[silent, running]
    )
    work_off(batch)

    assert statuses(batch) == {"succeeded": 2}
    assert set(Device.objects.values_list("status", flat=True)) == {"maintenance"}
    assert not Presence.objects.exclude(went_silent_at=None).exists()

    online = make_batch(operation="update_status", parameters={"status": "online"}, devices=[silent])
    work_off(online)
    assert Presence.objects.get(pk=silent.pk).silent_at is not None  # nobody is online for ever


# Configurations


def configure(*devices, at=NOON, **desired):
    batch = make_batch(operation="update_config", parameters=desired, devices=devices)
    work_off(batch, at=at)
    return batch


def report(device, reported, *, at=SOON):
    version = Configuration.objects.get(device=device).version
    report_configuration(device_id=device.pk, reported=reported, version=version, at=at)


def test_a_configuration_is_done_when_the_device_reports_it():
    follows, follows_already, other = fleet(3)
    set_desired(device=follows_already, desired={"rate": 5}, at=NOON)
    report(follows_already, {"rate": 5})

    batch = configure(follows, follows_already, other, rate=5)

    assert items(batch, "status") == [("waiting",), ("succeeded",), ("waiting",)]
    report(follows, {"rate": 4})
    assert items(batch, "status") == [("waiting",), ("succeeded",), ("waiting",)]
    report(follows, {"rate": 5.0, "more": True})
    assert items(batch, "status") == [("succeeded",), ("succeeded",), ("waiting",)]

    sweep_batches(at=NOON + timedelta(seconds=3599))
    assert get_batch(batch.pk).status == "in_progress"
    sweep_batches(at=NOON + timedelta(seconds=3600))
    assert items(batch, "error")[2] == ("no report in time",)
    assert get_batch(batch.pk).status == "completed"
    report(other, {"rate": 5}, at=NOON + timedelta(hours=2))
    assert statuses(batch) == {"succeeded": 2, "failed": 1}


def test_a_configuration_is_merged_unless_it_is_to_be_all_there_is():
    device = make_device()
    set_desired(device=device, desired={"rate": 1, "mode": "eco"}, at=NOON)

    merged = configure(device, desired={"rate": 5, "mode": None})
    assert Configuration.objects.get(device=device).desired == {"rate": 5}
    report(device, {"rate": 5})
    assert statuses(merged) == {"succeeded": 1}

    whole = configure(device, desired={"speed": 2}, merge=False, ttlSeconds=60)
    assert Configuration.objects.get(device=device).desired == {"speed": 2}
    sweep_batches(at=NOON + timedelta(seconds=60))
    assert statuses(whole) == {"failed": 1}


def test_a_wish_that_another_one_replaces_does_not_come_true_by_the_other_one():
    device = make_device()
    batch = configure(device, rate=5)

    set_desired(device=device, desired={"rate": 9}, at=SOON)
    report(device, {"rate": 9})

    assert items(batch, "status", "error") == [("failed", "another configuration was wished for meanwhile")]


def test_devices_taken_out_of_service_do_not_report_any_more():
    device, other = fleet(2)
    batch = configure(device, other, rate=5)

    devices_deactivated.send(sender=Device, device_ids=[device.pk], at=SOON)

    assert items(batch, "status", "error") == [
        ("failed", "out of service"),
        ("waiting", ""),
    ]


@pytest.mark.parametrize("devices", [2, 40])
def test_a_turn_costs_the_same_for_any_number_of_devices(devices, django_assert_num_queries):
    batch = make_batch(devices=fleet(devices))

    with django_assert_num_queries(26):
        work(batch)
    with django_assert_num_queries(34):  # most of them for devices that come back by what they say
        answer(batch)


def test_failures_are_told_briefly():
    batch = make_batch(devices=fleet(2))
    work_off(batch)
    first, second = BatchItem.objects.order_by("pk")

    answer(batch, "failed", devices=[first.device], result={"reason": "x" * 1000})
    answer(batch, "failed", devices=[second.device], result=["what", "is", "this"])

    assert items(batch, "error") == [("x" * 300,), ("the device gave no reason",)]


def test_a_device_that_says_our_word_for_taken_back_has_failed_all_the_same():
    batch = make_batch(devices=fleet(2))
    work_off(batch)
    first, second = BatchItem.objects.order_by("pk")

    answer(batch, "failed", devices=[first.device], result={"reason": "withdrawn"})
    answer(batch, "failed", devices=[second.device], result={"reason": 17, "message": "pump stuck"})

    assert items(batch, "status", "error") == [("failed", "withdrawn"), ("failed", "pump stuck")]
