"""Deployments as people want them: begin, cancel, try again, go back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext, ngettext

from devices.models import Device
from factory.accounts.models import User
from factory.errors import Conflict, DomainError, InvalidInput
from factory.retrying import again_after_deadlock
from factory.said import said
from ota.fitting import fits
from ota.models import Deployment, Firmware, Rollout
from ota.patience import patience_by_type
from ota.queries.deployments import DeploymentUnknown
from ota.queries.firmware import find_version
from ota.services.beginning import (
    AT_ONCE,
    DeploymentUnderWay,
    NoWayBack,
    RunsItAlready,
    TooManyAttempts,
    insert_deployments,
    new_deployment,
    once_more_when_beaten,
    reachable,
    why_not,
)
from ota.services.holding import hold_deployments, hold_devices
from ota.services.ledger import Ledger
from ota.services.news import wake_sockets_on_commit
from ota.states import (
    CANCELLABLE,
    CANCELLED,
    COMPLETED,
    FAILED,
    INSTALLING,
    PENDING,
    PEOPLE,
    ROLLED_BACK,
    bare,
    same_version,
)


def deploy(
    *,
    device: Device,
    firmware: Firmware,
    at: datetime,
    by: User | None = None,
    rollout: Rollout | None = None,
) -> Deployment:
    """Have a device put on a version; of two who want that at once, one is refused."""
    told = _deploy_part([device.pk], firmware, rollout=rollout, at=at, by=by)[device.pk]
    if isinstance(told, DomainError):
        raise told
    return told


def deploy_many(
    *,
    device_ids: Iterable[int],
    firmware: Firmware,
    rollout: Rollout | None,
    at: datetime,
    by: User | None = None,
) -> dict[int, Deployment | str]:
    """Have many devices put on a version: for each its deployment, or why it gets none."""
    ids = sorted(set(device_ids))
    told: dict[int, Deployment | DomainError] = {}
    for start in range(0, len(ids), AT_ONCE):
        told |= _deploy_part(ids[start : start + AT_ONCE], firmware, rollout=rollout, at=at, by=by)
    return _in_words(told)


def _deploy_part(
    ids: list[int], firmware: Firmware, *, rollout: Rollout | None, at: datetime, by: User | None
) -> Mapping[int, Deployment | DomainError]:
    return once_more_when_beaten(partial(_deploy, ids, firmware, rollout=rollout, at=at, by=by))


@transaction.atomic
def _deploy(
    ids: list[int], firmware: Firmware, *, rollout: Rollout | None, at: datetime, by: User | None
) -> dict[int, Deployment | DomainError]:
    devices = hold_devices(ids)
    under_way = set(Deployment.objects.filter(active_key__in=ids).values_list("active_key", flat=True))
    there = reachable(devices, at=at)
    patience = patience_by_type()
    told: dict[int, Deployment | DomainError] = {}
    for pk in ids:
        device = devices.get(pk)
        refusal = why_not(device, firmware, is_under_way=pk in under_way, at=at)
        if refusal is not None or device is None:
            told[pk] = refusal or InvalidInput.at(
                "deviceId", gettext("there is no device %(id)s") % {"id": pk}
            )
            continue
        new = new_deployment(device, firmware, patience=patience[device.type], at=at)
        new.rollout, new.created_by = rollout, by
        new.push_at = at if pk in there else None
        told[pk] = new
    insert_deployments([each for each in told.values() if isinstance(each, Deployment)], at=at, by=by)
    wake_sockets_on_commit([pk for pk in there if isinstance(told[pk], Deployment)], at=at)
    return told


# Cancel


def cancel_deployment(*, deployment: Deployment, at: datetime, by: User | None = None) -> Deployment:
    """Have a device stay with what it runs, as long as nothing has been written over."""

    @transaction.atomic
    def cancel() -> Deployment:
        held = _hold_one(deployment)
        ledger = Ledger(at=at)
        ledger.take(held, CANCELLED, by=PEOPLE, person=by)
        ledger.write()
        return held

    return again_after_deadlock(cancel)


def cancel_many(
    *, deployment_ids: Iterable[int], at: datetime, by: User | None = None, because: str = ""
) -> set[int]:
    """Cancel those of these for which it is safe; returns their ids."""
    ids = sorted(set(deployment_ids))
    cancelled: set[int] = set()
    for start in range(0, len(ids), AT_ONCE):
        cancelled |= again_after_deadlock(
            partial(_cancel_part, ids[start : start + AT_ONCE], at, by, because)
        )
    return cancelled


@transaction.atomic
def _cancel_part(ids: list[int], at: datetime, by: User | None, because: str) -> set[int]:
    ledger = Ledger(at=at)
    safe = [each for each in hold_deployments(ids) if each.status in CANCELLABLE]
    for each in safe:
        ledger.take(each, CANCELLED, by=PEOPLE, said=because, person=by)
    ledger.write()
    return {each.pk for each in safe}


def end_for_devices(*, device_ids: Iterable[int], at: datetime, because: str) -> None:
    """Inside a transaction: these devices will do nothing more; what is under way is cancelled, or has failed."""
    under_way = Deployment.objects.filter(active_key__in=list(device_ids))
    ledger = Ledger(at=at)
    for each in hold_deployments(under_way.values_list("pk", flat=True)):
        if each.status == INSTALLING:
            ledger.take(each, FAILED, by=PEOPLE, said=because)
        elif each.status in CANCELLABLE:
            ledger.take(each, CANCELLED, by=PEOPLE, said=because)
    ledger.write()


# Try again


def retry_deployment(*, deployment: Deployment, at: datetime, by: User | None = None) -> Deployment:
    """Try an update once more that has come to nothing."""
    told = _retry_part([deployment.pk], at=at, by=by).get(deployment.pk)
    if told is None:
        raise DeploymentUnknown(gettext("There is no deployment %(id)s.") % {"id": deployment.pk})
    if isinstance(told, DomainError):
        raise told
    return told


def retry_many(
    *, deployment_ids: Iterable[int], at: datetime, by: User | None = None
) -> dict[int, Deployment | str]:
    """Try these once more: for each the deployment as it is then, or why not."""
    ids = sorted(set(deployment_ids))
    told: dict[int, Deployment | DomainError] = {}
    for start in range(0, len(ids), AT_ONCE):
        told |= _retry_part(ids[start : start + AT_ONCE], at=at, by=by)
    return _in_words(told)


def _in_words(told: Mapping[int, Deployment | DomainError]) -> dict[int, Deployment | str]:
    return {pk: each.message if isinstance(each, DomainError) else each for pk, each in told.items()}


def _retry_part(ids: list[int], *, at: datetime, by: User | None) -> Mapping[int, Deployment | DomainError]:
    return once_more_when_beaten(partial(_retry, ids, at=at, by=by))


@transaction.atomic
def _retry(ids: list[int], *, at: datetime, by: User | None) -> dict[int, Deployment | DomainError]:
    devices = hold_devices(Deployment.objects.filter(pk__in=ids).values_list("device_id", flat=True))
    there = reachable(devices, at=at)
    active = Deployment.objects.filter(active_key__in=devices)
    under_way = set(active.values_list("device_id", flat=True))
    ledger = Ledger(at=at)
    told: dict[int, Deployment | DomainError] = {}
    for each in hold_deployments(ids):
        refusal = _why_not_again(each, ledger, under_way=under_way, at=at)
        if refusal is None:
            under_way.add(each.device_id)
            each.attempts += 1
            each.previous_version = each.device.firmware_version
            ledger.take(each, PENDING, by=PEOPLE, person=by)
            each.push_at = at if each.device_id in there else None
        told[each.pk] = refusal or each
    ledger.write()
    begun = [each.device_id for each in told.values() if isinstance(each, Deployment)]
    wake_sockets_on_commit(begun, at=at)
    return told


def _why_not_again(
    deployment: Deployment, ledger: Ledger, *, under_way: set[int], at: datetime
) -> DomainError | None:
    if deployment.status not in (FAILED, ROLLED_BACK, CANCELLED):
        return Conflict(
            gettext("Deployment %(id)s is %(status)s; there is nothing to try again.")
            % {"id": deployment.pk, "status": said(deployment.status)}
        )
    if deployment.attempts >= ledger.most_attempts(deployment):
        return TooManyAttempts(
            ngettext(
                "%(attempts)s attempt was made; deploy the version anew.",
                "%(attempts)s attempts were made; deploy the version anew.",
                deployment.attempts,
            )
            % {"attempts": deployment.attempts}
        )
    is_under_way = deployment.device_id in under_way
    return why_not(deployment.device, deployment.firmware, is_under_way=is_under_way, at=at)


# Go back


def roll_back(*, deployment: Deployment, at: datetime, by: User | None = None) -> Deployment:
    """Have a device put on again what it ran before this update; returns the deployment of that version."""
    return once_more_when_beaten(partial(_roll_back, deployment, at=at, by=by))


@transaction.atomic
def _roll_back(deployment: Deployment, *, at: datetime, by: User | None) -> Deployment:
    devices = hold_devices([deployment.device_id])
    held = _hold_one(deployment)
    if held.status != COMPLETED:
        raise Conflict(
            gettext("Deployment %(id)s is %(status)s; only a completed one is rolled back.")
            % {"id": held.pk, "status": said(held.status)}
        )
    device = devices[held.device_id]
    if not held.previous_version:
        raise NoWayBack(gettext("Nobody knows what %(device)s ran before.") % {"device": device.name})
    firmware = find_version(device.type, bare(held.previous_version))  # files have no leading v
    if firmware is None:
        raise NoWayBack(
            gettext("There is no file of version %(previous_version)s.")
            % {"previous_version": held.previous_version}
        )
    if why := fits(firmware, device, at=at):
        raise NoWayBack(why)
    if Deployment.objects.filter(active_key=device.pk).exists():
        raise DeploymentUnderWay(
            gettext("An update of %(device)s is under way already.") % {"device": device.name}
        )
    if same_version(device.firmware_version, firmware.version):
        raise RunsItAlready(
            gettext("%(device)s runs %(version)s already.")
            % {"device": device.name, "version": firmware.version}
        )
    ledger = Ledger(at=at)
    ledger.take(held, ROLLED_BACK, by=PEOPLE, said=f"Back to {firmware.version}.", person=by)
    ledger.write()
    new = new_deployment(device, firmware, patience=patience_by_type()[device.type], at=at)
    new.created_by = by
    new.push_at = at if reachable([device.pk], at=at) else None
    insert_deployments([new], at=at, by=by)
    wake_sockets_on_commit([device.pk], at=at)
    return new


def _hold_one(deployment: Deployment) -> Deployment:
    held = hold_deployments([deployment.pk])
    if not held:
        raise DeploymentUnknown(gettext("There is no deployment %(id)s.") % {"id": deployment.pk})
    return held[0]
