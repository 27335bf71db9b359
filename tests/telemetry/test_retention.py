from datetime import UTC, date, datetime, timedelta

import pytest

from telemetry.days import day_of, end_of, start_of
from telemetry.models import ArchivedDay
from telemetry.retention import expired_before, raw_begins, raw_is_there

DAY = date(2026, 6, 1)
DROPPED = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "first_kept"),
    [
        (datetime(2026, 8, 30, 23, 59, 59, tzinfo=UTC), date(2026, 5, 31)),
        (datetime(2026, 8, 31, tzinfo=UTC), DAY),
        (datetime(2026, 8, 31, 23, 59, 59, tzinfo=UTC), DAY),
    ],
)
def test_a_day_expires_when_it_has_been_over_for_the_retention_and_a_day(at, first_kept):
    assert expired_before(at) == start_of(first_kept)


def test_nothing_that_the_door_takes_has_expired(settings):
    from telemetry.door import TimeLimits

    at = datetime(2026, 9, 1, 0, 0, 1, tzinfo=UTC)
    limits = TimeLimits.at(
        int(at.timestamp() * 1000), retention_days=settings.READINGS_RETENTION_DAYS, future_seconds=300
    )

    assert expired_before(at) <= limits.oldest - 86_400_000


@pytest.mark.parametrize("timestamp", [-1, 0, 86_399_999, 86_400_000, -(10**12)])
def test_a_moment_is_in_its_day(timestamp):
    day = day_of(timestamp)

    assert start_of(day) <= timestamp < end_of(day) == start_of(day + timedelta(days=1))


@pytest.mark.django_db
def test_raw_is_there_where_no_dropped_day_is():
    for number, dropped_at in enumerate([DROPPED, None, DROPPED, None]):
        ArchivedDay.objects.create(day=DAY + timedelta(days=number), dropped_at=dropped_at)

    assert raw_begins() == start_of(DAY + timedelta(days=3))
    there = [raw_is_there(start_of(day), end_of(day)) for day in (DAY + timedelta(days=n) for n in range(5))]
    assert there == [False, True, False, True, True]
    assert not raw_is_there(start_of(DAY), end_of(DAY + timedelta(days=9)))
    assert raw_is_there(end_of(DAY), end_of(DAY) + 1)
