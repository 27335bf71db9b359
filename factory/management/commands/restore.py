"""`manage.py restore`: a plant from its backup, into an empty place."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from factory.data_folder import take_folder
from factory.safekeeping import databases, files, parcel, plant


class Command(BaseCommand):
    help = (
        "Bring a backup back into an empty database, an empty storage and a data folder that no server uses."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path, help="what manage.py backup wrote")
        parser.add_argument("--check", action="store_true", help="only say whether the file is whole")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        source: Path = options["source"]
        try:
            if options["check"]:
                manifest = parcel.checked(source)
                self.stdout.write(
                    f"{source} is whole: made at {manifest['madeAt']} by version {manifest['version']},"
                    f" {manifest['database']}, {len(manifest['entries'])} files."
                )
                return
            with take_folder(settings.FACTORY_DATA):
                plant.restore(source=source, say=self.stdout.write)
        except OSError as reason:
            raise CommandError(f"{source} cannot be restored: {reason}") from None
        except (
            parcel.BadParcel,
            plant.CannotRestore,
            databases.DatabaseTroubled,
            files.StorageTroubled,
        ) as refusal:
            raise CommandError(str(refusal)) from None
        if os.environ.get("SECRET_KEY"):
            self.stdout.write(
                "SECRET_KEY is set in the environment and wins over the one in the backup."
                " Is it the same? Otherwise everybody has to sign in again, and what is sealed cannot be read."
            )
        self.stdout.write("Restored. Start the server as usual.")
