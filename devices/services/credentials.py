from datetime import datetime, timedelta

from django.db import transaction

from devices.models import Credential, CredentialQuerySet, Device
from devices.tokens import broker_verifier, hash_of, new_token
from factory.live.broadcast import end_connections_on_commit


def issue_token(*, device: Device, at: datetime, lifetime: timedelta | None = None, label: str = "") -> str:
    """One more token for a device; it is kept as hashes only, ours and the MQTT broker's."""
    token = new_token()
    Credential.objects.create(
        device=device,
        token_hash=hash_of(token),
        broker_verifier=broker_verifier(token),
        label=label,
        created_at=at,
        expires_at=at + lifetime if lifetime else None,
    )
    return token


@transaction.atomic
def rotate_token(*, device: Device, at: datetime) -> str:
    """Replace every lasting token of a device by a new one; the old ones end now."""
    _revoke(Credential.objects.filter(device=device), at=at)
    return issue_token(device=device, at=at)


def revoke_token(*, token: str, at: datetime) -> None:
    """End one token, for example a temporary one that has done its work."""
    _revoke(Credential.objects.filter(token_hash=hash_of(token)), at=at)


@transaction.atomic
def _revoke(credentials: CredentialQuerySet, *, at: datetime) -> None:
    lasting = credentials.filter(revoked_at=None)
    end_sockets(lasting)
    lasting.update(revoked_at=at)


def end_sockets(credentials: CredentialQuerySet) -> None:
    for credential_id in credentials.values_list("pk", flat=True):
        end_connections_on_commit(connection_name(credential_id))


def connection_name(credential_id: int) -> str:
    """The name under which the open sockets of a device's credential can be closed."""
    return f"device-credential-{credential_id}"
