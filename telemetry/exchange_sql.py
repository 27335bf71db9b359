"""The statement that finds exchanged counters; they are few, and asked for with every answer."""

from collections.abc import Sequence

from django.db import connection

from telemetry.fold import Exchange, Exchanges
from telemetry.sql import numbers


def exchanges_of(device_ids: Sequence[int]) -> dict[int, Exchanges]:
    """{device: {metric: exchanges in the order of their times}} of those that had any."""
    found: dict[int, Exchanges] = {}
    if not device_ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id, metric, at, old_value, new_value FROM telemetry_exchange"
            f" WHERE device_id IN ({numbers(device_ids)}) ORDER BY at"
        )
        for device_id, metric, at, old, new in cursor.fetchall():
            found.setdefault(device_id, {}).setdefault(metric, []).append(Exchange(at, old, new))
    return found
