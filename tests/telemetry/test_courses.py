"""Charts over any range."""

from datetime import date

import pytest

from telemetry.models import ArchivedDay, Reading
from telemetry.queries import readings_of
from telemetry.services.rollups import roll_up_due
from tests.builders import NOON
from tests.telemetry.rolling import HOUR, MINUTE, put

pytestmark = pytest.mark.django_db


def two_months_of(device):
    """Half-hourly readings over sixty days with one high and one low peak between the half-hours."""
    points = {n * 30 * MINUTE: {"power": 100.0 + n % 7, "level": 5.0} for n in range(60 * 48)}
    points[20 * 24 * HOUR + 7 * MINUTE] = {"power": 999.0, "level": 6.0}
    points[40 * 24 * HOUR + 8 * MINUTE] = {"power": -999.0}
    for start in range(0, len(points), 500):
        put(device, *list(points.items())[start : start + 500])
    return points


@pytest.mark.parametrize("turns", [0, 1])
def test_a_long_range_draws_in_one_request_with_its_extremes(two_devices, turns):
    device, _ = two_devices
    points = two_months_of(device)
    for _ in range(turns):
        roll_up_due()

    rows = readings_of(device_id=device.pk, start=0, end=61 * 24 * HOUR, limit=1, max_points=200)

    assert {(at, data["power"]) for at, data in rows} >= {
        (20 * 24 * HOUR + 7 * MINUTE, 999.0),
        (40 * 24 * HOUR + 8 * MINUTE, -999.0),
    }
    assert len(rows) <= 200
    assert [at for at, _ in rows] == sorted(at for at, _ in rows)
    assert all(points[at] == data for at, data in rows)


def test_a_chart_needs_no_raw_where_it_is_rolled_up(two_devices):
    device, _ = two_devices
    points = two_months_of(device)
    roll_up_due()
    wanted = {"device_id": device.pk, "start": 0, "end": 59 * 24 * HOUR, "limit": 1, "max_points": 200}
    before = readings_of(**wanted)

    Reading.objects.filter(timestamp__lt=59 * 24 * HOUR).delete()  # as when it was archived

    after = readings_of(**wanted)
    assert [at for at, _ in after] == [at for at, _ in before]
    assert all(data.items() <= points[at].items() for at, data in after)


def test_a_chart_is_exact_to_the_last_commit_and_where_something_late_came(two_devices):
    device, _ = two_devices
    two_months_of(device)
    roll_up_due()
    put(device, (10 * 24 * HOUR + MINUTE, {"power": 5000.0}), (60 * 24 * HOUR + MINUTE, {"power": -5000.0}))

    rows = readings_of(device_id=device.pk, start=0, end=61 * 24 * HOUR, limit=1, max_points=200)

    values = [data["power"] for _, data in rows]
    assert (max(values), min(values)) == (5000.0, -5000.0)


def test_a_chart_within_one_quarter_keeps_to_its_range_where_only_a_part_is_back(two_devices):
    device, _ = two_devices
    put(device, *[(n * MINUTE, {"power": float(n)}) for n in range(15)])
    roll_up_due()
    ArchivedDay.objects.create(
        day=date(1970, 1, 1), dropped_at=NOON
    )  # as when this device alone was restored

    rows = readings_of(device_id=device.pk, start=2 * MINUTE, end=5 * MINUTE, limit=1, max_points=50)

    assert [at for at, _ in rows] == [2 * MINUTE, 3 * MINUTE, 4 * MINUTE]
