"""The version that a device puts beside its readings."""

import time

import pytest
from django.utils import timezone

from devices.identity import known_tokens
from devices.models import Device
from ota.services.deployments import deploy
from telemetry.versions_said import version_in, versions_said
from tests.builders import Trpc, data_of, make_firmware, make_token, ms
from tests.ota.updating import make_deployment, make_runner, say, stands


@pytest.fixture(autouse=True)
def _nothing_heard_yet():
    known_tokens.clear()
    versions_said.clear()


@pytest.mark.parametrize(
    ("message", "version"),
    [
        ({"firmwareVersion": "2.0.0"}, "2.0.0"),
        ({"metadata": {"firmwareVersion": "2.0.0"}}, "2.0.0"),
        ({"data": {"temperature": 1}}, None),
        ({"firmwareVersion": 2}, None),
        ({"firmwareVersion": ""}, None),
        ({"firmwareVersion": "2" * 65}, None),
        ({"firmwareVersion": "2\n0"}, None),
        ({"metadata": "2.0.0"}, None),
        ([{"firmwareVersion": "2.0.0"}], None),
    ],
)
def test_a_version_is_found_where_devices_put_it(message, version):
    assert version_in(message) == version


@pytest.mark.django_db(transaction=True)
def test_the_version_beside_readings_closes_the_loop(client):
    device = make_runner("1.0.0")
    deployment = deploy(device=device, firmware=make_firmware(version="2.0.0"), at=timezone.now())
    api = Trpc(client, bearer=make_token(device, at=timezone.now()))
    for step in ("downloading", "installing"):
        say(deployment, step, at=timezone.now())

    def report(version, **when):
        data_of(api.mutate("readings.create", {"data": {"rpm": 1.0}, "firmwareVersion": version, **when}))
        assert versions_said.settle(timeout=10)
        return stands(deployment)[0], Device.objects.get().firmware_version

    assert report("1.0.0") == ("installing", "1.0.0")  # it runs the old one until it starts anew
    assert report("2.0.0") == ("completed", "2.0.0")
    an_hour_ago = ms(timezone.now()) - 3_600_000
    assert report("1.0.0", timestamp=an_hour_ago) == ("completed", "2.0.0")  # measured before the update
    assert report("1.0.0") == ("rolled_back", "1.0.0")


@pytest.mark.django_db(transaction=True)
def test_a_version_said_again_is_heard_again_soon_after_the_update(monkeypatch):
    device = make_runner("1.0.0")

    def hear():
        versions_said.hear(device.pk, {"firmwareVersion": "1.0.0"})
        assert versions_said.settle(timeout=10)

    clock = [time.monotonic()]
    monkeypatch.setattr("telemetry.versions_said.time.monotonic", lambda: clock[0])
    hear()
    deployment = make_deployment(device, status="completed", at=timezone.now())
    hear()
    assert stands(deployment)[0] == "completed"  # nobody has asked: the same was heard just now
    clock[0] += 15
    hear()
    assert stands(deployment)[0] == "rolled_back"
