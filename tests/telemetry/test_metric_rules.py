import pytest
from django.core.management import call_command

from telemetry.batch import Sample
from telemetry.queries import aggregated
from telemetry.rules import metric_for, rules
from telemetry.services import store_readings
from telemetry.services.rollups import roll_up_due
from tests.builders import Trpc, data_of, make_device, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def admin(client):
    sign_in(client, make_user(role="admin"))
    return Trpc(client)


@pytest.fixture
def declare(admin, django_capture_on_commit_callbacks):
    def declare(**properties):
        with django_capture_on_commit_callbacks(execute=True):
            return data_of(admin.mutate("readings.setMetric", properties))

    return declare


def test_a_declared_metric_is_listed_after_the_built_in_ones(admin, declare):
    told = declare(key="energy", label="Energy", unit="kWh", kind="counter", rollover=1e6)

    listed = data_of(admin.query("readings.metrics"))
    assert [metric["key"] for metric in listed][:6] == [
        "temperature",
        "humidity",
        "vibration",
        "power",
        "pressure",
        "rpm",
    ]
    assert listed[6:] == [told]
    assert told == {
        "key": "energy",
        "label": "Energy",
        "unit": "kWh",
        "kind": "counter",
        "integration": "trapezoid",
        "maxGapSeconds": 900,
        "plausibleMin": None,
        "plausibleMax": None,
        "rollover": 1e6,
        "rebuildDue": False,
    }


def test_what_is_left_out_stays_as_it_was(declare):
    declare(key="power", maxGapSeconds=60)
    told = declare(key="power", label="Leistung")

    assert (told["label"], told["maxGapSeconds"], told["unit"], told["plausibleMax"]) == (
        "Leistung",
        60,
        "W",
        10_000_000,
    )


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"key": "Power"}, "key"),
        ({"key": "a b"}, "key"),
        ({"key": "x", "kind": "meter"}, "kind"),
        ({"key": "x", "maxGapSeconds": 0}, "maxGapSeconds"),
        ({"key": "x", "maxGapSeconds": 86_401}, "maxGapSeconds"),
        ({"key": "x", "rollover": 5.0}, "rollover"),
        ({"key": "x", "kind": "counter", "rollover": 0.0}, "rollover"),
        (
            {"key": "x", "kind": "counter", "rollover": 1e308},
            "rollover",
        ),  # two would be more than a number holds
        ({"key": "x", "plausibleMin": 2.0, "plausibleMax": 1.0}, "plausibleMax"),
    ],
)
def test_a_bad_declaration_names_the_field(admin, properties, named):
    status, code, message = refusal_of(admin.mutate("readings.setMetric", properties))

    assert (status, code) == (400, "BAD_REQUEST")
    assert named in message


def test_a_changed_rule_applies_from_then_on_and_to_all_of_it_after_a_rebuild(declare, capsys):
    device = make_device()

    def put(*points):
        store_readings(
            samples=[Sample(device.pk, minute * MINUTE, {"power": value}) for minute, value in points],
            received_at=1,
        )

    def figures():
        [row] = aggregated(device_ids=[device.pk], start=0, end=60 * MINUTE, interval_ms=60 * MINUTE)
        return row["metrics"]["power"]

    put((0, 10.0), (10, 20.0))
    roll_up_due()
    assert (figures()["integral"], "flags" in figures()) == (15.0 * 600, False)

    declare(key="power", integration="hold")
    put((20, 20.0))
    roll_up_due()
    assert (figures()["integral"], figures()["flags"]) == (15.0 * 600 + 20.0 * 600, ["rule_changed"])

    call_command("rebuild_rollups")
    rules.forget()
    assert (figures()["integral"], "flags" in figures()) == (10.0 * 600 + 20.0 * 600, False)
    assert "Rebuilt 2 quarter-hours of 1 devices." in capsys.readouterr().out


def test_a_rule_that_only_changes_a_name_needs_no_rebuild(declare):
    device = make_device()
    store_readings(samples=[Sample(device.pk, 0, {"power": 1.0})], received_at=1)
    roll_up_due()

    assert declare(key="power", label="Leistung")["rebuildDue"] is False
    assert declare(key="power", kind="counter")["rebuildDue"] is True
    assert declare(key="power", unit="kW")["rebuildDue"] is True


def test_other_processes_notice_a_declaration(declare):
    declare(key="energy", kind="counter")
    rules.keep({})  # another process's copy, as it was before
    assert not metric_for("energy").is_counter

    rules.forget()  # its five seconds are over

    assert metric_for("energy").is_counter
