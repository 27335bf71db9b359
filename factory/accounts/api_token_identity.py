"""A program that shows an API token speaks for the token's owner, within its scope. Pages and admin know none."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone

from factory import context
from factory.accounts import attempts
from factory.accounts.api_token_rows import alive_token, looks_like_api_token, note_use
from factory.accounts.identity import address_of, bearer_of
from factory.accounts.models import ApiToken, User
from factory.accounts.permissions import ANYONE, IN_PERSON, OWN_ACCOUNT
from factory.accounts.second_step import SecondFactorMissing, lacks_second_factor
from factory.trpc.call import STRANGER, Identity
from factory.trpc.router import Procedure

Scope = ApiToken.Scope
AN_OPERATOR = Identity(User(role=User.Role.OPERATOR))


@dataclass(frozen=True, slots=True)
class TokenScope:
    """What a token is for. Its owner's role is asked besides, at the moment of use."""

    scope: str

    def covers(self, procedure: Procedure) -> bool:
        if procedure.permission is ANYONE:
            return True
        if procedure.permission in (IN_PERSON, OWN_ACCOUNT):
            return False
        if procedure.kind != "mutation":
            return True
        if self.scope == Scope.OPERATE:
            return procedure.permission.allows(AN_OPERATOR)
        return self.scope == Scope.FULL


def token_behind(bearer: str, *, address: str) -> Identity | None:
    """Whom a token speaks for; None where the text is no API token at all.

    The right one opens, however often others at its address were wrong: 256 random bits are not guessed, and a
    program with a stale token must not stop its neighbours. Wrong ones are told to stay away.
    """
    if not looks_like_api_token(bearer):
        return None
    now = timezone.now()
    token = alive_token(token=bearer, at=now)
    if token is None:
        attempts.refuse_wrong_token(address=address)
        return STRANGER
    note_use(token, at=now)
    context.note(user_id=token.user_id, api_token_id=token.pk)
    # A token does not get around the second factor that its owner must have.
    held_back = SecondFactorMissing() if lacks_second_factor(token.user) else None
    return Identity(token.user, token, held_back=held_back, scope=TokenScope(token.scope))


def identify_api_token(request: HttpRequest) -> Identity | None:
    return token_behind(bearer_of(request.headers.get("authorization", "")), address=address_of(request))
