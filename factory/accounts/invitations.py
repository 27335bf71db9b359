"""Invitations: an admin lets somebody in, who makes the account by a link. All their writes."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from factory import languages
from factory.accounts import letters, tasks
from factory.accounts.models import Invitation, User
from factory.accounts.noting import note_change
from factory.accounts.services import EmailTaken, create_user, normal_email
from factory.accounts.signed_links import address_with, content_of
from factory.errors import Conflict, Forbidden, InvalidInput, NotFound
from factory.queueing import enqueue_on_commit

PAGE = "accept-invitation"
LIFETIME = timedelta(days=7)


class OnlyAdminsInvite(Forbidden):
    """Letting people in is for admins."""


class AlreadyInvited(Conflict):
    """There is an open invitation for this e-mail."""


class InvitationAnswered(Conflict):
    """It was accepted or revoked meanwhile."""


class InvitationOver(NotFound):
    """Used, too old, revoked, not ours, or from somebody who lets nobody in any more."""


def invite(*, email: str, name: str, role: str, by: User, at: datetime) -> Invitation:
    """Let somebody make an account. The letter goes out after the commit, where mail can be sent."""
    _refuse_others(by)
    email = normal_email(email)
    if role not in User.Role.values:
        raise InvalidInput.at("role", _("is no role"))
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput.at("email", _("is no e-mail address")) from None
    with transaction.atomic():
        _refuse_account(email)
        try:
            with transaction.atomic():
                invitation = Invitation.objects.create(
                    email=email,
                    pending_for=email,
                    name=name,
                    role=role,
                    invited_by=by,
                    created_at=at,
                    expires_at=at + LIFETIME,
                )
        except IntegrityError:
            raise _already_invited() from None
        _note(invitation, before={}, after={"email": email, "name": name, "role": role})
        _have_it_sent(invitation)
    return invitation


@transaction.atomic
def send_again(*, invitation: Invitation, by: User, at: datetime) -> Invitation:
    """A new link for seven days, by letter where mail can be sent; the one before is over."""
    _refuse_others(by)
    _refuse_account(invitation.email)
    _change(invitation, round=F("round") + 1, expires_at=at + LIFETIME)
    _note(invitation, before={}, after={"link": "a new one"})
    _have_it_sent(invitation)
    return invitation


@transaction.atomic
def revoke(*, invitation: Invitation, by: User, at: datetime) -> None:
    """Its link opens nothing from now on."""
    _refuse_others(by)
    _change(invitation, revoked_at=at, pending_for=None)
    _note(invitation, before={"open": True}, after={"open": False})


def invitation_of_link(*, token: str, at: datetime) -> Invitation:
    """The open invitation that this link is of; refuses one that is over."""
    content = content_of(token, PAGE) or {}
    found = Invitation.objects.select_related("invited_by").filter(
        pk=content.get("invitation", 0), round=content.get("round", 0), accepted_at=None, revoked_at=None
    )
    invitation = found.filter(expires_at__gt=at).first()
    # Who lets nobody in any more has let nobody in.
    by = invitation.invited_by if invitation else None
    if invitation is None or by is None or not by.has_rank_of(User.Role.ADMIN):
        raise InvitationOver(_over())
    return invitation


@transaction.atomic
def accept(*, token: str, name: str, password: str, at: datetime) -> User:
    """Make the account. Of two at once the first one does; a password that is refused leaves the link good."""
    invitation = invitation_of_link(token=token, at=at)
    won = Invitation.objects.filter(
        pk=invitation.pk, round=invitation.round, accepted_at=None, revoked_at=None
    ).update(accepted_at=at, pending_for=None)
    if not won:
        raise InvitationOver(_over())
    user = create_user(email=invitation.email, password=password, name=name, role=User.Role(invitation.role))
    _note(invitation, before={"open": True}, after={"open": False, "accepted": True})
    return user


def link_of(invitation: Invitation) -> str:
    """The address by which it is accepted."""
    return address_with(PAGE, {"invitation": invitation.pk, "round": invitation.round})


def send_invitation(*, invitation_id: int) -> bool:
    """The letter with the link as it is now; an invitation that was answered meanwhile needs none."""
    invitation = Invitation.objects.filter(pk=invitation_id, accepted_at=None, revoked_at=None).first()
    if invitation is None:
        return False
    with translation.override(languages.of_person(None)):
        letters.send(_letter(invitation), to=invitation.email)
    return True


def _refuse_others(by: User) -> None:
    if not by.has_rank_of(User.Role.ADMIN):
        raise OnlyAdminsInvite(_("Only admins invite people."))


def refuse_uninvitable(email: str) -> None:
    """Refuse an e-mail that somebody signs in with, or that is invited already; a form asks before the service."""
    _refuse_account(email)
    if Invitation.objects.filter(pending_for=email).exists():
        raise _already_invited()


def _already_invited() -> AlreadyInvited:
    words = _("There is an open invitation for this e-mail. Send that one again, or revoke it.")
    return AlreadyInvited(words, fields={"email": [words]})


def _refuse_account(email: str) -> None:
    if User.objects.filter(email=email).exists():
        words = _("Somebody signs in with this e-mail already.")
        raise EmailTaken(words, fields={"email": [words]})


def _change(invitation: Invitation, **values) -> None:
    open_ones = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
    if not open_ones.update(**values):
        raise InvitationAnswered(
            _("The invitation for %(email)s was accepted or revoked already.") % {"email": invitation.email}
        )
    invitation.refresh_from_db()


def _have_it_sent(invitation: Invitation) -> None:
    if letters.can_be_sent():  # without a sweeper: whoever invites sees that it is open, and sends it again
        enqueue_on_commit(tasks.send_invitation, invitation_id=invitation.pk)


def _note(invitation: Invitation, *, before: dict, after: dict) -> None:
    note_change("accounts.invitation", invitation.pk, invitation.email, before=before, after=after)


def _over() -> str:
    return _(
        "This invitation has been used, revoked, or is too old. Ask an admin of the plant for a new one."
    )


def _letter(invitation: Invitation) -> letters.Letter:
    greeting = _("Hello %(name)s,") % {"name": invitation.name} if invitation.name else _("Hello,")
    return letters.Letter(
        subject=_("Your invitation to Smart Factory IoT"),
        paragraphs=[
            greeting,
            _("%(who)s has invited you as: %(role)s. By this link you set your password; it is good once.")
            % {"who": invitation.invited_by or _("An admin"), "role": User.Role(invitation.role).label},
        ],
        button=_("Accept the invitation"),
        url=link_of(invitation),
        last=_("You do not know what this is about? Then leave it: after seven days it is over."),
    )
