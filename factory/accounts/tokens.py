"""The JWT that names a session: HS256, in the cookie of people's browsers or as Bearer."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token

# All that stands in ours. A token that says more, such as where its key is or for whom it is meant, is none of ours,
# and by whatever key it was signed nobody has to know what such words would mean.
HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"token_type", "exp", "iat", "jti", "sub"}


class SessionToken(Token):
    token_type = "session"
    lifetime = settings.SESSION_LIFETIME  # at most; a role's may be shorter


def issue(*, open_id: str, at: datetime, lifetime: timedelta) -> tuple[str, str, datetime]:
    """A new token for a person: (the token itself, its id, when it expires)."""
    token = SessionToken()
    token.set_iat(at_time=at)
    token.set_exp(from_time=at, lifetime=lifetime)
    token["sub"] = open_id
    return str(token), token["jti"], at + lifetime


def names_in(raw: str) -> tuple[str, str] | None:
    """The id and the person's `sub` inside a token that we signed and that has not expired; otherwise None."""
    try:
        if jwt.get_unverified_header(raw) != HEADER:
            return None
        said = _said_under_our_keys(raw)
    except (TokenError, jwt.InvalidTokenError):
        return None
    # A date that no calendar knows overflows, and where JSON nests too deep the parser gives up.
    except (OverflowError, RecursionError, ValueError):
        return None
    if said.keys() != CLAIMS or said["token_type"] != SessionToken.token_type:
        return None
    names = said["jti"], said["sub"]
    return names if all(isinstance(name, str) for name in names) else None


def _said_under_our_keys(raw: str) -> dict[str, Any]:
    """A change of SECRET_KEY signs nobody out who came in under one of SECRET_KEY_FALLBACKS."""
    try:
        return SessionToken(cast(Any, raw)).payload
    except TokenError:
        for key in settings.SECRET_KEY_FALLBACKS:
            with suppress(TokenBackendError):
                return TokenBackend("HS256", key).decode(cast(Any, raw))
        raise
