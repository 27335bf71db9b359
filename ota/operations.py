"""Batches that put a version on devices: each is a rollout, usually in one wave that nothing pauses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from devices.models import Device
from factory.accounts.models import User
from factory.errors import InvalidInput
from grouping.models import BatchItem, BatchOperation
from grouping.operations import Operation, register_operation
from ota.models import Firmware, Rollout, RolloutDevice
from ota.queries.rollouts import why_not
from ota.services.rollout_steps import cancel_rollout, retry_rollout
from ota.services.rollouts import Pace, start_for_batch

FIRMWARE_UPDATE = "firmware_update"
# As `ota.createRollout` has them, and what they are where nothing is said.
PACE = {
    "waves": "waves",
    "waveCounts": "wave_counts",
    "successThreshold": "success_threshold",
    "failureThreshold": "failure_threshold",
    "maxParallel": "max_parallel",
    "window": "window",
    "healthSeconds": "health_seconds",
}
USUAL = {"success_threshold": 0, "failure_threshold": 100}


def check(parameters: dict[str, Any]) -> dict[str, Any]:
    """`{firmwareVersionId | version, …}`; kept with the id."""
    named = {"firmwareVersionId", "version", *PACE}
    for name in parameters:
        if name not in named:
            raise InvalidInput.at(
                f"parameters.{name}", gettext("is none of %(names)s") % {"names": ", ".join(sorted(named))}
            )
    firmware = _firmware_in(parameters)
    try:
        pace_in(parameters).check()
    except InvalidInput as refusal:
        fields = {f"parameters.{name}": reasons for name, reasons in refusal.fields.items()}
        raise InvalidInput(f"parameters.{refusal.message}", fields=fields) from None
    kept = {name: value for name, value in parameters.items() if name != "version"}
    return {**kept, "firmwareVersionId": firmware.pk}


def pace_in(parameters: dict[str, Any]) -> Pace:
    given = {PACE[name]: parameters[name] for name in PACE if parameters.get(name) is not None}
    one_wave = {} if given.keys() & {"waves", "wave_counts"} else {"waves": [100]}
    return Pace(**{**USUAL, **one_wave, **given})


def _firmware_in(parameters: dict[str, Any]) -> Firmware:
    number, version = parameters.get("firmwareVersionId"), parameters.get("version")
    if (number is None) == (version is None):
        raise InvalidInput.at("parameters.firmwareVersionId", gettext("name either it or the version"))
    if number is not None:
        if type(number) is not int or not 0 < number < 2**63:
            raise InvalidInput.at(
                "parameters.firmwareVersionId", gettext("must be the number of a firmware version")
            )
        found = list(Firmware.objects.filter(pk=number))
        field, words = "parameters.firmwareVersionId", gettext("there is no firmware %(id)s") % {"id": number}
    else:
        found = list(Firmware.objects.filter(version=version)) if isinstance(version, str) else []
        field, words = (
            "parameters.version",
            gettext("there is no version %(version)s") % {"version": repr(version)},
        )
    if not found:
        raise InvalidInput.at(field, words)
    if len(found) > 1:
        types = ", ".join(firmware.device_type for firmware in found)
        raise InvalidInput.at(
            field, gettext("there is one for each of %(types)s: name firmwareVersionId") % {"types": types}
        )
    if found[0].withdrawn_at is not None:
        raise InvalidInput.at(
            field, gettext("version %(version)s was withdrawn") % {"version": found[0].version}
        )
    return found[0]


def exclude(devices: Sequence[Device], parameters: dict[str, Any]) -> Mapping[int, str]:
    firmware = Firmware.objects.get(pk=parameters["firmwareVersionId"])
    return why_not(firmware=firmware, device_ids=[device.pk for device in devices], at=timezone.now())


def take_over(batch: BatchOperation, items: Sequence[BatchItem], at: datetime) -> dict[str, Any]:
    """Begin a rollout; for those that have failed in it, have it do them again."""
    ids = [item.device_id for item in items if item.device_id is not None]
    rollout = Rollout.objects.filter(batch=batch).first()
    if rollout is not None:
        retry_rollout(rollout=rollout, device_ids=ids, at=at)
    else:
        rollout = start_for_batch(
            batch=batch,
            device_ids=ids,
            firmware=Firmware.objects.get(pk=batch.parameters["firmwareVersionId"]),
            pace=pace_in(batch.parameters),
            at=at,
        )
    return {"rolloutId": rollout.pk}


def take_back(batch: BatchOperation, at: datetime) -> set[int]:
    """Whom the rollout has left alone; asked again and again until all have an outcome."""
    rollout = Rollout.objects.filter(batch=batch).first()
    if rollout is None:
        return set()
    if rollout.status in Rollout.UNFINISHED:
        cancel_rollout(rollout=rollout, at=at)
    untouched = rollout.places.filter(status=RolloutDevice.Status.CANCELLED, device__isnull=False)
    return {pk for pk in untouched.values_list("device_id", flat=True) if pk is not None}


def register_operations() -> None:
    register_operation(
        Operation(
            name=FIRMWARE_UPDATE,
            label="Update the firmware",
            role=User.Role.TECHNICIAN,
            check=check,
            exclude=exclude,
            take_over=take_over,
            take_back=take_back,
        )
    )
