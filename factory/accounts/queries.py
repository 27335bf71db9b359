from datetime import datetime

from factory.accounts.models import Session, User
from factory.accounts.tokens import token_id_of


def alive_session(*, token: str, at: datetime) -> Session | None:
    """The session a token stands for, with its user; None when it is forged, expired or revoked."""
    token_id = token_id_of(token)
    if token_id is None:
        return None
    return Session.objects.alive(at).select_related("user").filter(token_id=token_id).first()


def sessions_of(*, user: User, at: datetime):
    return Session.objects.alive(at).filter(user=user).order_by("-created_at", "-pk")
