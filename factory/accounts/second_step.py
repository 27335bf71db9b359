"""The second step of signing in: a code of the app or a recovery code, each of which counts once."""

import logging
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext

from factory.accounts import attempts, codes
from factory.accounts.models import RecoveryCode, SecondFactor, User
from factory.accounts.noting import note_change
from factory.errors import Forbidden, Unauthorized
from factory.sealed import CannotUnseal, unseal

logger = logging.getLogger(__name__)

TICKET_SALT = "factory.accounts.second_step"
TICKET_SECONDS = 300


class SecondFactorNeeded(Unauthorized):
    """The password is right, and there is a second factor to show."""

    reason = "secondFactorNeeded"

    def __init__(self, user: User) -> None:
        super().__init__(gettext("Give the code of your authenticator app, or a recovery code."))
        self.user = user


class SecondFactorWrong(Unauthorized):
    """The password is right, the code is not, or was used before."""

    reason = "secondFactorWrong"


class SecondFactorMissing(Forbidden):
    """Signed in, and without the second factor that this plant asks of them."""

    reason = "secondFactorMissing"

    def __init__(self) -> None:
        super().__init__(gettext("This plant asks for a second factor. Set yours up first."))


class TicketOver(Unauthorized):
    """It took too long from the password to the code, or the password has changed."""


def has_second_factor(user: User) -> bool:
    return SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).exists()


def lacks_second_factor(user: User) -> bool:
    """Whether this person must have one (REQUIRE_TOTP) and has not."""
    asked = settings.REQUIRE_TOTP
    if asked == "off" or (asked == "admin" and user.role != User.Role.ADMIN):
        return False
    return not has_second_factor(user)


def ask_for_code(*, user: User, code: str, at: datetime, address: str) -> None:
    """Refuse whoever has a second factor and does not show it."""
    if not has_second_factor(user):
        return
    if not code.strip():
        raise SecondFactorNeeded(user)
    check_code(user=user, code=code, at=at, address=address)


def check_code(*, user: User, code: str, at: datetime, address: str) -> None:
    """Use up a code of the app or a recovery code; wrong ones are counted."""
    attempts.refuse_after_wrong_codes(email=user.email, address=address)
    if not (_use_app(user, code, at) or _use_recovery_code(user, code, at)):
        attempts.note_wrong_code(email=user.email, address=address)
        raise SecondFactorWrong(gettext("That code is wrong, or was used already."))


@transaction.atomic
def _use_app(user: User, code: str, at: datetime) -> bool:
    factor = SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).first()
    if factor is None:
        return False
    try:
        step = codes.step_of(code, secret=unseal(factor.secret), at=at)
    except CannotUnseal:  # the key is lost; a recovery code opens all the same
        logger.error("second_factor.key_lost", extra={"user_id": user.pk})
        return False
    if step is None:
        return False
    # Of two who bring the same code at once one raises the step, and the other finds it raised.
    factors = SecondFactor.objects.filter(user=user, last_step__lt=step).exclude(confirmed_at=None)
    return bool(factors.update(last_step=step))


@transaction.atomic
def _use_recovery_code(user: User, code: str, at: datetime) -> bool:
    unused = RecoveryCode.objects.filter(
        factor__user=user, factor__confirmed_at__isnull=False, digest=codes.digest_of(code), used_at=None
    )
    found = unused.values_list("pk", flat=True).first()
    if found is None or not RecoveryCode.objects.filter(pk=found, used_at=None).update(used_at=at):
        return False
    left = RecoveryCode.objects.filter(factor__user=user, used_at=None).count()
    kept = {"recoveryCodes": left}
    note_change("accounts.user", user.pk, user.email, before={"recoveryCodes": left + 1}, after=kept)
    return True


def ticket_for(user: User) -> str:
    """Says for a few minutes that somebody gave this person's password: it leads to the code, and opens nothing."""
    return signing.dumps([user.pk, user.get_session_auth_hash()], salt=TICKET_SALT)


def person_of_ticket(ticket: str) -> User:
    """Whose password was right."""
    try:
        user_id, password_hash = signing.loads(ticket, salt=TICKET_SALT, max_age=TICKET_SECONDS)
    except signing.BadSignature:
        raise TicketOver(gettext("That took too long. Sign in again.")) from None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), password_hash):
        raise TicketOver(gettext("That took too long. Sign in again."))
    return user
