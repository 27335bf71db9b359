"""What every beginning of an update has in common, the first one of a device as well as another try."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext

from devices.models import Device, Presence
from factory.accounts.models import User
from factory.errors import Conflict, DomainError, InvalidInput, PreconditionFailed
from factory.retrying import again_after_deadlock
from ota.fitting import fits
from ota.models import Deployment, DeploymentEvent, Firmware
from ota.patience import Patience
from ota.services.news import tell_on_commit
from ota.states import PENDING, same_version

AT_ONCE = 500
T = TypeVar("T")


class DeploymentUnderWay(Conflict):
    """The device is on its way to a version already."""


class RunsItAlready(Conflict):
    """The device says that it runs this version."""


class DoesNotFit(InvalidInput):
    """This device cannot take this version."""


class TooManyAttempts(Conflict):
    """It was tried as often as it may be."""


class NoWayBack(PreconditionFailed):
    """The version before cannot be put on again."""


def once_more_when_beaten(work: Callable[[], T]) -> T:
    """Of two updates of a device that begin at once the database takes one; the second time that is seen, and told."""
    try:
        return again_after_deadlock(work)
    except IntegrityError:
        return again_after_deadlock(work)


def why_not(
    device: Device | None, firmware: Firmware, *, is_under_way: bool, at: datetime
) -> DomainError | None:
    if device is None:
        return None  # said by the caller
    if why := fits(firmware, device, at=at):
        return DoesNotFit.at("firmwareVersionId", why)
    if same_version(device.firmware_version, firmware.version):
        return RunsItAlready(
            gettext("%(device)s runs %(version)s already.")
            % {"device": device.name, "version": firmware.version}
        )
    if is_under_way:
        return DeploymentUnderWay(
            gettext("An update of %(device)s is under way already.") % {"device": device.name}
        )
    return None


def new_deployment(device: Device, firmware: Firmware, *, patience: Patience, at: datetime) -> Deployment:
    return Deployment(
        device=device,
        firmware=firmware,
        previous_version=device.firmware_version,
        active_key=device.pk,
        deadline_at=patience.deadline(PENDING, at=at),
        created_at=at,
        updated_at=at,
    )


def insert_deployments(deployments: list[Deployment], *, at: datetime, by: User | None) -> None:
    # A savepoint of its own: who is inside a larger transaction may try again.
    with transaction.atomic():
        if connection.features.can_return_rows_from_bulk_insert:
            Deployment.objects.bulk_create(deployments, batch_size=AT_ONCE)
        else:  # MySQL does not tell the numbers of many
            for each in deployments:
                each.save(force_insert=True)
        DeploymentEvent.objects.bulk_create(
            [DeploymentEvent(deployment=each, status=PENDING, at=at, by=by) for each in deployments],
            batch_size=AT_ONCE,
        )
    tell_on_commit(deployments, at=at)


def reachable(device_ids: Iterable[int], *, at: datetime) -> set[int]:
    """Those that were heard within their patience, or hold a socket."""
    there = Presence.objects.filter(pk__in=list(device_ids))
    there = there.filter(Q(silent_at__gt=at) | Q(socket_until__gt=at))
    return set(there.values_list("pk", flat=True))
