"""`manage.py first_admin`: on a plant that is not run by `up`, somebody who may let everybody else in."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from factory.accounts.services import ensure_first_admin


class Command(BaseCommand):
    help = "Make the first admin where there is nobody yet; a generated password is printed once."

    def handle(self, **options: Any) -> None:
        made = ensure_first_admin(
            email=settings.FACTORY_ADMIN_EMAIL, password=settings.FACTORY_ADMIN_PASSWORD
        )
        if made is None:
            self.stdout.write("There are people already.")
            return
        user, password = made
        self.stdout.write(f"first admin: {user.email}")
        if not settings.FACTORY_ADMIN_PASSWORD:
            self.stdout.write(f"password, shown only now: {password}")
