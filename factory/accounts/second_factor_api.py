from django.utils import timezone
from rest_framework import serializers

from factory.accounts import second_factor, second_step
from factory.accounts.identity import address_of
from factory.accounts.permissions import IN_PERSON, OWN_ACCOUNT
from factory.trpc.router import Router
from factory.trpc.serializers import StrictString, WireSerializer

router = Router("auth")


class StandingRow(WireSerializer):
    enabled = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True)
    recovery_codes_left = serializers.IntegerField()
    missing = serializers.BooleanField()


class SetupRow(WireSerializer):
    secret = serializers.CharField()
    link = serializers.CharField()


class RecoveryCodes(WireSerializer):
    recovery_codes = serializers.ListField(child=serializers.CharField())


class Done(WireSerializer):
    success = serializers.BooleanField()


class OwnPassword(WireSerializer):
    password = StrictString(max_length=1000, trim_whitespace=False)


class FirstCode(WireSerializer):
    code = StrictString(max_length=64)


class Proof(WireSerializer):
    """One of the two."""

    password = StrictString(max_length=1000, trim_whitespace=False, required=False)
    code = StrictString(max_length=64, required=False)


@router.query("secondFactor", permission=OWN_ACCOUNT, output=StandingRow)
def standing(call):
    """One's own second factor; `missing` where this plant asks for one and it is not set up yet."""
    row = second_factor.standing_of(call.principal)
    return {
        "enabled": row.enabled,
        "since": row.since,
        "recovery_codes_left": row.recovery_codes_left,
        "missing": second_step.lacks_second_factor(call.principal),
    }


@router.mutation("beginSecondFactor", permission=OWN_ACCOUNT, input=OwnPassword, output=SetupRow)
def begin(call, *, password: str):
    """Make a secret for an authenticator app. It counts once a code of it has confirmed it, within 15 minutes."""
    return second_factor.begin_setup(
        user=call.principal, password=password, at=timezone.now(), address=address_of(call.http)
    )


@router.mutation("confirmSecondFactor", permission=OWN_ACCOUNT, input=FirstCode, output=RecoveryCodes)
def confirm(call, *, code: str):
    """Show the app's first code; from then on signing in asks for one. Other sessions end."""
    made = second_factor.confirm_setup(
        user=call.principal, code=code, session=call.identity.credential, at=timezone.now()
    )
    return {"recovery_codes": made}


@router.mutation("renewRecoveryCodes", permission=IN_PERSON, input=Proof, output=RecoveryCodes)
def renew(call, **proof):
    """Ten new recovery codes for one's password or a code; those of before open nothing any more."""
    made = second_factor.renew_recovery_codes(
        user=call.principal, at=timezone.now(), address=address_of(call.http), **proof
    )
    return {"recovery_codes": made}


@router.mutation("disableSecondFactor", permission=IN_PERSON, input=Proof, output=Done)
def disable(call, **proof):
    """Take one's own second factor off, for one's password or a code. Other sessions end."""
    second_factor.disable(
        user=call.principal,
        session=call.identity.credential,
        at=timezone.now(),
        address=address_of(call.http),
        **proof,
    )
    return {"success": True}
