"""Workers and people at one import at the same time, on a real database."""

import pytest

from devices.models import Device, DeviceImport
from devices.queries import get_import
from devices.services import import_devices
from devices.services.imports import ImportMovedOn, cancel_import, make_tokens
from factory.errors import DomainError
from tests.builders import NOON
from tests.devices.importing import bring, file_of, start, work
from tests.grouping.test_concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    monkeypatch.setattr("devices.services.importing.CHUNK", 20)


def test_of_several_workers_one_does_it():
    one = bring(file_of(61))
    at_once(*[lambda: work(one)] * 3)
    assert get_import(one.pk).status == "ready"
    start(one)

    at_once(*[lambda: work(one)] * 3)

    one = get_import(one.pk)
    assert (one.status, one.created, one.bad) == ("done", 61, 0)
    assert Device.objects.count() == 61


def test_of_several_who_begin_it_one_does():
    one = work(bring(file_of(21)))

    told = at_once(*[lambda: start(one)] * 3)

    assert [type(each) for each in told if isinstance(each, DomainError)] == [ImportMovedOn] * 2


def test_cancelled_while_it_is_written_counts_and_devices_agree():
    one = bring(file_of(100))
    work(one)
    start(one)

    at_once(lambda: work(one), lambda: cancel_import(import_id=one.pk, at=NOON))

    one = get_import(one.pk)
    assert one.status in ("done", "cancelled")
    assert Device.objects.count() == one.created == one.imported.count() == one.next_row
    assert not DeviceImport.objects.exclude(claim="").exists()


def test_devices_that_somebody_registers_meanwhile_are_found():
    text = file_of(80)
    one = work(bring(text))
    start(one)

    at_once(lambda: work(one), lambda: import_devices(text=text, at=NOON))

    one = get_import(one.pk)
    assert (one.status, one.created + one.unchanged, one.bad) == ("done", 80, 0)
    assert Device.objects.count() == 80


def test_of_tokens_made_twice_at_once_one_set_is_alive():
    one = work(bring(file_of(20)))
    start(one)
    one = work(one)

    at_once(*[lambda: make_tokens(import_id=one.pk, by=one.created_by, at=NOON)] * 2)

    for device in Device.objects.all():
        assert device.credentials.alive(NOON).count() == 1
