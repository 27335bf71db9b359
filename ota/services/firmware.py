import logging
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any

from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext

from factory.accounts.models import User
from factory.errors import Conflict, DomainError, InvalidInput
from factory.retrying import again_after_deadlock
from factory.said import said
from ota import shelf
from ota.manifests import is_checksum, why_no_hardware
from ota.models import Deployment, Firmware
from ota.queries.firmware import find_version, last_sequence
from ota.services.accepting import Wanted, check_notes, checked, why_no_url
from ota.services.deployments import cancel_many
from ota.services.quota import check_file_size, count_upload, give_back
from ota.services.rollout_steps import pause_rollouts_of
from ota.unpacking import is_bomb

logger = logging.getLogger(__name__)

LONGEST_REASON = 300
LARGEST = 2**53 - 1  # bytes, of a file that somebody else keeps
RACES = 5  # times that somebody else takes the next number


class FirmwareThere(Conflict):
    """The same version, or the same content, was uploaded before."""


class FirmwareInUse(Conflict):
    """Deployments or rollouts refer to it."""


class FirmwareMoved(Conflict):
    """Somebody changed it meanwhile."""


def upload_firmware(
    *,
    file: IO[bytes] | File,
    version: str,
    device_type: str,
    release_notes: str = "",
    is_stable: bool = False,
    signature: str = "",
    manifest: str = "",
    hardware: Sequence[str] = (),
    by: User,
    at: datetime,
) -> Firmware:
    """Keep the file of a new version; size, checksum and number are ours, the signature is verified."""
    # No transaction around all of it: the storage takes its time, and others want to write.
    size, checksum = shelf.measured(file)
    if not size:
        raise InvalidInput.at("file", gettext("The file is empty."))
    check_file_size(size)
    if is_bomb(file, size=size):
        raise InvalidInput.at(
            "file", gettext("The file is an archive that grows beyond measure when unpacked.")
        )
    wanted = checked(
        version=version,
        device_type=device_type,
        size=size,
        checksum=checksum,
        hardware=hardware,
        release_notes=release_notes,
        is_stable=is_stable,
        manifest=manifest,
        signature=signature,
        at=at,
    )
    _check_new(wanted)
    count_upload(by=by, size=size, at=at)
    name = ""
    try:
        name = shelf.put(file, size=size, folder=device_type, stem=version)
        firmware = _write(wanted, file=name, url="", by=by, at=at)
    except (DomainError, IntegrityError) as error:
        # Of other failures nobody knows whether the row was written: the file stays, and is swept if it was not.
        if name:
            shelf.clear(name)
        if isinstance(error, shelf.StorageTroubled):
            logger.error("firmware.storage_failed", extra={"error": str(error.error)})
        give_back(by=by, size=size, at=at)
        raise
    logger.info("firmware.uploaded", extra={"firmware_id": firmware.pk, "user_id": by.pk, "bytes": size})
    return firmware


def register_external(
    *,
    url: str,
    size: int,
    checksum: str,
    version: str,
    device_type: str,
    release_notes: str = "",
    is_stable: bool = False,
    signature: str = "",
    manifest: str = "",
    hardware: Sequence[str] = (),
    by: User,
    at: datetime,
) -> Firmware:
    """Note a version whose file somebody else keeps; devices hold what they fetch against this checksum."""
    if why := why_no_url(url):
        raise InvalidInput.at("fileUrl", why)
    if not 1 <= size <= LARGEST:
        raise InvalidInput.at("fileSize", gettext("Expected the number of bytes."))
    checksum = checksum.lower()
    if not is_checksum(checksum):
        raise InvalidInput.at("checksum", gettext("Expected the SHA-256: 64 hexadecimal digits."))
    wanted = checked(
        version=version,
        device_type=device_type,
        size=size,
        checksum=checksum,
        hardware=hardware,
        release_notes=release_notes,
        is_stable=is_stable,
        manifest=manifest,
        signature=signature,
        at=at,
    )
    _check_new(wanted)
    firmware = _write(wanted, file="", url=url, by=by, at=at)
    logger.info("firmware.registered", extra={"firmware_id": firmware.pk, "user_id": by.pk})
    return firmware


def _check_new(wanted: Wanted) -> None:
    """Refuse what is there already, in words; the database has the last one."""
    if find_version(wanted.device_type, wanted.version):
        raise FirmwareThere(
            gettext("Version %(version)s for %(device_type)ss is there already.")
            % {"version": wanted.version, "device_type": said(wanted.device_type)},
            fields={"version": [gettext("It is there already.")]},
        )
    same = Firmware.objects.filter(device_type=wanted.device_type, checksum=wanted.checksum).first()
    if same:
        why = gettext("The same file is there already, as version %(version)s.") % {"version": same.version}
        raise FirmwareThere(why, fields={"file": [why]})
    if wanted.sequence is not None:
        last = last_sequence(wanted.device_type)
        if wanted.sequence <= last:
            why = gettext(
                "Its sequence number %(sequence)s is not above %(last)s, the last one of its type."
            ) % {"sequence": wanted.sequence, "last": last}
            raise FirmwareThere(why, fields={"manifest": [why]})


