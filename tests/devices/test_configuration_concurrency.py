"""People and devices that write one twin at the same time, on a real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from devices.models import Configuration, ConfigurationVersion
from devices.queries import DeviceUnknown
from devices.services import (
    ConfigurationMoved,
    ReportOutOfOrder,
    delete_devices,
    note_seen,
    notice_drift,
    report_configuration,
    set_desired,
    set_desired_many,
)
from factory.errors import DomainError
from factory.retrying import again_after_deadlock
from tests.builders import NOON, make_device

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


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


def test_of_many_who_saw_the_same_version_one_wins():
    device = make_device()

    def wish(speed):
        return lambda: set_desired(device=device, desired={"speed": speed}, at=NOON, expected_version=0)

    told = at_once(*(wish(speed) for speed in range(1, 7)))

    [winner] = [answer for answer in told if isinstance(answer, Configuration)]
    assert sum(isinstance(answer, ConfigurationMoved) for answer in told) == 5
    assert list(ConfigurationVersion.objects.values_list("version", "desired")) == [(1, winner.desired)]


def test_no_wish_is_lost_and_no_version_given_twice():
    ids = [make_device().pk for _ in range(20)]
    Configuration.objects.filter(pk__in=ids[::2]).delete()  # some from before twins
    works = [
        lambda key=key, ids=ids: set_desired_many(
            device_ids=ids, desired={f"key{key}": key}, merge=True, at=NOON
        )
        for key in range(4)
    ]
    works += [
        lambda key=key, pk=ids[key]: set_desired_many(
            device_ids=[pk], desired={f"own{key}": key}, merge=True, at=NOON
        )
        for key in range(2)
    ]

    at_once(*works)

    for twin in Configuration.objects.filter(pk__in=ids[2:]):
        assert (twin.version, twin.desired) == (4, {f"key{key}": key for key in range(4)})
        versions = ConfigurationVersion.objects.filter(device_id=twin.pk).order_by("version")
        assert list(versions.values_list("version", flat=True)) == [1, 2, 3, 4]
    assert set(Configuration.objects.filter(pk__in=ids[:2]).values_list("version", flat=True)) == {5}


def test_reports_that_overtake_each_other_end_with_the_newest():
    for _ in range(ROUNDS):
        device = make_device()
        for speed in (1, 2, 3):
            set_desired(device=device, desired={"speed": speed}, at=NOON)

        def report(version, device=device):
            return lambda: report_configuration(
                device_id=device.pk, reported={"speed": version}, version=version, at=NOON
            )

        told = at_once(report(1), report(2), report(3))

        assert {type(answer) for answer in told} <= {Configuration, ReportOutOfOrder}
        twin = Configuration.objects.get(pk=device.pk)
        assert (twin.reported_version, twin.in_sync) == (3, True)


def test_a_wish_a_report_a_turn_of_the_watch_and_a_reading_do_not_block_each_other():
    devices = [make_device() for _ in range(10)]
    ids = [device.pk for device in devices]
    note_seen(device_ids=ids, at=NOON)
    set_desired_many(device_ids=ids, desired={"speed": 0}, merge=False, at=NOON)
    due = NOON + timedelta(minutes=1)
    for number in range(1, ROUNDS):
        Configuration.objects.update(drift_at=NOON, drifted_at=None, in_sync=False)

        told = at_once(
            lambda number=number: set_desired_many(
                device_ids=ids, desired={"speed": number}, merge=False, at=due
            ),
            lambda: notice_drift(at=due),
            lambda: note_seen(device_ids=ids, at=due),
            *(
                lambda pk=pk, number=number: report_configuration(
                    device_id=pk, reported={"speed": number}, version=number, at=due
                )
                for pk in ids[:4]
            ),
        )

        assert not [
            answer
            for answer in told
            if isinstance(answer, DomainError | Exception) and not isinstance(answer, ReportOutOfOrder)
        ]
        assert set(Configuration.objects.values_list("version", flat=True)) == {number + 1}


def test_a_device_in_the_midst_of_its_deletion_is_wished_nothing():
    for _ in range(ROUNDS):
        device = make_device()
        Configuration.objects.filter(pk=device.pk).delete()

        deleted, wished, reported = at_once(
            lambda device=device: delete_devices(devices=[device]),
            lambda device=device: set_desired(device=device, desired={"speed": 1}, at=NOON),
            lambda device=device: report_configuration(device_id=device.pk, reported={}, version=0, at=NOON),
        )

        assert deleted == 1
        assert isinstance(wished, Configuration | DeviceUnknown)
        assert isinstance(reported, Configuration | DeviceUnknown)
        assert not Configuration.objects.filter(pk=device.pk).exists()
