"""What new devices of a type start with."""

import pytest
from django.test import Client

from devices.models import Configuration, ConfigurationVersion, TypeDefaults
from devices.services import claim_device, create_claim_code, set_silence_rule, set_type_defaults
from factory.errors import InvalidInput
from tests.builders import NOON, Trpc, data_of, make_device, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


def test_a_new_device_starts_with_what_its_type_has():
    set_type_defaults(
        type="controller",
        tags=["plc", "line 2"],
        metadata={"vendor": "ACME", "rack": 1},
        configuration={"interval": 5},
    )

    press = make_device(type="controller", tags=["press", "plc"], metadata={"rack": 7})
    other = make_device(type="sensor", tags=["press"], metadata={"rack": 7})

    press.refresh_from_db()
    assert (press.tags, press.metadata) == (["press", "plc", "line 2"], {"vendor": "ACME", "rack": 7})
    twin = press.configuration
    assert (twin.desired, twin.version, twin.in_sync, twin.push_at) == ({"interval": 5}, 1, False, NOON)
    assert (twin.desired_at, twin.drift_at) == (NOON, None)
    versions = ConfigurationVersion.objects.values_list("device", "version", "desired", "by", "at")
    assert list(versions) == [(press.pk, 1, {"interval": 5}, None, NOON)]
    assert (other.tags, other.metadata, other.configuration.version) == (["press"], {"rack": 7}, 0)


def test_one_called_online_from_the_start_has_its_time_to_follow(settings):
    settings.CONFIG_DRIFT_SECONDS = 300
    set_type_defaults(type="sensor", configuration={"interval": 5})

    twin = make_device(status="online").configuration

    assert (twin.drift_at - NOON).total_seconds() == 300


def test_a_claimed_device_starts_with_it_too():
    set_type_defaults(type="gateway", tags=["edge"], configuration={"interval": 5})
    _, code = create_claim_code(at=NOON, device_type="gateway", tags=["press"])

    device, _ = claim_device(claim_code=code, external_id="gate-1", at=NOON)

    assert device.tags == ["press", "edge"]
    assert Configuration.objects.get(pk=device.pk).desired == {"interval": 5}


def test_tags_are_added_while_there_is_room():
    set_type_defaults(type="sensor", tags=["a", "b"])
    own = [str(number) for number in range(49)]

    assert make_device(tags=own).tags == [*own, "a"]


def test_devices_that_exist_stay_as_they_are():
    press = make_device(tags=["press"])

    set_type_defaults(type="sensor", tags=["a"], configuration={"interval": 5})

    press.refresh_from_db()
    assert (press.tags, press.configuration.version) == (["press"], 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "robot"}, "type"),
        ({"tags": [""]}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"configuration": []}, "config"),
        ({"configuration": {"a": "x" * 70_000}}, "config"),
        ({"metrics": "power"}, "metrics"),
        ({"metrics": ["Power"]}, "metrics"),
        ({"metrics": ["power", "power"]}, "metrics"),
        ({"metrics": [f"m{number}" for number in range(65)]}, "metrics"),
    ],
)
def test_defaults_that_no_device_could_have_are_refused(changes, field):
    with pytest.raises(InvalidInput) as refusal:
        set_type_defaults(**{"type": "sensor", **changes})

    assert list(refusal.value.fields) == [field]
    assert not TypeDefaults.objects.exists()


@pytest.fixture
def technician(client):
    sign_in(client, make_user(role="technician"))
    return Trpc(client)


def test_types_are_told_with_how_long_they_may_be_silent(
    technician, settings, django_capture_on_commit_callbacks
):
    settings.DEVICE_SILENT_SECONDS = 120
    with django_capture_on_commit_callbacks(execute=True):
        set_silence_rule(type="gateway", silent_seconds=600, tolerance_seconds=5, severity="critical")
    change = {"type": "gateway", "metrics": ["power", "own_one"], "config": {"snake_case": 1}}

    told = data_of(technician.mutate("devices.setTypeDefaults", change))
    data_of(technician.mutate("devices.setTypeDefaults", {"type": "gateway", "tags": ["edge"]}))

    gateway = {
        "type": "gateway",
        "metrics": ["power", "own_one"],
        "tags": [],
        "metadata": {},
        "config": {"snake_case": 1},
        "silentSeconds": 600,
        "toleranceSeconds": 5,
        "severity": "critical",
    }
    usual = {**gateway, "metrics": [], "config": {}, "severity": "warning"}
    usual |= {"silentSeconds": 120, "toleranceSeconds": 60}
    assert told == gateway
    assert data_of(technician.query("devices.types")) == [
        *({**usual, "type": type_} for type_ in ("sensor", "actuator", "controller")),
        {**gateway, "tags": ["edge"]},
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "robot", "tags": []}, "type"),
        ({"type": "sensor", "tags": "a"}, "tags"),
        ({"type": "sensor", "config": 5}, "config"),
        ({"type": "sensor", "metrics": [5]}, "metrics.0"),
        ({"type": "sensor", "metrics": ["Power"]}, "metrics"),
        ({"type": "sensor"}, "Nothing to change"),
    ],
)
def test_bad_defaults_are_named(technician, change, field):
    told = refusal_of(technician.mutate("devices.setTypeDefaults", change))

    assert (told[0], told[2].partition(":")[0]) == (400, field)
    assert not TypeDefaults.objects.exists()


def test_everybody_reads_types_and_technicians_set_them(client, technician):
    sign_in(client, make_user(role="operator"))
    change = {"type": "sensor", "tags": ["a"]}

    assert len(data_of(technician.query("devices.types"))) == 4
    assert refusal_of(technician.mutate("devices.setTypeDefaults", change))[0] == 403
    assert refusal_of(Trpc(Client()).mutate("devices.setTypeDefaults", change))[0] == 401
    assert refusal_of(Trpc(Client()).query("devices.types"))[0] == 401
    assert not TypeDefaults.objects.exists()
