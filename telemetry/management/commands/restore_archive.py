"""`manage.py restore_archive`: a day of readings back from its file."""

from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from devices.queries import find_device
from telemetry.services.archive import NoArchive, NotDone, restore_day

LONGEST_DAYS = 3650


class Command(BaseCommand):
    help = "Bring an archived day of readings back into the database, for some days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("day", type=date.fromisoformat, help="the UTC day, as 2026-06-01")
        parser.add_argument("--device", help="only this device: its string device id, or its integer id")
        parser.add_argument("--keep-days", type=int, default=30, help="how long it stays (default: 30)")

    def handle(self, *, day: date, device: str | None, keep_days: int, **options: Any) -> None:
        if not 1 <= keep_days <= LONGEST_DAYS:
            raise CommandError(f"--keep-days {keep_days} is not between 1 and {LONGEST_DAYS}.")
        device_id = None if device is None else _find(device)
        try:
            rows = restore_day(
                day=day,
                keep=timedelta(days=keep_days),
                device_id=device_id,
                at=timezone.now(),
                tell=self.stderr.write if self.stderr.isatty() else lambda line: None,
            )
        except NoArchive as refusal:
            raise CommandError(str(refusal)) from None
        except NotDone as refusal:
            raise CommandError(f"{day} {refusal}") from None
        except DatabaseError as error:
            raise CommandError(f"The database did not go along: {error}") from None
        self.stdout.write(f"{rows:,} readings of {day} are back, for {keep_days} days.")


def _find(reference: str) -> int:
    found = find_device(reference)
    if found is None and reference.isascii() and reference.isdigit() and len(reference) < 19:
        found = find_device(int(reference))
    if found is None:
        raise CommandError(f"There is no device {reference!r}.")
    return found.pk
