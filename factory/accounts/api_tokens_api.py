from django.utils import timezone
from rest_framework import serializers

from factory.accounts import api_tokens
from factory.accounts.api import Success
from factory.accounts.api_token_rows import tokens_of
from factory.accounts.identity import address_of
from factory.accounts.models import ApiToken
from factory.accounts.permissions import IN_PERSON
from factory.trpc.router import Router
from factory.trpc.serializers import StrictInteger, StrictString, WireSerializer

router = Router("auth")


class ApiTokenRow(WireSerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    scope = serializers.ChoiceField(ApiToken.Scope.choices)
    start = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewApiTokenRow(ApiTokenRow):
    token = serializers.CharField()


class NewApiToken(WireSerializer):
    name = StrictString(max_length=api_tokens.NAME_LENGTH)
    scope = serializers.ChoiceField(ApiToken.Scope.choices)
    expires_in_days = StrictInteger(min_value=1, max_value=api_tokens.MOST_DAYS, required=False)
    password = StrictString(max_length=1000, trim_whitespace=False)


class ApiTokenId(WireSerializer):
    id = StrictInteger()


@router.query("apiTokens", permission=IN_PERSON, output=ApiTokenRow, many=True)
def listed(call):
    """One's own API tokens that open something, newest first."""
    return list(tokens_of(user=call.principal, at=timezone.now()))


@router.mutation("createApiToken", permission=IN_PERSON, input=NewApiToken, output=NewApiTokenRow)
def create(call, *, expires_in_days: int = api_tokens.DAYS, **given):
    """Make an API token for a program, for one's password. `token` is told this once; it lasts 90 days, at most 365."""
    row, token = api_tokens.create_token(
        user=call.principal,
        days=expires_in_days,
        at=timezone.now(),
        address=address_of(call.http),
        **given,
    )
    return {**vars(row), "token": token}


@router.mutation("revokeApiToken", permission=IN_PERSON, input=ApiTokenId, output=Success)
def revoke(call, *, id: int):
    """End one of one's own API tokens at once; an admin may end anybody's."""
    api_tokens.revoke_token(token_id=id, by=call.principal, at=timezone.now())
    return {"success": True}
