"""Who may ask and say what of energy through the public procedures, what meters and the price are, what is refused."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from analytics.models import EnergyMeter, EnergyPrice
from analytics.services.meters import set_energy_meter
from telemetry.batch import Sample
from telemetry.days import EARLIEST, LATEST
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.metrics import declare_metric
from tests.analytics.machining import DAY, MINUTE, midnight
from tests.analytics.standing import api_of
from tests.builders import Trpc, data_of, make_device, make_group, ms, refusal_of

pytestmark = pytest.mark.django_db
QUARTER = 15 * MINUTE
SAFE = 2**53 - 1
YEAR_2, YEAR_9998 = EARLIEST, LATEST
FIGURES = ("getEnergy", "getEnergyConsumption", "getEnergySummary")


@pytest.fixture(autouse=True)
def _metrics():
    declare_metric(key="energy", kind="counter", unit="kWh")
    declare_metric(key="draw", unit="kW")
    declare_metric(key="gas", kind="counter", unit="m3")
    rules.forget()


def asked(api, path, **change):
    day = midnight()
    given = {"startTime": day, "endTime": day + DAY, **change}
    return api.query(f"analytics.{path}", {name: value for name, value in given.items() if value != "-"})


def tells(device, **metrics):
    """It told these once."""
    now = ms(timezone.now())
    store_readings(samples=[Sample(device.pk, now - MINUTE, metrics)], received_at=now)


# A time, and whose


@pytest.mark.parametrize("path", FIGURES)
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"startTime": 5, "endTime": 5}, (400, "endTime: must be after startTime")),
        ({"startTime": 5, "endTime": 4}, (400, "endTime: must be after startTime")),
        (
            {"startTime": 0, "endTime": 3660 * DAY + 1, "intervalMs": 366 * DAY},
            (400, "endTime: must be at most ten years after startTime"),
        ),
        ({"startTime": YEAR_2 - 1}, (400, "startTime: is not in the years 2 to 9998")),
        ({"endTime": YEAR_9998 + 1}, (400, "endTime: is not in the years 2 to 9998")),
        ({"startTime": -SAFE, "endTime": SAFE}, (400, "startTime: is not in the years 2 to 9998")),
        ({"groupId": 10**9}, (404, f"There is no group {10**9}.")),
        ({"deviceIds": [10**9]}, (404, f"There is no device {10**9}.")),
        ({"deviceIds": ["nobody"]}, (404, "There is no device 'nobody'.")),
        ({"groupId": 1, "deviceIds": [1]}, (400, "groupId: give either groupId or deviceIds")),
    ],
)
def test_figures_that_cannot_be_are_refused_in_words(viewer, path, change, refusal):
    if path == "getEnergySummary":
        change = {name: value for name, value in change.items() if name != "intervalMs"}

    status, _, message = refusal_of(asked(viewer, path, **change))

    assert (status, message) == refusal


@pytest.mark.parametrize("path", FIGURES)
@pytest.mark.parametrize(
    "change",
    [
        {"startTime": "-"},
        {"endTime": "-"},
        {"startTime": "yesterday"},
        {"startTime": SAFE + 1},
        {"endTime": 1.5},
        {"groupId": 0},
        {"groupId": "1"},
        {"deviceIds": []},
        {"deviceIds": 7},
        {"deviceIds": [True]},
        {"deviceIds": [None]},
    ],
)
def test_what_is_no_time_and_nobody_is_refused_by_its_field(viewer, path, change):
    status, code, message = refusal_of(asked(viewer, path, **change))

    [field] = change
    assert (status, code, message.split(":")[0].split(".")[0]) == (400, "BAD_REQUEST", field)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"intervalMs": 1000}, "intervalMs: gives more than 10000 buckets; take a longer one"),
        (
            {"startTime": YEAR_2, "interval": "day"},
            "intervalMs: gives more than 10000 buckets; take a longer one",
        ),
        ({"timeZone": "Mars/Olympus"}, "timeZone: is no time zone such as Europe/Berlin"),
    ],
)
def test_buckets_that_cannot_be_are_refused_in_words(viewer, change, message):
    assert refusal_of(asked(viewer, "getEnergy", **change)) == (400, "BAD_REQUEST", message)


@pytest.mark.parametrize(
    "change",
    [
        {"intervalMs": 999},
        {"intervalMs": 366 * DAY + 1},
        {"intervalMs": 1.5},
        {"intervalMs": None},
        {"interval": "hour"},
        {"interval": ""},
        {"timeZone": ""},
        {"metrics": ["x" * 64]},
        {"metrics": [7]},
        {"metrics": ["power"] * 65},
    ],
)
def test_what_is_no_bucket_is_refused_by_its_field(viewer, change):
    status, code, message = refusal_of(asked(viewer, "getEnergy", **change))

    [field] = change
    assert (status, code, message.split(":")[0].split(".")[0]) == (400, "BAD_REQUEST", field)


@pytest.mark.parametrize("path", FIGURES)
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "9" * 400])
def test_what_is_no_number_of_json_is_refused(viewer, path, number):
    given = f'{{"startTime": 0, "endTime": {number}}}'

    refused = viewer.client.get(f"/api/trpc/analytics.{path}", {"input": given})

    assert refusal_of(refused)[:2] == (400, "BAD_REQUEST")


@pytest.mark.parametrize(("start", "end"), [(YEAR_2, YEAR_2 + DAY), (YEAR_2 + DAY, YEAR_2 + 800 * DAY)])
def test_a_time_that_has_none_before_it_in_any_calendar_is_refused(viewer, start, end):
    refused = asked(viewer, "getEnergySummary", startTime=start, endTime=end)

    message = "startTime: is not in the years 2 to 9998"
    assert refusal_of(refused) == (400, "BAD_REQUEST", message)


@pytest.mark.parametrize("start", [YEAR_2 + 5 * DAY, YEAR_9998 - 4 * DAY])
def test_of_a_time_far_away_nothing_is_known(viewer, start):
    whole = data_of(asked(viewer, "getEnergySummary", startTime=start, endTime=start + 4 * DAY))
    days = data_of(asked(viewer, "getEnergy", startTime=start, endTime=start + 4 * DAY, interval="day"))

    assert (whole["energyKwh"], whole["previous"]["energyKwh"], whole["coverage"]) == (None, None, 0.0)
    assert [day["energyKwh"] for day in days] == [None] * 4


@pytest.mark.parametrize("path", [*FIGURES, "getEnergyMeters", "getEnergyPrice"])
def test_a_stranger_learns_nothing_of_energy(path):
    given = {} if path.startswith("getEnergy") and path not in FIGURES else {"startTime": 0, "endTime": 1}

    refused = Trpc(Client()).query(f"analytics.{path}", given or None)

    assert refusal_of(refused)[:2] == (401, "UNAUTHORIZED")


# Meters


def meters(api, **of):
    return data_of(api.query("analytics.getEnergyMeters", of))


def meter(device, **others):
    found = {"counterMetric": None, "powerMetric": None, "counterSince": None, "measuredBy": None}
    return {"deviceId": device.pk, "name": device.name, **found, "chosen": False, **others}


def test_what_tells_a_devices_energy_is_found_until_a_technician_says_otherwise(viewer, technician):
    hall, oven = make_device(name="Hall"), make_device(name="Oven")
    tells(hall, energy=1.0, draw=2.0)
    tells(oven, power=100.0, gas=3.0)
    tells(make_device(), temperature=20.0)
    of_hall, of_oven = (
        meter(hall, counterMetric="energy", powerMetric="draw"),
        meter(oven, powerMetric="power"),
    )
    assert meters(viewer) == [of_hall, of_oven]

    at = ms(datetime(2026, 6, 1, 10, 1, tzinfo=UTC))
    told = data_of(
        technician.mutate(
            "analytics.setEnergyMeter",
            {
                "deviceId": oven.external_id,
                "counterMetric": "energy",
                "powerMetric": "draw",
                "counterSince": at,
                "measuredBy": hall.external_id,
            },
        )
    )

    assert told == meter(
        oven,
        counterMetric="energy",
        powerMetric="draw",
        counterSince=at - MINUTE + QUARTER,
        measuredBy=hall.pk,
        chosen=True,
    )
    assert meters(viewer, deviceId=oven.pk) == [told]
    assert meters(viewer, groupId=make_group(devices=[hall]).pk) == [of_hall]
    assert meters(viewer, groupId=make_group().pk) == []

    told = data_of(technician.mutate("analytics.setEnergyMeter", {"deviceId": oven.pk}))
    assert told == of_oven


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"counterMetric": "draw"},
            "counterMetric: must be declared as a counter in Wh, kWh, MWh, GWh, kJ, MJ, GJ",
        ),
        (
            {"counterMetric": "gas"},
            "counterMetric: must be declared as a counter in Wh, kWh, MWh, GWh, kJ, MJ, GJ",
        ),
        ({"powerMetric": "energy"}, "powerMetric: must be declared as a gauge in W, kW, MW"),
        ({"powerMetric": "unheard"}, "powerMetric: must be declared as a gauge in W, kW, MW"),
        ({"measuredBy": "self"}, "measuredBy: Oven would measure itself"),
        ({"measuredBy": "round"}, "measuredBy: Oven would measure itself"),
    ],
)
def test_a_meter_that_cannot_be_is_refused_in_words(technician, change, words):
    oven, hall = make_device(name="Oven"), make_device(name="Hall", external_id="round")
    set_energy_meter(device=hall, measured_by=oven)
    if change.get("measuredBy") == "self":
        change = {"measuredBy": oven.pk}

    refused = technician.mutate("analytics.setEnergyMeter", {"deviceId": oven.pk, **change})

    assert refusal_of(refused) == (400, "BAD_REQUEST", words)
    assert not EnergyMeter.objects.filter(device=oven).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"deviceId": None},
        {"deviceId": 0},
        {"counterMetric": "x" * 64},
        {"counterMetric": 7},
        {"powerMetric": ["power"]},
        {"counterSince": SAFE + 1},
        {"counterSince": "soon"},
        {"counterSince": 0.5},
        {"measuredBy": True},
    ],
)
def test_what_is_no_meter_is_refused_by_its_field(technician, change):
    oven = make_device()

    refused = technician.mutate("analytics.setEnergyMeter", {"deviceId": oven.pk, **change})

    status, code, message = refusal_of(refused)
    [field] = change
    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", field)
    assert not EnergyMeter.objects.exists()


@pytest.mark.parametrize("field", ["deviceId", "measuredBy"])
@pytest.mark.parametrize("nobody", [10**9, "nobody"])
def test_a_meter_of_a_device_that_there_is_not_is_not_found(technician, field, nobody):
    refused = technician.mutate("analytics.setEnergyMeter", {"deviceId": make_device().pk, field: nobody})

    assert refusal_of(refused) == (404, "NOT_FOUND", f"There is no device {nobody!r}.")
    assert not EnergyMeter.objects.exists()


def test_whose_meters_is_a_device_or_a_group_that_there_is(viewer):
    def refusal(**of):
        return refusal_of(viewer.query("analytics.getEnergyMeters", of))

    words = "groupId: give either deviceId or groupId"
    assert refusal(deviceId=make_device().pk, groupId=make_group().pk) == (400, "BAD_REQUEST", words)
    assert refusal(deviceId="nobody") == (404, "NOT_FOUND", "There is no device 'nobody'.")
    assert refusal(groupId=10**9) == (404, "NOT_FOUND", f"There is no group {10**9}.")


@pytest.mark.parametrize("devices", [1, 3])
def test_meters_cost_the_same_for_any_number(viewer, devices, django_assert_num_queries):
    for _ in range(devices):
        tells(make_device(), power=1.0)
    rules.keep(rules.declared())

    with django_assert_num_queries(
        7
    ):  # session with user, devices, meters, newest values, who is out, rows, names
        assert len(meters(viewer)) == devices


# The price


def price(api):
    return data_of(api.query("analytics.getEnergyPrice"))


def test_a_price_is_what_an_admin_says_until_nobody_does(viewer):
    boss = api_of("admin")
    assert price(viewer) == {"perKwh": None, "currency": ""}

    for said in (
        {"perKwh": 0.24, "currency": "EUR"},
        {"perKwh": 0, "currency": "CHF"},
        {"perKwh": 1000, "currency": "JPY"},
    ):
        assert data_of(boss.mutate("analytics.setEnergyPrice", said)) == said
        assert price(viewer) == said

    data_of(boss.mutate("analytics.setEnergyPrice", {"perKwh": None}))
    assert price(viewer) == {"perKwh": None, "currency": ""}
    assert EnergyPrice.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (b'{"perKwh": -0.01, "currency": "EUR"}', "perKwh"),
        (b'{"perKwh": 1000.01, "currency": "EUR"}', "perKwh"),
        (b'{"perKwh": 1e308, "currency": "EUR"}', "perKwh"),
        (b'{"perKwh": "0.24", "currency": "EUR"}', "perKwh"),
        (b'{"perKwh": true, "currency": "EUR"}', "perKwh"),
        (b'{"currency": "EUR"}', "perKwh"),
        (b'{"perKwh": 0.24}', "currency"),
        (b'{"perKwh": 0.24, "currency": "eur"}', "currency"),
        (b'{"perKwh": 0.24, "currency": "EU"}', "currency"),
        (b'{"perKwh": 0.24, "currency": "EURO"}', "currency"),
        ('{"perKwh": 0.24, "currency": "ÄÖÜ"}'.encode(), "currency"),
        (b'{"perKwh": 0.24, "currency": null}', "currency"),
    ],
)
def test_what_is_no_price_is_refused_by_its_field(said, field):
    refused = api_of("admin").post("analytics.setEnergyPrice", said, origin="http://testserver")

    status, code, message = refusal_of(refused)
    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", field)
    assert not EnergyPrice.objects.exists()


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e400"])
def test_a_price_is_a_finite_number(number):
    said = b'{"perKwh": %s, "currency": "EUR"}' % number

    refused = api_of("admin").post("analytics.setEnergyPrice", said, origin="http://testserver")

    assert refusal_of(refused)[:2] == (400, "BAD_REQUEST")
    assert not EnergyPrice.objects.exists()


# Who may


@pytest.mark.parametrize(
    ("path", "given", "roles"),
    [
        ("setEnergyMeter", {"powerMetric": "draw"}, ["user", "operator"]),
        ("setEnergyPrice", {"perKwh": 1.0, "currency": "EUR"}, ["user", "operator", "technician"]),
    ],
)
def test_nobody_below_their_role_says_anything_of_energy(path, given, roles):
    asked = {"deviceId": make_device().pk, **given} if path == "setEnergyMeter" else given

    assert refusal_of(Trpc(Client()).mutate(f"analytics.{path}", asked))[:2] == (401, "UNAUTHORIZED")
    for role in roles:
        assert refusal_of(api_of(role).mutate(f"analytics.{path}", asked))[:2] == (403, "FORBIDDEN")
    assert not EnergyMeter.objects.exists()
    assert not EnergyPrice.objects.exists()
