"""People who move groups and devices at the same time, on a real database."""

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier

import pytest
from django.db import connection

from devices.queries import DeviceUnknown
from devices.services import delete_devices
from factory.errors import DomainError
from factory.retrying import again_after_deadlock
from grouping.models import Group, Membership
from grouping.queries import GroupUnknown, group_tree
from grouping.services import (
    GroupMisplaced,
    GroupNotEmpty,
    add_devices,
    delete_group,
    edit_group,
)
from tests.builders import NOON, make_device, make_group

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 10


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


def put(group, inside):
    return lambda: edit_group(group=group, parent_id=inside.pk, at=NOON)


@pytest.mark.parametrize("groups", [2, 3])
def test_of_moves_that_together_make_a_circle_one_is_refused(groups):
    for _ in range(ROUNDS):
        circle = [make_group() for _ in range(groups)]

        told = at_once(*(put(group, circle[place - 1]) for place, group in enumerate(circle)))

        assert sum(isinstance(answer, GroupMisplaced) for answer in told) == 1
        assert sum(isinstance(answer, Group) for answer in told) == groups - 1
        tree = group_tree()
        assert sorted(len(tree.chain(group.pk)) for group in circle) == list(range(1, groups + 1))


def test_a_group_is_not_deleted_while_another_one_moves_into_it():
    for _ in range(ROUNDS):
        hall, line = make_group(), make_group()

        deleted, moved = at_once(lambda hall=hall: delete_group(group=hall), put(line, hall))

        line.refresh_from_db()
        if deleted is None:
            assert isinstance(moved, GroupUnknown)
            assert line.parent_id is None
        else:
            assert isinstance(deleted, GroupNotEmpty)
            assert line.parent_id == hall.pk


def test_a_device_in_the_midst_of_its_deletion_is_put_into_no_group():
    group, device = make_group(), make_device()

    def add():
        return at_once(lambda: add_devices(group=group, device_ids=[device.pk], at=NOON))[0]

    def meddle(execute, sql, *rest):
        if sql.startswith("DELETE") and "devices_device" in sql:  # its memberships were deleted before
            meddling.append(pool.submit(add))
            wait(meddling, timeout=0.5)
        return execute(sql, *rest)

    meddling = []
    with ThreadPoolExecutor(1) as pool, connection.execute_wrapper(meddle):
        assert delete_devices(devices=[device]) == 1

    assert [type(answer.result()) for answer in meddling] == [DeviceUnknown]
    assert Membership.objects.count() == 0


def test_the_same_devices_put_in_twice_at_once_are_in_once():
    group, ids = make_group(), [make_device().pk for _ in range(3)]

    told = at_once(*[lambda: add_devices(group=group, device_ids=ids, at=NOON)] * 4)

    assert [answer.pk for answer in told] == [group.pk] * 4
    assert group.device_ids == ids
