from datetime import timedelta

from django.utils import timezone
from rest_framework import serializers

from devices import queries, services
from devices.api.devices import Token
from devices.fields import DeviceReference
from factory.accounts.permissions import TECHNICIAN
from factory.trpc.router import Router
from factory.trpc.serializers import StrictInteger, StrictString, WireSerializer

router = Router("devices")
LONGEST_LIFETIME = 10 * 366 * 86_400
SHOWN = 200


class CredentialRow(WireSerializer):
    id = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    alive = serializers.SerializerMethodField()

    def get_alive(self, credential) -> bool:
        return credential.is_alive(timezone.now())


class ByDevice(WireSerializer):
    id = DeviceReference()


class ByCredential(WireSerializer):
    id = StrictInteger(min_value=1)


class MoreToken(WireSerializer):
    id = DeviceReference()
    label = StrictString(max_length=64, required=False, allow_blank=True)  # type: ignore[assignment]  # as above
    lifetime_seconds = StrictInteger(required=False, min_value=1, max_value=LONGEST_LIFETIME)


class Rotation(WireSerializer):
    id = DeviceReference()
    overlap_seconds = StrictInteger(
        default=0, min_value=0, max_value=int(services.LONGEST_OVERLAP.total_seconds())
    )


@router.query("credentials", permission=TECHNICIAN, input=ByDevice, output=CredentialRow, many=True)
def credentials(call, *, id: int | str):
    """A device's tokens without what is secret in them, ended ones too: the newest 200, the newest first."""
    return queries.credentials_of(device_id=queries.get_device(id).pk)[:SHOWN]


@router.mutation("addToken", permission=TECHNICIAN, input=MoreToken, output=Token)
def add_token(call, *, id: int | str, label: str = "", lifetime_seconds: int | None = None):
    """One more token beside a device's own, shown this once."""
    lifetime = timedelta(seconds=lifetime_seconds) if lifetime_seconds else None
    device = queries.get_device(id)
    return {"token": services.add_token(device=device, label=label, lifetime=lifetime, at=timezone.now())}


@router.mutation("revokeCredential", permission=TECHNICIAN, input=ByCredential, output=CredentialRow)
def revoke_credential(call, *, id: int):
    """End one token now; whoever is connected by it is disconnected."""
    return services.revoke_credential(credential_id=id, at=timezone.now())


@router.mutation("rotateToken", permission=TECHNICIAN, input=Rotation, output=Token)
def rotate_token(call, *, id: int | str, overlap_seconds: int):
    """Give a device a new token, shown this once; the old ones end now, or after the overlap."""
    overlap = timedelta(seconds=overlap_seconds)
    device = queries.get_device(id)
    return {"token": services.rotate_token(device=device, overlap=overlap, at=timezone.now())}
