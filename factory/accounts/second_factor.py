"""A person's second factor: set up, confirmed, taken off, and its recovery codes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from factory.accounts import codes
from factory.accounts.access_letters import Changed, tell_of
from factory.accounts.models import RecoveryCode, SecondFactor, Session, User
from factory.accounts.noting import note_change
from factory.accounts.second_step import SecondFactorWrong, check_code
from factory.accounts.services import check_own_password, revoke_all_sessions, revoke_other_sessions
from factory.errors import Conflict, InvalidInput, PreconditionFailed
from factory.sealed import seal, unseal

SETUP_LASTS = timedelta(minutes=15)


class SecondFactorOn(Conflict):
    """There is one already; it is taken off before another is set up."""


class SecondFactorOff(PreconditionFailed):
    """There is none, or its setting up was not begun a short while ago."""


class OwnSecondFactor(Conflict):
    """An admin's own factor is taken off by showing it, as everybody's is."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app must know."""

    secret: str
    link: str

    @property
    def picture(self) -> str:
        return codes.picture_of(self.link)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is told of their second factor."""

    enabled: bool
    since: datetime | None
    recovery_codes_left: int


def standing_of(user: User) -> Standing:
    factor = SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).first()
    if factor is None:
        return Standing(False, None, 0)
    return Standing(True, factor.confirmed_at, factor.recovery_codes.filter(used_at=None).count())


def setup_under_way(*, user: User, at: datetime) -> Setup | None:
    """What was begun and not yet confirmed."""
    factor = _begun(user, at)
    return _setup(user, unseal(factor.secret)) if factor else None


@transaction.atomic
def begin_setup(*, user: User, password: str, at: datetime, address: str = "") -> Setup:
    """Make a new secret for a person's app. It counts for nothing until a code of it is shown."""
    check_own_password(user=user, password=password, address=address, field="password")
    secret = codes.new_secret()
    SecondFactor.objects.filter(user=user, confirmed_at=None).delete()
    try:
        with transaction.atomic():
            SecondFactor.objects.create(user=user, secret=seal(secret), begun_at=at)
    except IntegrityError:
        raise SecondFactorOn(gettext("You have a second factor already.")) from None
    return _setup(user, secret)


@transaction.atomic
def confirm_setup(*, user: User, code: str, session: Session, at: datetime) -> list[str]:
    """The app shows the right code: from now on it is asked for. Other sessions end; returns the recovery codes."""
    factor = _begun(user, at)
    if factor is None:
        raise SecondFactorOff(gettext("Begin again: setting up was not begun, or too long ago."))
    step = codes.step_of(code, secret=unseal(factor.secret), at=at)
    if step is None:
        raise InvalidInput.at("code", gettext("is not what the app should show now"))
    same = SecondFactor.objects.filter(user=user, confirmed_at=None, secret=factor.secret)
    if not same.update(confirmed_at=at, last_step=step):
        raise SecondFactorOn(gettext("You have a second factor already."))
    _note(user, was="off", now="on")
    tell_of(Changed.FACTOR_ON, user=user, at=at)
    revoke_other_sessions(session=session, at=at)
    return _fresh_codes(user)


@transaction.atomic
def renew_recovery_codes(
    *, user: User, at: datetime, password: str = "", code: str = "", address: str = ""
) -> list[str]:
    """Ten new ones; those of before open nothing any more."""
    _prove(user, password=password, code=code, at=at, address=address)
    # Held, so that two who renew at once do not both leave theirs.
    if not SecondFactor.objects.select_for_update().filter(user=user).exclude(confirmed_at=None).first():
        raise SecondFactorOff(gettext("There is no second factor."))
    made = _fresh_codes(user)
    note_change("accounts.user", user.pk, user.email, before={"codes": "old"}, after={"codes": "new"})
    tell_of(Changed.RECOVERY_CODES, user=user, at=at)
    return made


@transaction.atomic
def disable(
    *, user: User, session: Session, at: datetime, password: str = "", code: str = "", address: str = ""
) -> None:
    """A person takes their own factor off, by their password or a code. Their other sessions end."""
    _prove(user, password=password, code=code, at=at, address=address)
    if not _remove(user, at=at):
        raise SecondFactorOff(gettext("There is no second factor."))
    revoke_other_sessions(session=session, at=at)


@transaction.atomic
def take_off(*, user: User, at: datetime, by: User | None = None) -> bool:
    """An admin helps somebody who has lost phone and recovery codes; all of that person's sessions end."""
    if by is not None and by.pk == user.pk:
        raise OwnSecondFactor(gettext("Take your own second factor off on its page."))
    if not _remove(user, at=at):
        return False
    revoke_all_sessions(user=user, at=at)
    return True


def _begun(user: User, at: datetime) -> SecondFactor | None:
    recent = SecondFactor.objects.filter(user=user, confirmed_at=None, begun_at__gt=at - SETUP_LASTS)
    return recent.first()


def _setup(user: User, secret: str) -> Setup:
    return Setup(secret, codes.link_for(secret, email=user.email))


def _prove(user: User, *, password: str, code: str, at: datetime, address: str) -> None:
    if not password and not code.strip():
        raise InvalidInput.at("password", gettext("give your password or a code"))
    if password:
        check_own_password(user=user, password=password, address=address, field="password")
        return
    try:
        check_code(user=user, code=code, at=at, address=address)
    except SecondFactorWrong as refusal:  # signed in they are: 401 would say that they are not
        raise InvalidInput.at("code", refusal.message) from None


def _fresh_codes(user: User) -> list[str]:
    made = codes.new_recovery_codes()
    RecoveryCode.objects.filter(factor=user.pk).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor_id=user.pk, digest=codes.digest_of(each)) for each in made
    )
    return made


def _remove(user: User, *, at: datetime) -> bool:
    was_on = SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).exists()
    SecondFactor.objects.filter(user=user).delete()
    if was_on:
        _note(user, was="on", now="off")
        tell_of(Changed.FACTOR_OFF, user=user, at=at)
    return was_on


def _note(user: User, *, was: str, now: str) -> None:
    note_change(
        "accounts.user", user.pk, user.email, before={"secondFactor": was}, after={"secondFactor": now}
    )
