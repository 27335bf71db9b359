"""The plant's calendar days, summed up from the quarters.

A day's row is always the sum of the stored quarters of that day: whoever changes quarters changes it in the same
transaction, with the device's watermark locked.
"""

import time
from collections.abc import Iterable
from functools import partial
from itertools import groupby

from django.conf import settings
from django.db import transaction

from factory.retrying import again_after_deadlock
from telemetry import mark_sql, rollup_sql
from telemetry.buckets import day_after, day_of
from telemetry.fold import Tallies
from telemetry.models import State
from telemetry.rollup_sql import DAYS, Key
from telemetry.tally import READINGS, Tally

Rows = list[tuple[Key, Tally]]
DAYS_AT_ONCE = 30


def days_with(*, device_id: int, tallies: Tallies, zone: str) -> Rows:
    """The stored days of a device with what is added to their quarters."""
    added: Tallies = {}
    for (metric, bucket), tally in tallies.items():
        added.setdefault((metric, day_of(bucket, zone)), Tally()).merge(tally)
    if not added:
        return []
    days = [day for _, day in added]
    metrics = {metric for metric, _ in added}
    stored = rollup_sql.stored_tallies([device_id], metrics, min(days), max(days) + 1, table=DAYS)
    found = {key[1:]: tally for key, tally in stored if key[1:] in added}
    for key, tally in added.items():
        if key in found:
            found[key].merge(tally)
        else:
            found[key] = tally
    return [((device_id, *key), tally) for key, tally in found.items()]


def days_anew(*, device_id: int, metrics: Iterable[str], buckets: Iterable[int], zone: str) -> Rows:
    """The days that hold these quarters of a device, as its stored quarters are now; what was there is removed."""
    names = list(metrics)
    rows: Rows = []
    for day in sorted({day_of(bucket, zone) for bucket in buckets}):
        rollup_sql.delete_tallies(device_id, names, day, day + 1, table=DAYS)
        quarters = rollup_sql.stored_tallies([device_id], names, day, day_after(day, zone))
        rows += _summed(quarters, zone)
    return rows


def follow_the_zone(*, seconds: float) -> int:
    """Sum up the days anew of devices whose days are another time zone's; returns how many devices those were.

    After about `seconds` it stops; until a device's days have followed, answers take its quarters.
    """
    end = time.monotonic() + seconds
    followed = 0
    for device_id in mark_sql.devices_in_another_zone(settings.PLANT_TIME_ZONE):
        again_after_deadlock(partial(_follow, device_id, settings.PLANT_TIME_ZONE))
        followed += 1
        if time.monotonic() > end:
            break
    return followed


@transaction.atomic
def _follow(device_id: int, zone: str) -> None:
    if not mark_sql.lock_turns([device_id]):
        return  # deleted meanwhile
    mark = mark_sql.watermarks([device_id])[device_id]
    state = State.objects.filter(pk=device_id).first()
    metrics = [READINGS, *(state.latest if state else ())]
    rollup_sql.delete_days(device_id)
    found = rollup_sql.range_of_quarters(device_id)
    if found is not None:
        day, last = day_of(found[0], zone), found[1]
        while day <= last:
            end = day
            for _ in range(DAYS_AT_ONCE):
                end = day_after(end, zone)
            rows = rollup_sql.stored_tallies([device_id], metrics, day, end)
            rollup_sql.write_tallies(_summed(rows, zone), into=DAYS)
            day = end
    mark_sql.write_watermarks([(device_id, mark._replace(turn=mark.turn + 1, days_zone=zone))])


def _summed(rows: Iterable[tuple[Key, Tally]], zone: str) -> Rows:
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