def _write(wanted: Wanted, *, file: str, url: str, by: User, at: datetime) -> Firmware:
    for race in range(1, RACES + 1):
        try:
            return again_after_deadlock(lambda: _written(wanted, file=file, url=url, by=by, at=at))
        except IntegrityError:
            _check_new(wanted)  # says so where it is the version or the content that is there
            if race == RACES:
                raise
    raise AssertionError("unreachable")


@transaction.atomic
def _written(wanted: Wanted, *, file: str, url: str, by: User, at: datetime) -> Firmware:
    # One after the other within a type: the oldest row is the lock that numbers are given under.
    Firmware.objects.select_for_update().filter(device_type=wanted.device_type).order_by("pk").first()
    _check_new(wanted)
    return Firmware.objects.create(
        version=wanted.version,
        device_type=wanted.device_type,
        sequence=wanted.sequence or last_sequence(wanted.device_type) + 1,
        release_notes=wanted.release_notes,
        hardware=wanted.hardware,
        is_stable=wanted.is_stable,
        file=file,
        url=url,
        size=wanted.size,
        checksum=wanted.checksum,
        manifest=wanted.manifest,
        signature=wanted.signature,
        created_by=by,
        created_at=at,
    )


@transaction.atomic
def edit_firmware(
    *,
    firmware: Firmware,
    release_notes: str | None = None,
    is_stable: bool | None = None,
    hardware: Sequence[str] | None = None,
) -> Firmware:
    """Change what is said of a version; its file and what was signed stay."""
    changes: dict[str, Any] = {}
    if release_notes is not None:
        check_notes(release_notes)
        changes["release_notes"] = release_notes
    if is_stable is not None:
        changes["is_stable"] = is_stable
    if hardware is not None:
        if why := why_no_hardware(hardware):
            raise InvalidInput.at("hardware", why)
        if list(hardware) != firmware.hardware:
            if firmware.signature:
                raise InvalidInput.at("hardware", gettext("It is part of what was signed."))
            changes["hardware"] = list(hardware)
    if changes:
        Firmware.objects.filter(pk=firmware.pk).update(**changes)
        logger.info("firmware.edited", extra={"firmware_id": firmware.pk, "fields": sorted(changes)})
        for name, value in changes.items():
            setattr(firmware, name, value)
    return firmware


def withdraw_firmware(*, firmware: Firmware, because: str, by: User, at: datetime) -> Firmware:
    """Offer a version to nobody any more, and stop the updates to it that are still safe to stop."""
    because = because.strip()
    if not because:
        raise InvalidInput.at("because", gettext("Say why."))
    if len(because) > LONGEST_REASON:
        raise InvalidInput.at("because", gettext("At most %(most)s characters.") % {"most": LONGEST_REASON})
    won = Firmware.objects.filter(pk=firmware.pk, withdrawn_at=None).update(
        withdrawn_at=at, withdrawn_because=because
    )
    if not won:
        raise FirmwareMoved(
            gettext("Version %(version)s was withdrawn already.") % {"version": firmware.version}
        )
    logger.info("firmware.withdrawn", extra={"firmware_id": firmware.pk, "user_id": by.pk})
    # In parts of their own: should this be cut short, the next step of each rollout pauses it, and what is left
    # under way gets no file, and ends by its deadline.
    pause_rollouts_of(
        firmware=firmware, because=f"Version {firmware.version} was withdrawn: {because}", at=at
    )
    active = list(Deployment.objects.active().filter(firmware=firmware).values_list("pk", flat=True))
    cancel_many(deployment_ids=active, at=at, by=by, because=f"The version was withdrawn: {because}"[:500])
    firmware.refresh_from_db()
    return firmware


@transaction.atomic
def delete_firmware(*, firmware: Firmware) -> None:
    """Remove a version that nothing was done with; else it is withdrawn, and its history stays."""
    try:
        Firmware.objects.filter(pk=firmware.pk).delete()
    except ProtectedError:
        raise FirmwareInUse(
            gettext("Deployments or rollouts refer to version %(version)s: withdraw it instead.")
            % {"version": firmware.version}
        ) from None
    if firmware.file:
        transaction.on_commit(lambda: shelf.clear(firmware.file))
    logger.info("firmware.deleted", extra={"firmware_id": firmware.pk})
