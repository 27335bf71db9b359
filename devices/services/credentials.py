from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from devices.models import Credential, CredentialQuerySet, Device
from devices.queries import DeviceUnknown
from devices.tokens import broker_verifier, hash_of, new_token
from factory.errors import Conflict, InvalidInput, NotFound
from factory.live.broadcast import end_connections_on_commit

LONGEST_OVERLAP = timedelta(days=30)
AT_ONCE = 500  # rows in one statement
TOKENS_LIMIT = 20  # of one device, alive at the same time


class CredentialUnknown(NotFound):
    """There is no such token."""


class TooManyTokens(Conflict):
    """A device has as many tokens as it may."""


def issue_token(
    *,
    device: Device,
    at: datetime,
    lifetime: timedelta | None = None,
    label: str = "",
    in_password_file: bool = True,
) -> str:
    """One more token for a device; it is kept as hashes only, ours and the MQTT broker's."""
    token = new_token()
    credential = _credential(device, token, at=at, in_password_file=in_password_file)
    credential.label, credential.expires_at = label, at + lifetime if lifetime else None
    credential.save(force_insert=True)
    return token


def issue_tokens(*, devices: Sequence[Device], at: datetime) -> list[str]:
    """A token for each of many devices, in their order."""
    tokens = [new_token() for _ in devices]
    pairs = zip(devices, tokens, strict=True)
    Credential.objects.bulk_create((_credential(device, token, at=at) for device, token in pairs), AT_ONCE)
    return tokens


def _credential(device: Device, token: str, *, at: datetime, in_password_file: bool = True) -> Credential:
    verifier = broker_verifier(token) if in_password_file else ""
    return Credential(device=device, token_hash=hash_of(token), broker_verifier=verifier, created_at=at)


@transaction.atomic
def add_token(*, device: Device, at: datetime, lifetime: timedelta | None = None, label: str = "") -> str:
    """A token beside the device's own, for somebody else who speaks for it.

    A broker's password file knows one password a device: that stays the device's own.
    """
    _hold_in_service(device)
    _refuse_one_more(device, at=at)
    return issue_token(device=device, at=at, lifetime=lifetime, label=label, in_password_file=False)


@transaction.atomic
def rotate_token(*, device: Device, at: datetime, overlap: timedelta = timedelta(0)) -> str:
    """Replace every token of a device by a new one; the old ones end now, or when the overlap is over."""
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidInput.at(
            "overlapSeconds",
            gettext("must be from 0 to %(most)s") % {"most": f"{LONGEST_OVERLAP.total_seconds():.0f}"},
        )
    _hold_in_service(device)
    present = Credential.objects.filter(device=device)
    if overlap:
        _refuse_one_more(device, at=at)
        until = at + overlap
        present.alive(at).filter(Q(expires_at=None) | Q(expires_at__gt=until)).update(expires_at=until)
    else:
        revoke_credentials(present, at=at)
    return issue_token(device=device, at=at)


def _refuse_one_more(device: Device, *, at: datetime) -> None:
    if Credential.objects.alive(at).filter(device=device).count() >= TOKENS_LIMIT:
        raise TooManyTokens(
            gettext("A device has at most %(most)s tokens at a time. End one of them first.")
            % {"most": TOKENS_LIMIT}
        )


def _hold_in_service(device: Device) -> None:
    """Until the transaction ends nobody takes it out of service, which would end the tokens it has by then."""
    held = Device.objects.select_for_update().filter(pk=device.pk)
    row = held.values_list("deactivated_at").first()
    if row is None:
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": device.pk})
    if row[0] is not None:
        raise InvalidInput.at("id", gettext("device %(id)s is out of service") % {"id": device.pk})


def revoke_token(*, token: str, at: datetime) -> None:
    """End one token, for example a temporary one that has done its work."""
    revoke_credentials(Credential.objects.filter(token_hash=hash_of(token)), at=at)


@transaction.atomic
def revoke_credential(*, credential_id: int, at: datetime, device: Device | None = None) -> Credential:
    """End one token by its number, where `device` is given one of its own; one that has ended stays as it is."""
    wanted = Credential.objects.filter(pk=credential_id)
    credential = (wanted if device is None else wanted.filter(device=device)).first()
    if credential is None:
        raise CredentialUnknown(gettext("There is no token %(id)s.") % {"id": credential_id})
    revoke_credentials(wanted, at=at)
    credential.refresh_from_db()
    return credential


def end_tokens_of(*, device_ids: Sequence[int], at: datetime) -> None:
    """None of these devices can show a token any more."""
    revoke_credentials(Credential.objects.filter(device_id__in=device_ids), at=at)


@transaction.atomic
def revoke_credentials(credentials: CredentialQuerySet, *, at: datetime) -> None:
    """End these tokens now, and the connections of who is connected by them."""
    lasting = credentials.filter(revoked_at=None)
    end_sockets(lasting)
    lasting.update(revoked_at=at)


def end_sockets(credentials: CredentialQuerySet) -> None:
    for credential_id in credentials.values_list("pk", flat=True):
        end_connections_on_commit(connection_name(credential_id))


def connection_name(credential_id: int) -> str:
    """The name under which the open sockets of a device's credential can be closed."""
    return f"device-credential-{credential_id}"
