"""Simulated devices against the real server: what goes wrong on them never counts as done."""

import asyncio
from datetime import timedelta
from random import Random

import httpx
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from factory.demo.server import client_options
from factory.demo.updating import FAILURES, Updating, read_failures
from factory.demo.upkeep import Updates, ask
from ota.models import Deployment
from ota.services.deadlines import enforce_deadlines
from ota.services.deployments import deploy, retry_deployment
from tests.builders import make_firmware, make_token
from tests.factory.running import server
from tests.ota.storing import stored_files
from tests.ota.updating import make_runner, stands, steps_of

SIZE = 3_000_000


def test_shares_of_failures_are_read():
    assert read_failures("") == {}
    assert read_failures("bad-checksum=0.2, silent") == {"bad-checksum": 0.2, "silent": 0.1}
    for wrong in ("tired", "silent=2", "silent=x", "silent=0.6,old-slot=0.6"):
        with pytest.raises(ValueError, match=r".+"):
            read_failures(wrong)


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setenv("STORAGE_URL", f"file://{tmp_path / 'storage'}")
    with server() as url:
        yield url


class Unit:
    """One device, its update, and how it goes about it."""

    def __init__(self, firmware, failure="", **options):
        self.device = make_runner("1.0.0")
        self.deployment = deploy(device=self.device, firmware=firmware, at=timezone.now())
        self.token = make_token(self.device, at=timezone.now())
        shares = {failure: 1.0} if failure else {}
        quick = {"install_seconds": 0.05, "start_seconds": 0.05}
        self.updating = Updating("1.0.0", failures=shares, rng=Random(4), **quick, **options)

    @property
    def status(self):
        return stands(self.deployment)[0]


def let_them_ask(url, units, rounds=2):
    """Each asks for a version, does with it what it does, and asks again."""

    async def run():
        async with httpx.AsyncClient(**client_options(url, connections=16)) as client:
            updates = Updates(client)
            for _ in range(rounds):
                for unit in units:
                    await ask(client, updates, unit.token, unit.updating)
                async with asyncio.timeout(60):
                    while updates.tasks:
                        await asyncio.wait(set(updates.tasks))

    asyncio.run(run())


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_no_failure_on_a_device_is_taken_for_a_success(url):
    firmware = make_firmware(version="2.0.0", content=Random(1).randbytes(SIZE))
    units = {failure: Unit(firmware, failure) for failure in ("", *FAILURES)}

    let_them_ask(url, units.values())
    enforce_deadlines(at=timezone.now() + timedelta(days=8))

    assert {failure: unit.status for failure, unit in units.items()} == {
        "": "completed",
        "bad-checksum": "failed",
        "power-loss": "rolled_back",
        "silent": "failed",
        "old-slot": "rolled_back",
    }
    for failure, unit in units.items():
        assert bool(unit.deployment.error_message) is bool(failure), failure
        unit.device.refresh_from_db()
        assert unit.device.firmware_version == ("1.0.0" if failure else "2.0.0")
    assert "SHA-256" in units["bad-checksum"].deployment.error_message
    assert SIZE <= units["power-loss"].updating.received <= 1.02 * SIZE
    assert steps_of(units[""].deployment) == ["pending", "downloading", "installing", "completed"]


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_a_file_that_was_swapped_in_the_storage_is_refused_by_the_device(url):
    content = Random(1).randbytes(200_000)
    firmware = make_firmware(version="2.0.0", content=content)
    unit = Unit(firmware)
    with default_storage.open(firmware.file, "wb") as file:
        file.write(content[:-1] + b"!")
    assert len(stored_files()) == 1

    let_them_ask(url, [unit])

    assert unit.status == "failed"
    assert "SHA-256" in unit.deployment.error_message


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_a_device_that_knows_a_key_takes_nothing_that_is_not_signed(url):
    unit = Unit(make_firmware(version="2.0.0"), public_keys=["A" * 43 + "="])

    let_them_ask(url, [unit])

    assert unit.status == "failed"
    assert unit.deployment.error_message == "The version is not signed."


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_what_failed_on_a_device_succeeds_with_another_attempt(url):
    unit = Unit(make_firmware(version="2.0.0", content=Random(1).randbytes(SIZE)), "old-slot")
    let_them_ask(url, [unit])
    assert unit.status == "rolled_back"

    retry_deployment(deployment=unit.deployment, at=timezone.now())
    unit.updating.failures.clear()
    let_them_ask(url, [unit])

    assert (unit.status, Deployment.objects.get().attempts) == ("completed", 2)
