"""Filters, hands and devices that change at the same time, on a real database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from devices.services import deactivate_devices, delete_devices, edit_device, note_seen, reactivate_device
from factory.errors import DomainError
from factory.retrying import again_after_deadlock
from grouping.models import Membership
from grouping.services import add_devices, edit_group, refresh_members
from telemetry.batch import Outcome
from tests.builders import NOON, make_device, make_group, store

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def at_once(*works):
    """Run them in threads that start together; returns what they returned or were refused with."""
    barrier = Barrier(len(works))

    def run(work):
        try:
            barrier.wait(20)
            return again_after_deadlock(work)
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_many_who_look_at_once_put_each_in_once():
    devices = [make_device(zone="A") for _ in range(20)]
    group = make_group()
    for _ in range(ROUNDS):
        edit_group(group=group, filter="zone = A", at=NOON)
        Membership.objects.all().delete()

        told = at_once(*[lambda: refresh_members(at=NOON)] * 4)

        assert sorted(map(len, told)) == [0, 0, 0, 1]
        assert group.device_ids == [device.pk for device in devices]


def test_a_device_that_goes_while_it_is_put_in_is_in_no_group():
    for goes in (lambda device: delete_devices(devices=[device]), out_of_service):
        for _ in range(ROUNDS):
            group = make_group(filter="zone = A")
            device = make_device(zone="A")

            at_once(
                lambda device=device, goes=goes: goes(device),
                lambda: refresh_members(at=NOON),
                lambda: refresh_members(at=NOON),
            )

            refresh_members(at=NOON)
            assert group.device_ids == []


def out_of_service(device):
    return deactivate_devices(device_ids=[device.pk], at=NOON)


def test_a_filter_and_a_hand_at_once_leave_whom_one_of_them_means():
    for _ in range(ROUNDS):
        picked, found = make_device(), make_device(zone="A")
        group = make_group()

        at_once(
            lambda group=group: edit_group(group=group, filter="zone = A", at=NOON),
            lambda group=group, picked=picked: add_devices(group=group, device_ids=[picked.pk], at=NOON),
        )

        assert group.device_ids == [found.pk]
        delete_devices(devices=[found])


def test_a_reading_at_the_same_time_is_stored_before_or_refused():
    for _ in range(ROUNDS):
        device = make_device()

        _, outcomes, _ = at_once(
            lambda device=device: out_of_service(device),
            lambda device=device: store(device, (NOON, 1.0)),
            lambda device=device: note_seen(device_ids=[device.pk], at=NOON),
        )

        assert outcomes in ([Outcome.ACCEPTED], [Outcome.OUT_OF_SERVICE])
        assert store(device, (NOON, 2.0)) == [Outcome.OUT_OF_SERVICE]
        device.refresh_from_db()
        assert (device.status, device.deactivated_at) == ("offline", NOON)


def test_of_those_who_put_a_device_back_one_gets_a_token():
    for _ in range(ROUNDS):
        device = make_device()
        out_of_service(device)

        told = at_once(*[lambda device=device: reactivate_device(device=device, at=NOON)] * 3)

        assert sorted(isinstance(answer, str) for answer in told) == [False, False, True]
        assert device.credentials.alive(NOON).count() == 1


def test_editing_and_going_out_of_service_do_not_undo_each_other():
    for _ in range(ROUNDS):
        device = make_device()

        at_once(
            lambda device=device: out_of_service(device),
            lambda device=device: edit_device(device=device, status="online", at=NOON),
        )

        device.refresh_from_db()
        assert (device.status, device.deactivated_at) == ("offline", NOON)
