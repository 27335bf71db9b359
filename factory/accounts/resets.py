"""A forgotten password: a letter with a link, and a new password by it.

Whoever asks learns nothing: the request looks nobody up. The worker does, and writes only to people it knows.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from factory import languages
from factory.accounts import attempts, letters, passwords, tasks
from factory.accounts.access_letters import Changed, tell_of
from factory.accounts.models import User
from factory.accounts.noting import note_change
from factory.accounts.services import end_access, normal_email
from factory.accounts.signed_links import address_with, content_of
from factory.errors import Forbidden
from factory.limits.rates import Rate
from factory.queueing import enqueue_on_commit

PAGE = "reset-password"
LIFETIME = timedelta(hours=1)
LETTERS = Rate(3, 3600)  # to one e-mail, whoever asks: nobody's mailbox is filled by others


class ResetLinkOver(Forbidden):
    """Used, too old, not ours, or about somebody who may not sign in any more: which one is nobody's business."""


def ask_for_reset(*, email: str, address: str) -> None:
    """Have a letter written to whoever has this e-mail; the same for one whom nobody has."""
    attempts.count_attempt("reset", address=address)
    email = normal_email(email)
    if letters.can_be_sent() and attempts.is_within(LETTERS, "reset-letters", email):
        # Without a sweeper: what is lost with the queue, its person asks for again.
        enqueue_on_commit(tasks.send_reset_letter, email=email, language=translation.get_language())


def send_reset_letter(*, email: str, language: str, at: datetime) -> bool:
    """Write to the person with this e-mail, in their language, else in the one they asked in."""
    user = User.objects.filter(email=email, is_active=True).first()
    if user is None or not letters.can_be_sent():
        return False
    spoken = user.language or language or languages.of_person(None)
    with translation.override(spoken):
        letters.send(_letter(user, at), to=user.email)
    return True


def reset_link(*, user: User, at: datetime) -> str:
    """The address where this person, as they are now, may set a new password."""
    until = int((at + LIFETIME).timestamp())
    return address_with(PAGE, {"user": user.pk, "until": until, "as": _as_now(user)})


def person_of_link(*, token: str, at: datetime) -> User:
    """Who may set a new password by this link; refuses one that is over."""
    content = content_of(token, PAGE) or {}
    user = User.objects.filter(pk=content.get("user", 0), is_active=True).first()
    if user is None or content["until"] <= at.timestamp() or content["as"] != _as_now(user):
        raise ResetLinkOver(_("This link has been used, or it is older than an hour. Ask for a new one."))
    return user


def reset_password(*, token: str, password: str, at: datetime) -> User:
    """Set a new password by a link and end every session and API token; of two at once, the first one does."""
    user = person_of_link(token=token, at=at)
    passwords.accepted(password, person=user, field="newPassword")
    before = user.password
    user.set_password(password)  # takes its time, and holds nothing meanwhile
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=before).update(password=user.password):
            raise ResetLinkOver(_("This link has been used, or it is older than an hour. Ask for a new one."))
        note_change(
            "accounts.user",
            user.pk,
            user.email,
            before={"password": "the old one"},
            after={"password": "a new one, by a link"},
        )
        tell_of(Changed.PASSWORD, user=user, at=at)
        end_access(user=user, at=at)
    return user


def _as_now(user: User) -> str:
    """Changes with the password and the e-mail, and tells neither: so a link is good once."""
    return salted_hmac(PAGE, f"{user.password} {user.email}", algorithm="sha256").hexdigest()[:32]


def _letter(user: User, at: datetime) -> letters.Letter:
    return letters.Letter(
        subject=_("A new password for Smart Factory IoT"),
        paragraphs=[
            _("Hello %(name)s,") % {"name": user},
            _(
                "somebody has asked for a new password for this e-mail. "
                "By this link you can set one; it is good once, and for an hour."
            ),
        ],
        button=_("Set a new password"),
        url=reset_link(user=user, at=at),
        last=_("It was not you? Then there is nothing to do: your password stays as it is."),
    )
