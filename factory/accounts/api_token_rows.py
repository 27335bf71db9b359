"""API tokens as rows: found by what is shown, marked as used, ended."""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from factory.accounts.models import ApiToken, User
from factory.accounts.noting import note_change
from factory.live.broadcast import end_connections_on_commit

PREFIX = "fat_"  # what secret scanners look for: fat_ and 43 characters of A-Z a-z 0-9 _ -
USED_EVERY = timedelta(minutes=10)  # so often the time of the last use is written


def looks_like_api_token(text: str) -> bool:
    return text.startswith(PREFIX)


def digest_of(token: str) -> str:
    """One round of SHA-256 is enough: 256 random bits are not guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def tokens_of(*, user: User, at: datetime) -> QuerySet[ApiToken]:
    """A person's own that open something, newest first."""
    return ApiToken.objects.alive(at).filter(user=user).order_by("-pk")


@transaction.atomic
def end_tokens(tokens: QuerySet[ApiToken], *, at: datetime) -> int:
    """End these, and what is open with them, on every worker at once."""
    ended = 0
    for token in tokens.filter(revoked_at=None).select_related("user"):
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
            ended += 1
            end_connections_on_commit(connection_name(token.pk))
            after = {"state": "revoked", "owner": token.user.email}
            note_change("accounts.apitoken", token.pk, token.name, before={"state": "good"}, after=after)
    return ended


def connection_name(token_id: int) -> str:
    """The name under which sockets that were opened with a token can be closed."""
    return f"api-token-{token_id}"


def alive_token(*, token: str, at: datetime) -> ApiToken | None:
    """What a token stands for, with its owner; None when it is forged, expired or revoked."""
    return ApiToken.objects.alive(at).select_related("user").filter(digest=digest_of(token)).first()


def note_use(token: ApiToken, *, at: datetime) -> None:
    """Keep when a token was last used, nearly: a write for each request would cost more than most requests."""
    stale = at - USED_EVERY
    if token.last_used_at is None or token.last_used_at < stale:
        unwritten = Q(last_used_at=None) | Q(last_used_at__lt=stale)
        ApiToken.objects.filter(unwritten, pk=token.pk).update(last_used_at=at)
