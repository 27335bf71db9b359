"""Claim codes: devices that register themselves, one by one or as a fleet."""

import re
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext

from devices.claim_codes import hash_of, hint_of, new_code
from devices.models import EXTERNAL_ID, Claim, ClaimCode, Device, Presence
from devices.services.credentials import rotate_token
from devices.services.registry import DeviceIdTaken, register_device
from devices.shapes import why_misshapen
from factory.accounts.models import User
from factory.errors import Forbidden, InvalidInput, NotFound
from factory.trpc.serializers import wire_name

MOST_USES = 100_000
WIRE_NAMES = {"device_type": "type"}


class ClaimRefused(Forbidden):
    """Unknown, used up, expired or revoked: a stranger is not told which."""


class ClaimCodeUnknown(NotFound):
    """There is no such claim code."""


def create_claim_code(
    *, at: datetime, by: User | None = None, expires_at: datetime | None = None, **properties: Any
) -> tuple[ClaimCode, str]:
    """A code by which devices may register themselves. It is shown this once."""
    text = new_code()
    code = ClaimCode(
        code_hash=hash_of(text),
        hint=hint_of(text),
        expires_at=expires_at,
        created_at=at,
        created_by=by,
        **properties,
    )
    _refuse_invalid(code, at=at)
    code.save(force_insert=True)
    return code, text


def why_no_claim_code(code: ClaimCode, *, at: datetime) -> dict[str, str]:
    """{field: reason} for a code that nobody could use, or whose devices could not be registered."""
    problems = why_misshapen(tags=code.tags, metadata={})
    if not 1 <= code.max_uses <= MOST_USES:
        problems["maxUses"] = gettext("must be from 1 to %(most)s") % {"most": MOST_USES}
    if code.expires_at is not None and code.expires_at <= at:
        problems["expiresAt"] = gettext("must be in the future")
    if code.device_id_prefix and not re.match(EXTERNAL_ID, code.device_id_prefix):
        problems["deviceIdPrefix"] = gettext("letters, digits and . _ : - only, at most 64")
    return problems


def _refuse_invalid(code: ClaimCode, *, at: datetime) -> None:
    fields: dict[str, list[str]] = {}
    try:
        code.full_clean(exclude=["created_by"], validate_unique=False, validate_constraints=False)
    except ValidationError as refusal:
        fields = {WIRE_NAMES.get(name, wire_name(name)): told for name, told in refusal.message_dict.items()}
    fields |= {field: [reason] for field, reason in why_no_claim_code(code, at=at).items()}
    if fields:
        first = next(iter(fields))
        raise InvalidInput(f"{first}: {fields[first][0]}", fields=fields)


def revoke_claim_code(*, code_id: int, at: datetime) -> ClaimCode:
    """Nobody comes by this code any more; those who came stay."""
    ClaimCode.objects.filter(pk=code_id, revoked_at=None).update(revoked_at=at)
    code = ClaimCode.objects.filter(pk=code_id).first()
    if code is None:
        raise ClaimCodeUnknown(gettext("There is no claim code %(id)s.") % {"id": code_id})
    return code


@transaction.atomic
def claim_device(
    *, claim_code: str, external_id: str, at: datetime, name: str = "", type: str = ""
) -> tuple[Device, str]:
    """A device registers itself by a code, and gets its token.

    One that has come by this very code already, and was never heard since, has lost our answer: it gets
    another token, and its code is not used once more.
    """
    code = ClaimCode.objects.filter(code_hash=hash_of(claim_code)).first()
    present = _came_before(code, external_id)  # asked of any code, so that each refusal takes as long
    if code is None or not code.is_good(at) or (present is None and code.uses >= code.max_uses):
        raise _refused()
    type_ = _type_for(code, external_id, type)
    if present is not None:
        return present, rotate_token(device=present, at=at)
    try:
        device, token = register_device(
            external_id=external_id,
            name=name or external_id,
            type=type_,
            at=at,
            zone=code.zone,
            tags=code.tags,
        )
    except DeviceIdTaken:
        present = _came_before(code, external_id)  # it asked twice at once
        if present is None:
            raise
        return present, rotate_token(device=present, at=at)
    _spend(code, at=at)
    Claim.objects.create(code=code, device=device, at=at)
    return device, token


def _refused() -> ClaimRefused:
    return ClaimRefused(gettext("This claim code is not valid."))


def _came_before(code: ClaimCode | None, external_id: str) -> Device | None:
    """The device that came by this code and was never heard since; being heard waits until we are done."""
    came = Device.objects.filter(external_id=external_id, claim__code=code.pk if code else 0)
    device = came.filter(deactivated_at=None).first()
    if device is None:
        return None
    unheard = Presence.objects.select_for_update().filter(pk=device.pk)
    return device if unheard.values_list("last_seen_at", flat=True).first() is None else None


def _type_for(code: ClaimCode, external_id: str, asked: str) -> str:
    """What it becomes; refuses what the code is not for."""
    if not external_id.startswith(code.device_id_prefix):
        raise InvalidInput.at(
            "deviceId",
            gettext("must begin with %(device_id_prefix)s") % {"device_id_prefix": code.device_id_prefix},
        )
    if code.device_type and asked and asked != code.device_type:
        raise InvalidInput.at(
            "type",
            gettext("this claim code is for devices of type %(device_type)s")
            % {"device_type": code.device_type},
        )
    return code.device_type or asked or Device.Type.SENSOR


def _spend(code: ClaimCode, *, at: datetime) -> None:
    """Of many who come at once, as many as there are uses get in."""
    good = Q(expires_at=None) | Q(expires_at__gt=at)
    left = ClaimCode.objects.filter(good, pk=code.pk, uses__lt=F("max_uses"), revoked_at=None)
    if not left.update(uses=F("uses") + 1, last_used_at=at):
        raise _refused()
