"""Who is asking? People come with the session JWT, as a cookie or as Bearer."""

from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from factory import context
from factory.accounts.queries import alive_session
from factory.accounts.second_step import SecondFactorMissing, lacks_second_factor
from factory.accounts.session_length import note_use
from factory.limits.addresses import client_address
from factory.trpc.call import STRANGER, Identity


def bearer_of(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def looks_like_session_token(token: str) -> bool:
    return token.count(".") == 2


def person_behind(
    *, bearer: str, cookies: Mapping[str, str], request: HttpRequest | None = None
) -> Identity | None:
    """The person a Bearer token or the cookie stands for; None when neither speaks of a person.

    A Bearer token that is presented and wrong is not rescued by a cookie. A `request` is use of the session.
    """
    if bearer and not looks_like_session_token(bearer):
        return None
    token = bearer or cookies.get(settings.SESSION_COOKIE_NAME_JWT, "")
    if not token:
        return None
    now = timezone.now()
    session = alive_session(token=token, at=now)
    if session is None:
        return STRANGER
    if request is not None:
        note_use(session, request, at=now)
    context.note(user_id=session.user_id)
    held_back = SecondFactorMissing() if lacks_second_factor(session.user) else None
    return Identity(session.user, session, ambient=not bearer, held_back=held_back)


def identify_person(request: HttpRequest) -> Identity | None:
    bearer = bearer_of(request.headers.get("authorization", ""))
    return person_behind(bearer=bearer, cookies=request.COOKIES, request=request)


def cookie_for(token: str) -> dict:
    """How the browser is told to keep the token (arguments of `set_cookie`)."""
    return {
        "key": settings.SESSION_COOKIE_NAME_JWT,
        "value": token,
        "max_age": int(settings.SESSION_LIFETIME.total_seconds()),
        "httponly": True,
        "samesite": "Lax",
        "secure": settings.SECURE,
        "path": "/",
    }


def remember(response: HttpResponseBase, token: str) -> None:
    response.set_cookie(**cookie_for(token))


def forget(response: HttpResponseBase) -> None:
    response.delete_cookie(settings.SESSION_COOKIE_NAME_JWT, path="/", samesite="Lax")


def address_of(request: HttpRequest) -> str:
    return client_address(request.META)
