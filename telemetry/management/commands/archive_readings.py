"""`manage.py archive_readings`: what beat does every hour, now."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from telemetry.services.archive import expire_days


class Command(BaseCommand):
    help = "Archive and drop the days of readings that are older than READINGS_RETENTION_DAYS and a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before", type=date.fromisoformat, metavar="DATE", help="only the expired days before this one"
        )

    def handle(self, *, before: date | None, **options: Any) -> None:
        try:
            dropped = expire_days(at=timezone.now(), before=before, tell=self.stdout.write)
        except DatabaseError as error:
            raise CommandError(f"The database did not go along: {error}") from None
        self.stdout.write(f"{dropped} days archived and dropped.")
