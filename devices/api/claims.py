from datetime import datetime, timedelta

from django.core.validators import RegexValidator
from django.utils import timezone
from rest_framework import serializers

from devices import queries, services
from devices.api.devices import DeviceWithToken
from devices.models import EXTERNAL_ID, Device
from factory.accounts.permissions import ANYONE, TECHNICIAN
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import StrictDateTime, StrictInteger, StrictString, WireSerializer

router = Router("devices")
NO_ID = "Letters, digits and . _ : - only, at most 64."
LONGEST_HOURS = 10 * 366 * 24


class ClaimCodeRow(WireSerializer):
    id = serializers.IntegerField()
    hint = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    max_uses = serializers.IntegerField()
    uses = serializers.IntegerField()
    valid = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    type = serializers.CharField(source="device_type")
    zone = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    device_id_prefix = serializers.CharField()
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)

    def get_valid(self, code) -> bool:
        return code.uses < code.max_uses and code.is_good(timezone.now())


class ClaimCodeShown(ClaimCodeRow):
    code = serializers.CharField()


class NewClaimCode(WireSerializer):
    label = StrictString(max_length=120, required=False, allow_blank=True)  # type: ignore[assignment]  # as above
    max_uses = StrictInteger(default=1, min_value=1, max_value=services.MOST_USES)
    expires_in_hours = StrictInteger(required=False, min_value=1, max_value=LONGEST_HOURS)
    expires_at = StrictDateTime(required=False, allow_null=True)
    type = serializers.ChoiceField(Device.Type.choices, source="device_type", required=False)
    zone = StrictString(max_length=64, required=False, allow_blank=True)
    tags = serializers.ListField(
        child=StrictString(max_length=services.TAG_LENGTH), max_length=services.TAGS_LIMIT, required=False
    )
    device_id_prefix = StrictString(
        required=False, trim_whitespace=False, validators=[RegexValidator(EXTERNAL_ID, NO_ID)]
    )


class Page(WireSerializer):
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class ClaimInput(WireSerializer):
    claim_code = StrictString(max_length=100)
    device_id = StrictString(trim_whitespace=False, validators=[RegexValidator(EXTERNAL_ID, NO_ID)])
    name = StrictString(max_length=120, required=False)
    type = serializers.ChoiceField(Device.Type.choices, required=False)


@router.mutation("createClaimCode", permission=TECHNICIAN, input=NewClaimCode, output=ClaimCodeShown)
def create_claim_code(call, *, expires_in_hours: int | None = None, expires_at=None, **properties):
    """A code by which devices register themselves, one or up to `maxUses`; the answer shows it, this once."""
    at = timezone.now()
    until = _until(expires_in_hours, expires_at, at)
    code, text = services.create_claim_code(expires_at=until, by=call.principal, at=at, **properties)
    code.code = text  # type: ignore[attr-defined]  # for this answer only
    return code


def _until(hours: int | None, moment: datetime | None, at: datetime) -> datetime | None:
    if hours is not None and moment is not None:
        raise InvalidInput.at("expiresAt", "give either expiresInHours or expiresAt")
    return moment if hours is None else at + timedelta(hours=hours)


@router.query("claimCodes", permission=TECHNICIAN, input=Page, output=ClaimCodeRow, many=True)
def claim_codes(call, *, limit: int, offset: int):
    """Claim codes without what is secret in them, the newest first; `X-Total-Count` counts them all."""
    found = queries.claim_codes()
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@router.mutation("revokeClaimCode", permission=TECHNICIAN, input=ById, output=ClaimCodeRow)
def revoke_claim_code(call, *, id: int):
    """Nobody comes by this code any more; the devices that came by it stay."""
    return services.revoke_claim_code(code_id=id, at=timezone.now())


@router.mutation("claim", permission=ANYONE, input=ClaimInput, output=DeviceWithToken)
def claim(call, *, device_id: str, **claimed):
    """A device registers itself by a claim code. The answer carries its token, this once."""
    device, token = services.claim_device(external_id=device_id, at=timezone.now(), **claimed)
    device.token = token  # type: ignore[attr-defined]  # for this answer only
    return device
