import secrets
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from factory.accounts import attempts, passwords, second_step, tokens
from factory.accounts.access_letters import Changed, is_new_place, tell_of
from factory.accounts.api_token_rows import end_tokens
from factory.accounts.models import ApiToken, Invitation, Session, SessionQuerySet, User
from factory.accounts.noting import note_change
from factory.accounts.session_length import lifetime_of
from factory.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthorized
from factory.live.broadcast import end_connections_on_commit


class WrongCredentials(Unauthorized):
    """E-mail or password is wrong; which one is nobody's business."""


class RegistrationClosed(Forbidden):
    """People are added by an admin here."""


class EmailTaken(Conflict):
    """Somebody signs in with this e-mail already."""


class UserUnknown(NotFound):
    """There is no such person."""


class LastAdmin(Conflict):
    """Nobody would be left who can let people in."""


class OwnAccount(Conflict):
    """Nobody takes away the ground they stand on."""


class SessionUnknown(NotFound):
    """No such session among those the person may end."""


EDITABLE = {"email", "name", "role", "is_active"}


def normal_email(email: str) -> str:
    """An e-mail as it is kept and compared."""
    return email.strip().lower()


@transaction.atomic
def create_user(*, email: str, password: str, name: str = "", role: User.Role = User.Role.USER) -> User:
    """Add a person who can sign in from now on."""
    draft = User(email=normal_email(email), name=name, role=role)
    passwords.accepted(password, person=draft)
    try:
        with transaction.atomic():
            user = User.objects.create_user(draft.email, password, name=name, role=role)
    except IntegrityError:
        _refuse_taken(draft.email)
        raise
    _note(user, before={}, after={"email": user.email, "name": name, "role": role})
    return user


def _note(user: User, *, before: dict, after: dict) -> None:
    note_change("accounts.user", user.pk, user.email, before=before, after=after)


def _refuse_taken(email: str, *, but: int = 0) -> None:
    if User.objects.filter(email=email).exclude(pk=but).exists():
        raise EmailTaken(
            gettext("This e-mail is in use already."), fields={"email": [gettext("is in use already")]}
        ) from None


def register_user(*, email: str, password: str, name: str) -> User:
    """A stranger makes their own account, where the plant allows it."""
    if settings.REGISTRATION != "open":
        raise RegistrationClosed(gettext("Registration is closed. Ask an admin for an account."))
    return create_user(email=email, password=password, name=name)


def ensure_first_admin(*, email: str, password: str) -> tuple[User, str] | None:
    """On an empty plant, the admin who can let everybody else in; None when there are people already."""
    if User.objects.exists():
        return None
    password = password or secrets.token_urlsafe(12)
    # A demo takes any password that its settings give; a plant is not started with one that is guessed first.
    manager = User.objects
    make = manager.create_user if settings.FACTORY_DEMO else manager.create_superuser
    user = make(email or "admin@factory.local", password, name="Admin", role=User.Role.ADMIN)
    return user, password


@transaction.atomic
def open_session(*, user: User, at: datetime, address: str = "", agent: str = "") -> str:
    """Start a session and return its token, which is not kept anywhere."""
    token, token_id, expires_at = tokens.issue(open_id=user.open_id, at=at, lifetime=lifetime_of(user.role))
    Session.objects.create(
        user=user,
        token_id=token_id,
        address=address[:64],
        agent=agent[:200],
        created_at=at,
        expires_at=expires_at,
    )
    User.objects.filter(pk=user.pk).update(last_login=at)
    user.last_login = at
    return token


def check_credentials(*, email: str, password: str, address: str = "") -> User:
    """Whose e-mail and password these are; wrong ones are indistinguishable in words and in time."""
    email = normal_email(email)
    attempts.refuse_after_failures(email=email, address=address)
    user = User.objects.filter(email=email).first()
    if user is None:
        User().set_password(password)  # the same work as a comparison
    if user is None or not check_password(password, user.password) or not user.is_active:
        attempts.note_failure(email=email, address=address)
        raise WrongCredentials(gettext("E-mail or password is wrong."))
    return user


def sign_in(
    *, email: str, password: str, at: datetime, code: str = "", address: str = "", agent: str = ""
) -> tuple[User, str]:
    """Open a session for e-mail and password, and the code of who has a second factor."""
    user = check_credentials(email=email, password=password, address=address)
    return user, take_second_step(user=user, code=code, at=at, address=address, agent=agent)


@transaction.atomic  # a code is used up for a session, or not at all
def take_second_step(*, user: User, code: str, at: datetime, address: str = "", agent: str = "") -> str:
    """A session for somebody whose password was right, once their second factor is, where they have one."""
    second_step.ask_for_code(user=user, code=code, at=at, address=address)
    is_new = is_new_place(user=user, address=address, agent=agent)
    token = open_session(user=user, at=at, address=address, agent=agent)
    if is_new:
        tell_of(Changed.NEW_PLACE, user=user, at=at, about=address)
    return token


def sign_out(*, session: Session, at: datetime) -> None:
    """End this one session, on every worker at once."""
    _end(Session.objects.filter(pk=session.pk), at=at)


def revoke_session(*, session_id: int, by: User, at: datetime) -> None:
    """End a session by its id: one's own, or anybody's for an admin."""
    sessions = Session.objects.alive(at).filter(pk=session_id)
    if not by.has_rank_of(User.Role.ADMIN):
        sessions = sessions.filter(user=by)
    if not _end(sessions, at=at):
        raise SessionUnknown(gettext("There is no such session."))


