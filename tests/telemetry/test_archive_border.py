"""Rollups where the raw readings before are archived."""

from datetime import date

import pytest

from telemetry.fold import QUARTER_MS
from telemetry.models import ArchivedDay, Quarter, Reading
from telemetry.services import rollups
from telemetry.services.rollups import roll_up_due
from tests.builders import NOON
from tests.telemetry.rolling import HOUR, MINUTE, answer, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def yesterday_is_archived(declared_rules, two_devices):
    """Intervals of a gauge and of a counter across midnight, and raw only from then on; what answers said before."""
    device, _ = two_devices
    midnight = 24 * HOUR
    put(
        device,
        (midnight - 70 * MINUTE, {"meter": 10.0}),
        (midnight - 10 * MINUTE, {"power": 60.0}),
        (midnight + 5 * MINUTE, {"power": 90.0}),
        (midnight + 50 * MINUTE, {"meter": 130.0}),
        (midnight + 60 * MINUTE, {"power": 10.0}),
    )
    roll_up_due()
    before = answer([device], 0, 2 * midnight)
    Reading.objects.filter(timestamp__lt=midnight).delete()
    ArchivedDay.objects.create(day=date(1970, 1, 1), dropped_at=NOON)
    return device, midnight, before


def test_rebuilding_keeps_the_intervals_that_begin_before_raw_does(yesterday_is_archived):
    device, midnight, before = yesterday_is_archived

    assert rollups.rebuild(device_id=device.pk) == 5

    assert answer([device], 0, 2 * midnight) == before


def test_something_late_keeps_the_intervals_that_begin_before_raw_does(yesterday_is_archived):
    device, midnight, _ = yesterday_is_archived
    put(device, (midnight + 20 * MINUTE, {"meter": 55.0}))
    roll_up_due()

    rows = answer([device], midnight, 2 * midnight)

    # 45 in the 90 minutes before the late sample, 75 in the half hour after it.
    found = {row["timestamp"] - midnight: row["metrics"] for row in rows}
    assert found[QUARTER_MS]["meter"]["increase"] == pytest.approx(5 * 0.5 + 10 * 2.5)
    assert found[3 * QUARTER_MS]["meter"]["increase"] == pytest.approx(5 * 2.5)
    assert Quarter.objects.get(metric="meter", bucket=midnight).increase == pytest.approx(15 * 0.5)
    assert found[0]["power"]["integral"] == pytest.approx(85 * 5 * 60)


def test_a_range_cut_inside_a_quarter_counts_the_intervals_that_begin_before_raw_does(yesterday_is_archived):
    device, midnight, _ = yesterday_is_archived

    [row] = answer([device], midnight, midnight + 7 * MINUTE)

    assert row["metrics"]["power"]["integral"] == pytest.approx(85 * 5 * 60)
