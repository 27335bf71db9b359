"""The JWT that names a session: HS256, in the cookie of people's browsers or as Bearer."""

from datetime import datetime
from typing import Any, cast

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token


class SessionToken(Token):
    token_type = "session"
    lifetime = settings.SESSION_LIFETIME


def issue(*, open_id: str, at: datetime) -> tuple[str, str, datetime]:
    """A new token for a person: (the token itself, its id, when it expires)."""
    token = SessionToken()
    token.set_iat(at_time=at)
    token.set_exp(from_time=at)
    token["sub"] = open_id
    return str(token), token["jti"], at + settings.SESSION_LIFETIME


def token_id_of(raw: str) -> str | None:
    """The id inside a token that we signed and that has not expired; otherwise None."""
    try:
        return SessionToken(cast(Any, raw)).get("jti")
    except TokenError:
        return _id_by_older_keys(raw)


def _id_by_older_keys(raw: str) -> str | None:
    """A change of SECRET_KEY signs nobody out who came in under one of SECRET_KEY_FALLBACKS."""
    for key in settings.SECRET_KEY_FALLBACKS:
        try:
            found = TokenBackend("HS256", key).decode(cast(Any, raw))
        except TokenBackendError:
            continue
        if found.get("token_type") == SessionToken.token_type:
            return found.get("jti")
    return None
