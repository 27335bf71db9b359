"""Letters that tell people that the way they sign in has changed, so that who did not do it can act.

Each is about something that is done: it goes out after the commit, and holds nothing that opens anything.
"""

from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext as _

from factory import languages
from factory.accounts import letters, tasks
from factory.accounts.models import Session, User
from factory.accounts.preferences import zone_of
from factory.queueing import enqueue_on_commit


class Changed(StrEnum):
    """What people are told of."""

    PASSWORD = "password"
    EMAIL = "email"
    FACTOR_ON = "factor-on"
    FACTOR_OFF = "factor-off"
    RECOVERY_CODES = "recovery-codes"
    API_TOKEN = "api-token"
    NEW_PLACE = "new-place"


def tell_of(changed: Changed, *, user: User, at: datetime, about: str = "", email: str = "") -> None:
    """Have a letter written to a person, at another e-mail where theirs has just changed."""
    if letters.can_be_sent():  # without a sweeper: what is lost with the queue stands in the audit log
        enqueue_on_commit(
            tasks.send_access_letter,
            user_id=user.pk,
            changed=changed.value,
            at=at.isoformat(),
            about=about,
            email=email or user.email,
        )


def is_new_place(*, user: User, address: str, agent: str) -> bool:
    """Whether somebody has signed in before, and never from this address nor with this browser."""
    sessions = Session.objects.filter(user=user)
    if not address or not sessions.exists():
        return False
    known = sessions.filter(address=address[:64])
    if agent:
        known = known | sessions.filter(agent=agent[:200])
    return not known.exists()


def send_access_letter(*, user_id: int, changed: str, at: str, about: str, email: str) -> bool:
    """Write it, in the person's language; nobody who is gone meanwhile is written to."""
    user = User.objects.filter(pk=user_id).first()
    if user is None or not letters.can_be_sent():
        return False
    with translation.override(languages.of_person(user)):
        moment = datetime.fromisoformat(at).astimezone(zone_of(user))
        when = f"{formats.date_format(moment, 'DATETIME_FORMAT')} ({moment.tzname()})"
        letters.send(_letter(user, Changed(changed), about, when), to=email)
    return True


def _words(changed: Changed, about: str) -> tuple[str, str]:
    """(subject, sentence)"""
    match changed:
        case Changed.PASSWORD:
            return _("Your password was changed"), _(
                "your password was changed. Whatever was signed in with the old one is signed out, "
                "and API tokens of yours have ended."
            )
        case Changed.EMAIL:
            return _("Your e-mail was changed"), _(
                "an admin has changed the e-mail that you sign in with. This letter goes to the one of before."
            )
        case Changed.FACTOR_ON:
            return _("A second factor was switched on"), _(
                "signing in to your account now asks for a code of an authenticator app as well."
            )
        case Changed.FACTOR_OFF:
            return _("Your second factor was taken off"), _(
                "signing in to your account asks for your password only; no code is asked for any more."
            )
        case Changed.RECOVERY_CODES:
            return _("Your recovery codes were renewed"), _(
                "new recovery codes were made for your account. Those of before open nothing any more."
            )
        case Changed.API_TOKEN:
            return _("An API token was made in your name"), _(
                "an API token was made, with which a program may speak in your name: %(about)s."
            ) % {"about": about}
        case Changed.NEW_PLACE:
            return _("Your account was signed in to from a new place"), _(
                "somebody has signed in to your account from an address and with a browser that were not seen "
                "there before: %(about)s."
            ) % {"about": about}


def _steps(changed: Changed) -> tuple[str, str, str, str]:
    """(for whom it is well, button, where that leads, for whom it is not)"""
    if changed is Changed.EMAIL:  # by the one of before nobody can ask for a new password any more
        return (
            _("You wanted that? Then there is nothing to do."),
            _("Sign in by the new e-mail"),
            reverse("sign-in"),
            _("You did not? Tell an admin of the plant: by this e-mail no new password can be set any more."),
        )
    return (
        _("It was you? Then there is nothing to do."),
        _("It was not me: set a new password"),
        reverse("forgotten-password"),
        _("A new password signs everybody out of your account. Tell an admin of the plant as well."),
    )


def _letter(user: User, changed: Changed, about: str, when: str) -> letters.Letter:
    subject, sentence = _words(changed, about)
    well, button, path, last = _steps(changed)
    return letters.Letter(
        subject=f"{subject} · Smart Factory IoT",
        paragraphs=[
            _("Hello %(name)s,") % {"name": user},
            sentence,
            _("Time: %(when)s") % {"when": when},
            well,
        ],
        button=button,
        url=settings.PUBLIC_URL + path,
        last=last,
    )
