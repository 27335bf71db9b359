"""The plant's calendar days, of 23 to 25 hours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from telemetry.models import Day, Quarter
from telemetry.queries import aggregated
from telemetry.services.rollups import roll_up_due
from tests.builders import ms
from tests.telemetry.rolling import HOUR, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def berlin(settings):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    return ZoneInfo("Europe/Berlin")


def hourly(device, begin, hours):
    put(device, *((ms(begin) + n * HOUR // 2, {"power": float(n)}) for n in range(2 * hours)))


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
@pytest.mark.parametrize("turns", [0, 1])
def test_a_day_has_23_or_25_hours_and_nothing_is_lost_or_doubled(berlin, two_devices, day, hours, turns):
    midnight = datetime(*day, tzinfo=berlin)
    hourly(two_devices[0], midnight - timedelta(days=2), 24 * 5)
    for _ in range(turns):
        roll_up_due()

    rows = aggregated(
        device_ids=[d.pk for d in two_devices],
        start=ms(midnight) - 24 * HOUR,
        end=ms(midnight) + (hours + 24) * HOUR,
        interval="day",
        time_zone="Europe/Berlin",
    )

    assert [row["count"] for row in rows] == [48, 2 * hours, 48]
    assert [row["timestamp"] for row in rows] == [
        ms(midnight) - 24 * HOUR,
        ms(midnight),
        ms(midnight) + hours * HOUR,
    ]
    total = sum(row["metrics"]["power"]["sum"] for row in rows)
    assert total == sum(range(48, 48 + 2 * (48 + hours)))


def test_whole_days_are_answered_from_days(berlin, two_devices):
    midnight = datetime(2026, 5, 30, tzinfo=berlin)
    hourly(two_devices[0], midnight, 24 * 5)
    roll_up_due()
    wanted = {
        "device_ids": [d.pk for d in two_devices],
        "start": ms(midnight) + 5 * HOUR,
        "end": ms(midnight) + (4 * 24 + 7) * HOUR,
        "interval": "month",
        "time_zone": "Europe/Berlin",
    }
    before = aggregated(**wanted)
    assert [row["timestamp"] for row in before] == [
        ms(datetime(2026, 5, 1, tzinfo=berlin)),
        ms(datetime(2026, 6, 1, tzinfo=berlin)),
    ]

    # What whole days hold is not asked of their quarters, but for the last values.
    inner = Quarter.objects.filter(bucket__gte=ms(midnight) + 24 * HOUR, bucket__lt=ms(midnight) + 96 * HOUR)
    inner.exclude(last_at__in=[ms(midnight) + 47.5 * HOUR, ms(midnight) + 95.5 * HOUR]).delete()

    after = aggregated(**wanted)
    counts = [row["metrics"]["power"]["count"] for row in before]
    assert [row["metrics"]["power"]["count"] for row in after] == counts


def test_when_the_plant_moves_to_another_zone_its_days_are_summed_up_anew(settings, two_devices):
    begin = datetime(2026, 5, 30, tzinfo=UTC)
    hourly(two_devices[0], begin, 24 * 3)
    roll_up_due()
    settings.PLANT_TIME_ZONE = "Asia/Kolkata"

    roll_up_due()

    india = ZoneInfo("Asia/Kolkata")
    days = Day.objects.filter(device_id=two_devices[0].pk, metric="").order_by("bucket")
    assert [(day.bucket, day.count) for day in days] == [
        (ms(datetime(2026, 5, 30, tzinfo=india)), 37),
        (ms(datetime(2026, 5, 31, tzinfo=india)), 48),
        (ms(datetime(2026, 6, 1, tzinfo=india)), 48),
        (ms(datetime(2026, 6, 2, tzinfo=india)), 11),
    ]


def test_what_comes_late_into_a_day_that_was_summed_up_counts_at_once(berlin, two_devices):
    device, other = two_devices
    midnight = datetime(2026, 5, 30, tzinfo=berlin)
    for each in two_devices:
        hourly(each, midnight, 24 * 3)
    roll_up_due()

    def counts():
        rows = aggregated(
            device_ids=[d.pk for d in two_devices],
            start=ms(midnight),
            end=ms(midnight) + 72 * HOUR,
            interval="day",
            time_zone="Europe/Berlin",
        )
        return [row["count"] for row in rows]

    assert counts() == [96, 96, 96]
    put(device, (ms(midnight) + 25 * HOUR + 1, {"power": 1.0}))
    assert counts() == [96, 97, 96]
    roll_up_due()
    assert counts() == [96, 97, 96]
    # Newer than all there was, but of a day that is over.
    put(other, (ms(midnight) + 72 * HOUR - 1, {"power": 1.0}))
    assert counts() == [96, 97, 97]
    roll_up_due()
    assert counts() == [96, 97, 97]
    assert Day.objects.get(device_id=other.pk, metric="", bucket=ms(midnight) + 48 * HOUR).count == 49
