"""The plant's calendar days, summed up from the quarters.

A day's row is always the sum of the stored quarters of that day: whoever changes quarters of a day that is
summed up already sums it up again in the same transaction.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby

from django.conf import settings
from django.db import transaction

from factory.retrying import again_after_deadlock
from telemetry import rollup_sql
from telemetry.buckets import day_after, day_of
from telemetry.models import State
from telemetry.rollup_sql import DAYS, NEVER, Key, Mark
from telemetry.tally import READINGS, Tally

DEVICES_AT_ONCE = 50
DAYS_AT_ONCE = 4  # in one transaction, for a device whose history is long


def sum_days_due(*, at: datetime, seconds: float = 10.0) -> int:
    """Sum up the days that are over, of all devices, for about `seconds`; returns how many devices moved."""
    end = time.monotonic() + seconds
    zone = settings.PLANT_TIME_ZONE
    today = day_of(int(at.timestamp() * 1000), zone)
    due = rollup_sql.devices_with_days_due(zone, today)
    moved = 0
    for start in range(0, len(due), DEVICES_AT_ONCE):
        part = due[start : start + DEVICES_AT_ONCE]
        while again_after_deadlock(partial(_sum_days, part, today, zone)):
            moved += 1
            if time.monotonic() > end:
                return moved
    return moved


@transaction.atomic
def _sum_days(device_ids: Sequence[int], today: int, zone: str) -> int:
    """A few days more of some devices, up to `today`; returns how many devices that moved."""
    rollup_sql.lock_turns(device_ids)
    marks = rollup_sql.watermarks(device_ids)
    strangers = [device_id for device_id, mark in marks.items() if mark.days_zone != zone]
    if strangers:  # the plant has moved to another time zone
        rollup_sql.delete_days(strangers)
    begins = {
        device_id: NEVER if mark.days_zone != zone else mark.days_to for device_id, mark in marks.items()
    }
    waiting = {device_id: begin for device_id, begin in begins.items() if begin < today}
    for begin in sorted(set(waiting.values())):
        together = [device_id for device_id in waiting if waiting[device_id] == begin]
        start = begin if begin != NEVER else _first_day(together, zone)
        end = today if start is None else _some_days_after(start, today, zone)
        if start is not None:
            _write_days(together, start, end, zone)
        rollup_sql.write_watermarks(
            [
                (
                    device_id,
                    marks[device_id]._replace(turn=marks[device_id].turn + 1, days_to=end, days_zone=zone),
                )
                for device_id in together
            ]
        )
    return len(waiting)


def sum_days_again(*, device_id: int, metrics: Iterable[str], buckets: Iterable[int], mark: Mark) -> None:
    """Sum up again the days that hold these quarters, as far as they are summed up already.

    Inside the transaction that changed the quarters, with the device's watermark locked.
    """
    days = {day_of(bucket, mark.days_zone) for bucket in buckets if bucket < mark.days_to}
    for day in sorted(days):
        rows = rollup_sql.stored_tallies([device_id], metrics, day, day_after(day, mark.days_zone))
        rollup_sql.write_tallies(_summed(rows, mark.days_zone), into=DAYS)


def _write_days(device_ids: Sequence[int], start: int, end: int, zone: str) -> None:
    names = {READINGS}
    for latest in State.objects.filter(device_id__in=device_ids).values_list("latest", flat=True):
        names.update(latest)
    rows = rollup_sql.stored_tallies(device_ids, names, start, end)
    rollup_sql.write_tallies(_summed(rows, zone), into=DAYS)


def _summed(rows: Iterable[tuple[Key, Tally]], zone: str) -> list[tuple[Key, Tally]]:
    """Quarters, in order of device, metric and time, put together to days."""

    def day_key(row: tuple[Key, Tally]) -> Key:
        (device_id, metric, bucket), _ = row
        return device_id, metric, day_of(bucket, zone)

    days = []
    for key, quarters in groupby(rows, key=day_key):
        total = Tally()
        for _, tally in quarters:
            total.merge(tally)
        days.append((key, total))
    return days


def _first_day(device_ids: Sequence[int], zone: str) -> int | None:
    first = rollup_sql.first_bucket(device_ids)
    return None if first is None else day_of(first, zone)


def _some_days_after(start: int, today: int, zone: str) -> int:
    for _ in range(DAYS_AT_ONCE):
        start = day_after(start, zone)
    return min(start, today)
