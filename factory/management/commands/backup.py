"""`manage.py backup`: everything a plant cannot make again, in one file, while it runs."""

import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from factory.safekeeping import databases, plant

NAME = "factory-%Y-%m-%dT%H%M%SZ.tar.gz"
NAMES = "factory-????-??-??T??????Z.tar.gz"


class Command(BaseCommand):
    help = "Write database, stored files and keys into one file. The plant may run meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "target", help="a file; a folder, for one named by the time; or - for standard output"
        )
        parser.add_argument(
            "--keep", type=int, metavar="N", help="in a folder: remove all but the newest N backups"
        )
        parser.add_argument(
            "--without-storage",
            action="store_true",
            help="leave stored files out: where S3 keeps its own backups",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        now = timezone.now()
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep is at least 1.")
        try:
            if options["target"] == "-":
                self._write(sys.stdout.buffer, Path(settings.FACTORY_DATA), now, options)
                return
            target = Path(options["target"])
            if target.is_dir():
                place = target / now.strftime(NAME)
            elif options["keep"] is not None:
                raise CommandError(f"--keep is for folders, and {target} is none.")
            else:
                place = target
            done = self._write_file(place, now, options)
        except (databases.DatabaseTroubled, OSError) as reason:
            raise CommandError(f"No backup was made. {reason}") from None
        self.stdout.write(f"{place}: {done.files} files, {done.bytes / 1e6:,.1f} MB before compression")
        if options["keep"] is not None:
            for old in sorted(target.glob(NAMES))[: -options["keep"]]:
                old.unlink()
                self.stdout.write(f"removed {old}")

    def _write_file(self, place: Path, now: datetime, options: dict[str, Any]) -> plant.Done:
        """Under another name until it is whole and on the disk: half a backup is worse than none."""
        draft = place.with_name(place.name + ".part")
        try:
            with draft.open("wb") as file:
                done = self._write(file, place.parent, now, options)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        return done

    def _write(self, file: IO[bytes], beside: Path, now: datetime, options: dict[str, Any]) -> plant.Done:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=beside) as scratch:
            return plant.back_up(
                target=file, scratch=Path(scratch), at=now, with_storage=not options["without_storage"]
            )
