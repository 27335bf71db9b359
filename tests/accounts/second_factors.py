"""Somebody with an authenticator app, set up through the services."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from pyotp import TOTP

from factory.accounts.models import Session, User
from factory.accounts.second_factor import begin_setup, confirm_setup
from factory.accounts.services import open_session
from tests.builders import PASSWORD, make_user

STEP = timedelta(seconds=30)


@dataclass
class Phone:
    """What the app knows, and the recovery codes that its owner printed."""

    owner: User
    secret: str
    recovery_codes: list[str]

    def code(self, at: datetime | None = None) -> str:
        return TOTP(self.secret).at(at or timezone.now())


def make_phone(owner: User | None = None, *, at: datetime | None = None) -> Phone:
    """A factor that was confirmed two steps before `at`, so that the code of `at` is a new one."""
    owner = owner or make_user()
    then = (at or timezone.now()) - 2 * STEP
    open_session(user=owner, at=then)
    secret = begin_setup(user=owner, password=PASSWORD, at=then).secret
    session = Session.objects.filter(user=owner).latest("pk")
    codes = confirm_setup(user=owner, code=TOTP(secret).at(then), session=session, at=then)
    return Phone(owner, secret, codes)
