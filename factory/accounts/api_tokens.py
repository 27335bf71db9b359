"""API tokens: made by a person for a program of theirs, shown once, revoked."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext

from factory.accounts.access_letters import Changed, tell_of
from factory.accounts.api_token_rows import PREFIX, digest_of, end_tokens, tokens_of
from factory.accounts.models import ApiToken, User
from factory.accounts.noting import note_change
from factory.accounts.services import check_own_password
from factory.errors import Conflict, InvalidInput, NotFound

SHOWN = len(PREFIX) + 6
DAYS, MOST_DAYS = 90, 365
MOST_TOKENS = 20  # alive, of a person
NAME_LENGTH = 60


class TooManyTokens(Conflict):
    """Somebody who has that many has lost sight of them."""


class ApiTokenUnknown(NotFound):
    """No such token among those that the person may revoke."""


@transaction.atomic
def create_token(
    *,
    user: User,
    name: str,
    scope: str,
    password: str,
    at: datetime,
    days: int = DAYS,
    address: str = "",
) -> tuple[ApiToken, str]:
    """A new token, for one's password: returns the row, and the token itself, which is not kept anywhere."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH:
        raise InvalidInput.at("name", gettext("must have 1 to %(most)s characters") % {"most": NAME_LENGTH})
    if scope not in ApiToken.Scope.values:
        raise InvalidInput.at("scope", gettext("is no scope"))
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput.at("expiresInDays", gettext("must be 1 to %(most)s") % {"most": MOST_DAYS})
    check_own_password(user=user, password=password, address=address, field="password")
    User.objects.select_for_update().get(pk=user.pk)  # two at once are counted one after the other
    if tokens_of(user=user, at=at).count() >= MOST_TOKENS:
        raise TooManyTokens(
            gettext("You have %(most)s tokens already. Revoke one that is not used.") % {"most": MOST_TOKENS}
        )
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user,
        name=name,
        scope=scope,
        digest=digest_of(token),
        start=token[:SHOWN],
        created_at=at,
        expires_at=at + timedelta(days=days),
    )
    after = {"name": name, "scope": scope, "owner": user.email, "expiresAt": row.expires_at}
    note_change("accounts.apitoken", row.pk, name, before={}, after=after)
    tell_of(Changed.API_TOKEN, user=user, at=at, about=f"{name} ({scope})")
    return row, token


def revoke_token(*, token_id: int, by: User, at: datetime) -> None:
    """End a token by its id: one's own, or anybody's for an admin."""
    tokens = ApiToken.objects.alive(at).filter(pk=token_id)
    if not by.has_rank_of(User.Role.ADMIN):
        tokens = tokens.filter(user=by)
    if not end_tokens(tokens, at=at):
        raise ApiTokenUnknown(gettext("There is no such token."))
