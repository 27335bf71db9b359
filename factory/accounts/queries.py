from datetime import datetime

from factory.accounts.models import Session, User
from factory.accounts.session_length import is_over
from factory.accounts.tokens import names_in
from factory.errors import NotFound


class UserUnknown(NotFound):
    """There is no such person, or they may not sign in any more."""


def get_user(user_id: int) -> User:
    """One active person; refuses when there is none."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise UserUnknown(f"There is no user {user_id}.")
    return user


def alive_session(*, token: str, at: datetime) -> Session | None:
    """The session a token stands for, with its user; None when it is forged, expired or revoked."""
    names = names_in(token)
    if names is None:
        return None
    token_id, open_id = names
    found = Session.objects.alive(at).select_related("user").filter(token_id=token_id).first()
    # A token speaks for whom it names: that its session is another's cannot be, and would open their account.
    if found is None or found.user.open_id != open_id or is_over(found, at=at):
        return None
    return found


def sessions_of(*, user: User, at: datetime) -> list[Session]:
    """A person's own that open something, newest first."""
    sessions = Session.objects.alive(at).filter(user=user).select_related("user")
    return [one for one in sessions.order_by("-created_at", "-pk") if not is_over(one, at=at)]
