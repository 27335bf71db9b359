"""`manage.py seed_demo`: a plausible plant to look at."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from factory.demo.history import store_past
from factory.demo.seeding import known_machines, seed_plant

MOST = 10_000
USUAL_DAYS, SMALL_PLANT = 7, 100


class Command(BaseCommand):
    help = "Set up a demo plant and what it did in the last days. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--devices", type=int, default=24, help="how many (1 to 10,000; default 24)")
        parser.add_argument("--seed", type=int, default=7, help="which plant")
        parser.add_argument(
            "--history-days",
            type=int,
            help="of how many days before today there are to be readings, of devices that have none"
            f" (default: {USUAL_DAYS}, and 0 for more than {SMALL_PLANT} devices)",
        )

    def handle(self, *, devices: int, seed: int, history_days: int | None = None, **options: Any) -> None:
        if not 1 <= devices <= MOST:
            raise CommandError(f"--devices {devices} is not between 1 and {MOST}.")
        days = _days(history_days, devices)
        try:
            with _quietly():
                # No bar where nobody looks.
                with tqdm(total=devices, unit="device", disable=None, leave=False) as bar:
                    added = seed_plant(count=devices, seed=seed, at=timezone.now(), progress=bar.update)
                stored = _store_past(days) if days else 0
        except DatabaseError as error:
            raise CommandError(f"The database is not ready ({error}). Try manage.py migrate first.") from None
        if added:
            self.stdout.write(f"Added {added} of {devices} demo devices, with their thresholds.")
        else:
            nothing = "" if stored else "; nothing was changed"
            self.stdout.write(f"All {devices} demo devices are there already{nothing}.")
        if stored:
            length = "day" if days == 1 else f"{days} days"
            self.stdout.write(f"Stored {stored:,} readings of the last {length} and today.")


def _store_past(days: int) -> int:
    machines = list(known_machines())
    with tqdm(total=len(machines), unit="device", disable=None, leave=False, desc="history") as bar:
        return store_past(machines, days=days, at=timezone.now(), progress=bar.update)


def _days(asked: int | None, devices: int) -> int:
    kept = settings.READINGS_RETENTION_DAYS - 1  # what is older would be archived at once
    if asked is None:
        return min(USUAL_DAYS, kept) if devices <= SMALL_PLANT else 0
    if not 0 <= asked <= kept:
        raise CommandError(f"--history-days {asked} is not between 0 and {kept} (READINGS_RETENTION_DAYS).")
    return asked


@contextmanager
def _quietly() -> Iterator[None]:
    """Without a line for every machine that is set up."""
    logger = logging.getLogger("analytics.services.machines")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