def revoke_all_sessions(*, user: User, at: datetime) -> int:
    """End every session of a person."""
    return _end(Session.objects.filter(user=user), at=at)


def end_access(*, user: User, at: datetime) -> None:
    """End all that a person, or whoever had their password, has opened: sessions and API tokens."""
    revoke_all_sessions(user=user, at=at)
    end_tokens(ApiToken.objects.filter(user=user), at=at)


def revoke_other_sessions(*, session: Session, at: datetime) -> int:
    """End every session of a person but this one."""
    return _end(Session.objects.alive(at).filter(user=session.user_id).exclude(pk=session.pk), at=at)


@transaction.atomic
def _end(sessions: SessionQuerySet, *, at: datetime) -> int:
    ids = list(sessions.filter(revoked_at=None).values_list("pk", flat=True))
    ended = Session.objects.filter(pk__in=ids, revoked_at=None).update(revoked_at=at)
    for session_id in ids:
        end_connections_on_commit(connection_name(session_id))
    return ended


def connection_name(session_id: int) -> str:
    """The name under which a session's open sockets can be closed."""
    return f"session-{session_id}"


@transaction.atomic
def set_password(*, user: User, password: str, at: datetime) -> None:
    """Give a person a new password and end every session and API token that the old one opened."""
    passwords.accepted(password, person=user, field="newPassword")
    user.set_password(password)
    user.save(update_fields=["password"])
    _note(user, before={"password": "the old one"}, after={"password": "a new one"})
    tell_of(Changed.PASSWORD, user=user, at=at)
    end_access(user=user, at=at)


def check_own_password(*, user: User, password: str, address: str, field: str) -> None:
    """Refuse who is signed in and does not know the password; counted as when signing in."""
    attempts.refuse_after_failures(email=user.email, address=address)
    if not check_password(password, user.password):
        attempts.note_failure(email=user.email, address=address)
        raise InvalidInput.at(field, gettext("is wrong"))


@transaction.atomic
def change_password(
    *, user: User, current: str, new: str, at: datetime, address: str = "", agent: str = ""
) -> str:
    """A person changes their own password; all sessions end and a fresh one is returned."""
    check_own_password(user=user, password=current, address=address, field="currentPassword")
    set_password(user=user, password=new, at=at)
    return open_session(user=user, at=at, address=address, agent=agent)


@transaction.atomic
def edit_user(*, user: User, **changes) -> User:
    """An admin changes a person's name, role or right to sign in."""
    values = {field: changes[field] for field in changes.keys() & EDITABLE}
    if not values:
        return user
    if "email" in values:
        values["email"] = normal_email(values["email"])
        _refuse_taken(values["email"], but=user.pk)
    refuse_without_admin(user=user, **values)
    was = User.objects.filter(pk=user.pk).values(*values).first() or {}
    try:
        with transaction.atomic():
            found = User.objects.filter(pk=user.pk).update(**values)
    except IntegrityError:
        _refuse_taken(values.get("email", ""), but=user.pk)
        raise
    if not found:
        raise UserUnknown(gettext("There is no person %(id)s.") % {"id": user.pk})
    for field, value in values.items():
        setattr(user, field, value)
    if values.get("is_active") is False:
        end_access(user=user, at=timezone.now())
    if values.get("email", was.get("email")) != was.get("email"):
        tell_of(Changed.EMAIL, user=user, at=timezone.now(), email=was["email"])
    _note(user, before=was, after=values)
    return user


def refuse_without_admin(
    *, user: User, role: str = User.Role.ADMIN, is_active: bool = True, **_others
) -> None:
    """Refuse changes that leave no admin who can sign in. `role` and `is_active` are what they would become."""
    if role == User.Role.ADMIN and is_active:
        return
    if _holds_every_admin({user.pk}):
        field = "isActive" if role == User.Role.ADMIN else "role"
        raise LastAdmin(
            gettext("This is the last admin who can sign in."),
            fields={field: [gettext("is that of the last admin who can sign in")]},
        )


@transaction.atomic
def _holds_every_admin(user_ids: set[int]) -> bool:
    """Whether all admins who can sign in are among these; holds the admins, as two may go at once."""
    admins = User.objects.select_for_update().filter(role=User.Role.ADMIN, is_active=True)
    found = set(admins.order_by("pk").values_list("pk", flat=True))
    return bool(found) and found <= user_ids


@transaction.atomic
def delete_users(*, users: Iterable[User], by: User, at: datetime) -> int:
    """Remove people with all that is theirs; what they did stays, and only the logs say that it was they."""
    users = list(users)
    ids = {user.pk for user in users}
    if by.pk in ids:
        raise OwnAccount(gettext("You cannot delete yourself."))
    if _holds_every_admin(ids):
        raise LastAdmin(gettext("The last admin who can sign in cannot be deleted."))
    _end(Session.objects.filter(user__in=ids), at=at)
    end_tokens(ApiToken.objects.filter(user__in=ids), at=at)
    User.objects.filter(pk__in=ids).delete()
    Invitation.objects.filter(email__in=[user.email for user in users], pending_for=None).delete()
    for user in users:
        _note(user, before={"email": user.email, "name": user.name, "role": user.role}, after={})
    return len(ids)
