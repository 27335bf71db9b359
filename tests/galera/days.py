"""`python -m tests.galera.days DEVICE SECONDS`: what the plant does to its partitions once a day, again and again.

Runs with the plant's environment, beside writers on every node. Prints what it did as JSON.
"""

import json
import logging
import sys
import time
from collections import Counter
from datetime import datetime, timedelta

import django

READINGS = 500  # of each day that is archived
LONG_AGO = timedelta(days=400)


class Heard(logging.Handler):
    """Counts what happened by the names of events."""

    def __init__(self) -> None:
        super().__init__()
        self.events: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.events[record.getMessage()] += 1


def main(device_id: int, seconds: float) -> None:
    django.setup()
    from django.utils import timezone

    from telemetry import partitions
    from telemetry.batch import Sample
    from telemetry.days import start_of
    from telemetry.models import ArchivedDay, Reading
    from telemetry.services import archive, store_readings
    from telemetry.services.rollups import roll_up_due

    heard = Heard()
    logging.getLogger("telemetry").addHandler(heard)
    now, end = timezone.now(), time.monotonic() + seconds
    rounds = made = 0
    problems: list[str] = []

    def a_day(day: datetime) -> None:
        nonlocal made
        made += len(partitions.ensure_ahead(now + timedelta(days=rounds)))
        partitions.give_own(day.date())
        first = start_of(day.date())
        samples = [Sample(device_id, first + n * 60_000, {"power": n}) for n in range(READINGS)]
        store_readings(samples=samples, received_at=first)
        while roll_up_due():
            pass
        archive.expire_days(at=now, before=(day + timedelta(days=1)).date(), tell=lambda line: None)

    while time.monotonic() < end:
        rounds += 1
        try:
            a_day(now - LONG_AGO + timedelta(days=rounds))
        except Exception as error:
            problems.append(f"day {rounds}: {type(error).__name__}: {error}")
    left = Reading.objects.filter(device_id=device_id).count()
    kept = sum(ArchivedDay.objects.exclude(dropped_at=None).values_list("rows", flat=True))
    if (left, kept) != (0, rounds * READINGS):
        problems.append(
            f"{left} old readings are left, {kept} in the archive, after {rounds} days of {READINGS}"
        )
    told = {"rounds": rounds, "made": made, "changes": dict(heard.events), "problems": problems}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
