"""Watermarks beside whoever deletes their devices."""

from threading import Thread

import pytest
from django.db import connection

from devices.models import Device
from devices.services import delete_devices
from telemetry.mark_sql import create_watermarks
from telemetry.models import Watermark
from tests.builders import NOON, make_device, store

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_device_is_deleted_while_a_worker_gives_it_its_first_watermark():
    device = make_device()
    store(device, (NOON, 1.0))
    workers = []

    def work():
        create_watermarks("UTC")
        connection.close()

    def just_before_the_device_itself_goes(execute, sql, params, many, context):
        if sql.startswith("DELETE FROM") and Device._meta.db_table in sql.partition("WHERE")[0]:
            worker = Thread(target=work)
            workers.append(worker)
            worker.start()
            worker.join(1)  # it waits for us
        return execute(sql, params, many, context)

    with connection.execute_wrapper(just_before_the_device_itself_goes):
        assert delete_devices(devices=[device]) == 1
    [worker] = workers
    worker.join()

    assert not Device.objects.exists()
    assert not Watermark.objects.exists()
