"""The worked examples of energy, E1 to E4, through the public procedures."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from django.utils import timezone

from devices.identity import known_tokens
from telemetry.services.rollups import roll_up_due
from tests.builders import Trpc, data_of, make_device, make_token, make_user, ms, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = 60_000
HOUR = 60 * MINUTE


@pytest.fixture
def start():
    """A full hour some days ago: readings of today may be handed in for it."""
    return ms((timezone.now() - timedelta(days=5)).replace(minute=0, second=0, microsecond=0))


@pytest.fixture
def meter():
    known_tokens.clear()
    device = make_device()
    return device, make_token(device, at=timezone.now())


@pytest.fixture
def admin(client):
    sign_in(client, make_user(role="admin"))
    return Trpc(client)


@pytest.fixture
def send(client, meter):
    def send(*points):
        readings = [{"data": {"power": kw * 1000}, "timestamp": at} for at, kw in points]
        told = data_of(Trpc(client, bearer=meter[1]).mutate("readings.create", {"readings": readings}))
        assert told["accepted"] == len(points)

    return send


@pytest.fixture
def rule(admin):
    def rule(**properties):
        data_of(admin.mutate("readings.setMetric", {"key": "power", **properties}))

    return rule


@pytest.fixture(params=[False, True], ids=["from raw", "rolled up"])
def rolled_up(request):
    """Both before and after a worker came by."""
    return roll_up_due if request.param else lambda: None


def energy(admin, start, end, **asked):
    rows = data_of(admin.query("analytics.getEnergy", {"startTime": start, "endTime": end, **asked}))
    assert rows == data_of(
        admin.query("analytics.getEnergyConsumption", {"startTime": start, "endTime": end, **asked})
    )
    return rows


def test_e1_a_trapezoid_over_power_every_thirty_seconds(admin, send, start, rolled_up):
    send(*((start + place * 30_000, kw) for place, kw in enumerate([2.95, 2.7, 2.6, 2.98])))
    rolled_up()

    rows = energy(admin, start, start + 90_000, intervalMs=30_000)

    assert [0, *accumulate(row["energyKwh"] for row in rows)] == pytest.approx(
        [0, 0.0235416667, 0.045625, 0.068875], abs=1e-10
    )


@pytest.mark.parametrize(("integration", "kwh"), [("trapezoid", 8.33), ("hold", 7.5)])
def test_e2_by_trapezoid_and_by_the_value_before(admin, send, rule, start, rolled_up, integration, kwh):
    rule(integration=integration, maxGapSeconds=1800)
    send(*((start + minute * MINUTE, kw) for minute, kw in [(0, 0), (20, 10), (30, 30), (40, 5), (50, 0)]))
    rolled_up()

    [row] = energy(admin, start, start + HOUR)

    assert round(row["energyKwh"], 2) == kwh
    quarters = energy(admin, start, start + HOUR, intervalMs=15 * MINUTE)
    assert sum(quarter["energyKwh"] or 0 for quarter in quarters) == pytest.approx(row["energyKwh"])


@pytest.mark.parametrize("integration", ["trapezoid", "hold"])
def test_e3_nothing_is_counted_over_a_gap(admin, send, rule, start, rolled_up, integration):
    rule(integration=integration)
    send(*((start + minute * MINUTE, 1) for minute in range(0, 61, 15)))
    send(*((start + 2 * HOUR + minute * MINUTE, 2) for minute in range(0, 61, 15)))
    rolled_up()

    def total(hours):
        rows = energy(admin, start, start + hours * HOUR)
        return sum(row["energyKwh"] or 0 for row in rows)

    assert total(2) == pytest.approx(1.0)
    assert total(3) == pytest.approx(3.0)
    rows = energy(admin, start, start + 3 * HOUR)
    assert [row["coverage"] for row in rows] == [1.0, 0.0, 1.0]
    assert [row["energyKwh"] for row in rows][1] is None


def test_e4_days_with_their_borders_interpolated(admin, send, rule, rolled_up):
    rule(maxGapSeconds=86_400)
    first = (timezone.now() - timedelta(days=6)).astimezone(UTC)
    first = datetime(first.year, first.month, first.day, tzinfo=UTC)
    points = [(8, 10), (12, 40), (16, 20), (26, 15), (36, 50), (44, 25), (58, 30), (60, 0), (64, 35)]
    send(*((ms(first + timedelta(hours=hour)), kw) for hour, kw in points))
    rolled_up()

    rows = energy(admin, ms(first), ms(first + timedelta(days=3)), interval="day")

    assert [row["energyKwh"] for row in rows] == pytest.approx([364, 758.857142857, 382.142857143], abs=1e-8)
    assert [row["timestamp"] for row in rows] == [ms(first + timedelta(days=day)) for day in range(3)]
