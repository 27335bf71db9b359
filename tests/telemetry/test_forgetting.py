"""What the hourly sweep takes of devices that are gone."""

import pytest

from devices.services import delete_devices
from telemetry.models import Day, DirtyQuarter, Quarter, Reading
from telemetry.services import forget_orphans, forgetting
from telemetry.services.rollups import roll_up_due
from tests.builders import NOON, make_device, store

pytestmark = pytest.mark.django_db
TABLES = (Reading, Quarter, Day, DirtyQuarter)


def test_of_a_deleted_device_no_reading_and_no_rollup_is_left(monkeypatch):
    monkeypatch.setattr(forgetting, "FORGET_ROWS", 1)  # in several steps
    device, gone = make_device(), make_device()
    for machine in (device, gone):
        store(machine, (NOON, 1), (NOON.replace(hour=15), 2))
    roll_up_due()
    for machine in (device, gone):
        store(machine, (NOON.replace(hour=13), 3))
    assert [model.objects.filter(device_id=gone.pk).count() for model in TABLES] == [3, 4, 2, 3]
    delete_devices(devices=[gone])

    assert forget_orphans() == 1

    assert [set(model.objects.values_list("device_id", flat=True)) for model in TABLES] == [{device.pk}] * 4
