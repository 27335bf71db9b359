"""Devices and what they say of their updates, for the tests of this room."""

from datetime import datetime
from typing import Any

from devices.models import Device, Presence
from devices.services import note_seen
from devices.services.firmware import note_running_versions
from ota.models import Deployment, DeploymentEvent
from ota.services.deployments import deploy
from ota.services.hearing import UpdateWord, hear_update_status
from tests.builders import NOON, make_device, make_firmware


def make_runner(version: str = "1.0.0", **properties: Any) -> Device:
    """A device that runs a version and was heard just now."""
    device = make_device(**properties)
    Device.objects.filter(pk=device.pk).update(firmware_version=version)
    note_seen(device_ids=[device.pk], at=NOON)
    device.refresh_from_db()
    return device


def make_deployment(
    device: Device | None = None, *, status: str = "pending", at: datetime = NOON, **others: Any
) -> Deployment:
    """An update to 2.x, brought as far as `status` by its device's words."""
    device = device or make_runner()
    firmware = others.pop("firmware", None) or make_firmware(version=next_version())
    deployment = deploy(device=device, firmware=firmware, at=at, **others)
    for step in {
        "pending": [],
        "downloading": ["downloading"],
        "installing": ["downloading", "installing"],
        "completed": ["downloading", "installing", "completed"],
        "failed": ["failed"],
    }[status]:
        deployment = say(deployment, step, at=at)
    return deployment


_versions = iter(range(1, 100_000))


def next_version() -> str:
    return f"2.{next(_versions)}.0"


def say(deployment: Deployment, status: str, *, at: datetime = NOON, **said: Any) -> Deployment:
    """The device's word on its update."""
    word = UpdateWord(deployment.device_id, deployment.pk, status, **said)
    return hear_update_status(word=word, at=at)


def runs(device: Device, version: str, *, at: datetime, anew: bool = True) -> None:
    """The device says what it runs."""
    note_running_versions(versions={device.pk: version}, at=at, has_started_anew=anew)


def stands(deployment: Deployment) -> tuple[str, int, str]:
    deployment.refresh_from_db()
    return deployment.status, deployment.progress, deployment.error_message


def steps_of(deployment: Deployment) -> list[str]:
    return list(
        DeploymentEvent.objects.filter(deployment=deployment).order_by("pk").values_list("status", flat=True)
    )


def go_silent(device: Device) -> None:
    """Nobody waits for it, and it holds no socket: what it is to be told waits for its return."""
    Presence.objects.filter(pk=device.pk).update(silent_at=None, socket_until=None)
