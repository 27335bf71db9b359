"""`manage.py rotate_secrets`: from an older SECRET_KEY to a newer one (docs/secrets.md)."""

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from factory.resealing import Resealed, reseal
from factory.safekeeping.files import FALLBACKS, SECRET_KEY


class Command(BaseCommand):
    help = "Seal everything that is sealed in the database under the newest key. The plant may run meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", action="store_true", help="only say what is left; 1 where something is")
        what.add_argument(
            "--new-key",
            action="store_true",
            help="make a new key in the data folder, where it was generated; the one before becomes a fallback",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self._make_key()
            return
        found = reseal(only_look=options["check"])
        self._tell(found)
        if found.lost:
            lost = "\n".join(found.lost)
            raise CommandError(
                f"No key known here opens these, and what was in them has to be given anew:\n{lost}"
            )
        if found.left:
            raise CommandError(f"Not under the newest key: {found.left}.")

    def _tell(self, found: Resealed) -> None:
        if found.sealed:
            self.stdout.write(f"Sealed under the newest key: {found.sealed}.")
        elif not found.left:
            self.stdout.write("Everything is under the newest key.")

    def _make_key(self) -> None:
        folder = Path(settings.FACTORY_DATA)
        kept = folder / SECRET_KEY
        if not kept.is_file() or kept.read_text().strip() != settings.SECRET_KEY:
            raise CommandError(
                "SECRET_KEY comes from the environment: set the new one there (docs/secrets.md)."
            )
        # First of all the old key is safe: whatever happens after that, it is still known.
        _write(
            folder / FALLBACKS,
            "\n".join(dict.fromkeys([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])),
        )
        _write(kept, secrets.token_urlsafe(50))
        self.stdout.write(
            "There is a new key. Restart the server, then run rotate_secrets once more without --new-key."
        )


def _write(place: Path, text: str) -> None:
    draft = place.with_name(place.name + ".new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(place)
