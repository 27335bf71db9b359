"""How long a session lasts, and how long one that nobody uses: by the role of its person at the moment."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db.models import Q
from django.http import HttpRequest

from factory.accounts.models import Session, User

USED_EVERY = timedelta(seconds=30)  # so often the time of the last use is written, where somebody asks for it
RENEWAL = "x-renewal"  # said by what a page asks by itself, which is no use of anybody's


def lifetime_of(role: str) -> timedelta:
    """From signing in to signing in again."""
    hours = settings.SESSION_ADMIN_HOURS if role == User.Role.ADMIN else settings.SESSION_HOURS
    return timedelta(hours=hours)


def idle_time_of(role: str) -> timedelta | None:
    """How long nobody may do anything; None where nobody is signed out for that."""
    is_admin = role == User.Role.ADMIN
    minutes = settings.SESSION_ADMIN_IDLE_MINUTES if is_admin else settings.SESSION_IDLE_MINUTES
    return timedelta(minutes=minutes) if minutes else None


def is_over(session: Session, *, at: datetime) -> bool:
    """Whether it has lasted long enough. Settings of today count also for who signed in before them."""
    if session.created_at + lifetime_of(session.user.role) <= at:
        return True
    idle = idle_time_of(session.user.role)
    return idle is not None and (session.last_used_at or session.created_at) + idle <= at


def note_use(session: Session, request: HttpRequest, *, at: datetime) -> None:
    """Keep when a session was last used, nearly, where that decides.

    What a page asks by itself does not count, and neither does what stays open (sockets, streams): else a screen
    that nobody sits at would never be idle.
    """
    if idle_time_of(session.user.role) is None or not isinstance(request, WSGIRequest):
        return
    if RENEWAL in request.headers:
        return
    stale = at - USED_EVERY
    if (session.last_used_at or session.created_at) < stale:
        unwritten = Q(last_used_at=None) | Q(last_used_at__lt=stale)
        Session.objects.filter(unwritten, pk=session.pk).update(last_used_at=at)
