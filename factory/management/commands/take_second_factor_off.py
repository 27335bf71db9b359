"""`manage.py take_second_factor_off EMAIL`: for the only admin, whose phone and recovery codes are lost."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from factory.accounts.audit import Deed, record
from factory.accounts.models import AuditEntry, User
from factory.accounts.noting import collecting
from factory.accounts.second_factor import take_off
from factory.accounts.services import normal_email


class Command(BaseCommand):
    help = "Take somebody's second factor off, where no admin can. Ends that person's sessions; is in the audit log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the e-mail that the person signs in with")

    def handle(self, *, email: str, **options: Any) -> None:
        at = timezone.now()
        user = User.objects.filter(email=normal_email(email)).first()
        if user is None:
            raise CommandError(f"Nobody signs in with {email}.")
        with collecting() as notes:
            was_on = take_off(user=user, at=at)
        if not was_on:
            raise CommandError(f"{user.email} has no second factor.")
        deed = Deed(
            source=AuditEntry.Source.CONSOLE,
            action="take_second_factor_off",
            outcome=AuditEntry.Outcome.DONE,
            by_name=_account(),
        )
        record(deed, at=at, notes=notes)
        self.stdout.write(f"{user.email} signs in with the password alone now. Their sessions have ended.")


def _account() -> str:
    """Who is at the machine; a container may have no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
