"""`manage.py seed_demo`: a plausible plant to look at."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from factory.demo.seeding import seed_plant

MOST = 10_000


class Command(BaseCommand):
    help = "Register the devices of a demo plant, with thresholds. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--devices", type=int, default=24, help="how many (1 to 10,000; default 24)")
        parser.add_argument("--seed", type=int, default=7, help="which plant")

    def handle(self, *, devices: int, seed: int, **options: Any) -> None:
        if not 1 <= devices <= MOST:
            raise CommandError(f"--devices {devices} is not between 1 and {MOST}.")
        try:
            # No bar where nobody looks.
            with tqdm(total=devices, unit="device", disable=None, leave=False) as bar:
                added = seed_plant(count=devices, seed=seed, at=timezone.now(), progress=bar.update)
        except DatabaseError as error:
            raise CommandError(f"The database is not ready ({error}). Try manage.py migrate first.") from None
        if added:
            self.stdout.write(f"Added {added} of {devices} demo devices, with their thresholds.")
        else:
            self.stdout.write(f"All {devices} demo devices are there already; nothing was changed.")
