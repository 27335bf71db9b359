"""What the tests of partitions, retention and archive have in common."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from factory.storage_url import storage_for
from telemetry.batch import Sample
from telemetry.services import store_readings
from telemetry.services.rollups import roll_up_due
from tests.builders import ms

DAY = datetime(2026, 6, 1, tzinfo=UTC)
AFTER = DAY + timedelta(days=1)
LONG_AFTER = AFTER + timedelta(days=91)  # the retention is 90 days, and a day more

mariadb_only = pytest.mark.skipif(connection.vendor != "mysql", reason="SQLite has no partitions")


def use_storage(settings, url):
    settings.STORAGES = {**settings.STORAGES, "default": storage_for(url)}


def measure(device, start, *, count=10, step=timedelta(minutes=1), **data):
    """Store readings of a device, one every `step`, and roll them up."""
    data = data or {"temperature": 20.5, "power": 5}
    samples = [Sample(device.pk, ms(start + n * step), data) for n in range(count)]
    store_readings(samples=samples, received_at=ms(start + count * step))
    roll_up()


def roll_up():
    while roll_up_due():
        pass


def stored_rows():
    """Every reading, whole, with the text of its document."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM telemetry_reading ORDER BY device_id, timestamp")
        return list(cursor.fetchall())
