from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from factory.accounts import preferences as chosen
from factory.accounts import queries, services
from factory.accounts.attempts import count_attempt
from factory.accounts.identity import address_of, cookie_for
from factory.accounts.models import Session, User
from factory.accounts.permissions import ANYONE, IN_PERSON
from factory.trpc.router import Router
from factory.trpc.serializers import (
    OrNull,
    StrictBoolean,
    StrictInteger,
    StrictString,
    TimeZoneField,
    WireSerializer,
)

router = Router("auth")


class UserRow(WireSerializer):
    id = serializers.IntegerField()
    open_id = serializers.CharField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_signed_in = serializers.DateTimeField(source="last_login", allow_null=True)


class SignedIn(WireSerializer):
    token = serializers.CharField()
    user = UserRow()


class Registered(SignedIn):
    success = serializers.BooleanField()


class SessionRow(WireSerializer):
    id = serializers.IntegerField()
    address = serializers.CharField()
    agent = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    current = serializers.BooleanField()


class Success(WireSerializer):
    success = serializers.BooleanField()


class Renewed(Success):
    token = serializers.CharField()


class Credentials(WireSerializer):
    email = StrictString(max_length=190)
    password = StrictString(max_length=1000, trim_whitespace=False)
    code = StrictString(max_length=64, required=False)


class Registration(WireSerializer):
    email = serializers.EmailField(max_length=190)
    password = StrictString(max_length=1000, trim_whitespace=False)
    name = StrictString(max_length=150)


class PasswordChange(WireSerializer):
    current_password = StrictString(max_length=1000, trim_whitespace=False)
    new_password = StrictString(max_length=1000, trim_whitespace=False)


class PreferencesRow(WireSerializer):
    theme = serializers.ChoiceField(User.Theme.choices)
    language = serializers.ChoiceField(settings.LANGUAGES, allow_null=True)
    time_zone = serializers.CharField(allow_null=True)
    start_page = serializers.ChoiceField(User.StartPage.choices)
    shortcuts = serializers.BooleanField()


class PreferencesInput(WireSerializer):
    theme = serializers.ChoiceField(User.Theme.choices, required=False)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False, allow_null=True)
    time_zone = TimeZoneField(required=False, allow_null=True)
    start_page = serializers.ChoiceField(User.StartPage.choices, required=False)
    shortcuts = StrictBoolean(required=False)


class SessionId(WireSerializer):
    id = StrictInteger()


def _origin_of(call) -> dict:
    return {"address": address_of(call.http), "agent": call.http.headers.get("user-agent", "")}


def _count(call, kind: str) -> None:
    """These two have a limit of their own, per address, and their answers tell that one."""
    for name, value in count_attempt(kind, address=address_of(call.http)).items():
        call.set_header(name, value)


@router.mutation("login", permission=ANYONE, input=Credentials, output=SignedIn)
def login(call, *, email: str, password: str, code: str = ""):
    """Sign in with e-mail and password; sets the session cookie and returns the same token.

    Who has a second factor gives a `code` as well. Without it, or with a wrong one, the refusal's `data.reason` is
    `secondFactorNeeded` or `secondFactorWrong`.
    """
    _count(call, "login")
    user, token = services.sign_in(
        email=email, password=password, code=code, at=timezone.now(), **_origin_of(call)
    )
    call.set_cookie(**cookie_for(token))
    return {"token": token, "user": user}


@router.mutation("register", permission=ANYONE, input=Registration, output=Registered)
def register(call, *, email: str, password: str, name: str):
    """Make an account of one's own, where registration is open, and sign in."""
    _count(call, "register")
    user = services.register_user(email=email, password=password, name=name)
    token = services.open_session(user=user, at=timezone.now(), **_origin_of(call))
    call.set_cookie(**cookie_for(token))
    return {"success": True, "user": user, "token": token}


@router.mutation("logout", permission=ANYONE, output=Success)
def logout(call):
    """End the session this request came with, at once and everywhere."""
    if isinstance(call.identity.credential, Session):
        services.sign_out(session=call.identity.credential, at=timezone.now())
    call.set_cookie(**{**cookie_for(""), "max_age": 0})
    return {"success": True}


@router.query("me", permission=ANYONE, output=OrNull(UserRow))
def me(call):
    """The person signed in, or null."""
    return call.principal if isinstance(call.principal, User) else None


@router.mutation("changePassword", permission=IN_PERSON, input=PasswordChange, output=Renewed)
def change_password(call, *, current_password: str, new_password: str):
    """Change one's own password. Every session ends; the answer carries a new one."""
    token = services.change_password(
        user=call.principal, current=current_password, new=new_password, at=timezone.now(), **_origin_of(call)
    )
    call.set_cookie(**cookie_for(token))
    return {"success": True, "token": token}


@router.query("sessions", permission=IN_PERSON, output=SessionRow, many=True)
def sessions(call):
    """One's own sessions that are alive, newest first."""
    rows = queries.sessions_of(user=call.principal, at=timezone.now())
    for row in rows:
        row.current = row.pk == call.identity.credential.pk  # type: ignore[attr-defined]
    return rows


@router.mutation("revokeSession", permission=IN_PERSON, input=SessionId, output=Success)
def revoke_session(call, *, id: int):
    """End one of one's own sessions; an admin may end anybody's."""
    services.revoke_session(session_id=id, by=call.principal, at=timezone.now())
    return {"success": True}


@router.query("preferences", permission=IN_PERSON, output=PreferencesRow)
def preferences(call):
    """How pages are shown to the person: null is the browser's language, and the plant's time zone."""
    return chosen.preferences_of(call.principal)


@router.mutation("setPreferences", permission=IN_PERSON, input=PreferencesInput, output=PreferencesRow)
def set_preferences(call, **changes):
    """Change how pages are shown to oneself; what is not named stays."""
    given: dict[str, Any] = {name: "" if value is None else value for name, value in changes.items()}
    return chosen.preferences_of(chosen.set_preferences(user=call.principal, **given))
