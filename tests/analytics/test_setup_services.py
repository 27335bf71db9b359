"""What the services behind the set-up pages keep and forget."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.models import ProductRun, StateInterval
from analytics.queries.meters import meters_of
from analytics.services.following import follow_machines
from analytics.services.machines import drop_machine_profile, set_products, start_product
from analytics.services.meters import find_meters, set_energy_meter
from devices.identity import known_tokens
from telemetry.rules import rules
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.analytics.machining import HOUR, MINUTE, Machine, midnight, oee
from tests.analytics.setting_up import make_machine
from tests.builders import NOON, Trpc, make_device, make_user, ms, sign_in, store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh():
    known_tokens.clear()
    rules.forget()


def test_what_holds_always_is_derived_anew_where_only_a_later_profile_said_otherwise(client):
    sign_in(client, make_user(role="technician"))
    api, day = Trpc(client), midnight()
    robot = Machine(api)
    robot.profile(running={"metric": "running", "above": 0})
    robot.send(*((day + k * MINUTE, {"running": 1, "busy": 0}) for k in range(241)))
    roll_up_due()
    follow_machines(now=ms(timezone.now()))
    robot.profile(running={"metric": "busy", "above": 0}, validFrom=day + 2 * HOUR)
    follow_machines(now=ms(timezone.now()))
    before = oee(api, day, day + 4 * HOUR, deviceId=robot.id)["runSeconds"]

    robot.profile(running={"metric": "running", "above": 0})
    follow_machines(now=ms(timezone.now()))

    assert before == 2 * 3600
    assert oee(api, day, day + 4 * HOUR, deviceId=robot.id)["runSeconds"] == 4 * 3600
    assert set(StateInterval.objects.values_list("state", flat=True)) == {"running"}


def test_who_is_no_machine_any_more_made_nothing(client):
    device = make_machine()
    set_products(device=device, products=[("A", 1.0)])
    for product, start in (("A", ms(NOON) - 1), (None, ms(NOON))):
        start_product(device=device, product=product, start=start, at=NOON)

    drop_machine_profile(device=device)

    assert not ProductRun.objects.exists()


def test_who_measures_a_device_as_well_changes_nothing_of_what_was_found():
    declare_metric(key="energy", kind="counter", unit="kWh")
    device, hall = make_device(), make_device()
    at = [NOON + number * timedelta(minutes=15) for number in range(5)]
    store(device, (at[0], 1.0), (at[2], 11_000.0), metric="power")
    store(device, (at[3], 5.0), (at[4], 6.0), metric="energy")
    roll_up_due()
    find_meters()
    found = meters_of([device.pk])[device.pk]

    set_energy_meter(device=device, measured_by=hall)

    assert found.counter_since == ms(at[4])
    assert meters_of([device.pk])[device.pk] == replace(
        found, measured_by=hall.pk, above=frozenset({hall.pk})
    )


def test_what_was_chosen_is_found_again_when_nobody_chooses():
    declare_metric(key="energy", kind="counter", unit="kWh")
    device = make_device()
    set_energy_meter(device=device, counter_metric="energy", counter_since=ms(NOON))

    meter = set_energy_meter(device=device)

    assert (meter.counter_metric, meter.counter_since, meter.is_chosen) == ("", None, False)
