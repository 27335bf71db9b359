"""Energy of a month of many devices, at 1 x and 10 x the raw readings; and what a bare statement costs."""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.figures import machine
from bench.query import DAY_MS, DAYS, RUNS, STEPS, fill, register, set_up, tell, timed
from tests.services import folder, mariadb, valkey


def main(options: argparse.Namespace) -> int:
    devices, runs = (100, 5) if options.quick else (1_000, RUNS)
    lines = []
    line = machine()
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        set_up(url, redis, str(data))
        ids = register(devices)
        _measure_rarely()
        group = _group_of(ids)
        end = int(time.time() * 1000) // DAY_MS * DAY_MS + DAY_MS // 2
        before: dict[str, float] = {}
        for name, step in STEPS.items():
            rows = fill(ids, end - DAYS * DAY_MS, end, step)
            _work(end)
            lines.append(f"\n{name}: {rows:,} raw readings of {devices:,} devices")
            for what, work in _questions(ids, group, end).items():
                work()
                times = sorted(timed(work) for _ in range(runs))
                middle = median(times)
                grown = f"{middle / before[what]:6.2f} x" if what in before else ""
                before.setdefault(what, middle)
                lines.append(
                    f"  {what:<58} {middle:8.1f} ms   {times[0]:.1f}-{times[-1]:.1f} {grown}".rstrip()
                )
    print(line)
    print("\n".join(lines))
    return 0


def _measure_rarely() -> None:
    """Readings half an hour apart still tell of the time between them."""
    from telemetry.services.metrics import declare_metric  # noqa: PLC0415 -- the environment comes first

    declare_metric(key="power", unit="W", integration="trapezoid", max_gap_seconds=3600)


def _group_of(ids: list[int]) -> int:
    from django.utils import timezone  # noqa: PLC0415 -- the environment comes first

    from grouping.services import create_group  # noqa: PLC0415 -- as above

    return create_group(name="Hall", type="zone", device_ids=ids, at=timezone.now()).pk


def _work(end: int) -> None:
    """What the workers do between two questions: find the meters, keep the sums of the plant and the group."""
    from analytics.models import Demand, DemandEdition, DemandScope, EnergyMeter  # noqa: PLC0415
    from analytics.services.demand import fill_demand  # noqa: PLC0415 -- the environment comes first
    from analytics.services.meters import find_meters  # noqa: PLC0415 -- as above

    for model in (Demand, DemandScope, DemandEdition, EnergyMeter):
        model.objects.all().delete()
    find_meters()
    while fill_demand(now=end):
        tell("keeping sums")


def _questions(ids: list[int], group: int, end: int) -> dict[str, Callable[[], Any]]:
    from django.db import connection  # noqa: PLC0415 -- the environment comes first

    from analytics.queries.energy import energy_rows  # noqa: PLC0415 -- as above
    from analytics.queries.energy_summary import energy_summary  # noqa: PLC0415 -- as above
    from analytics.queries.energy_view import energy_view  # noqa: PLC0415 -- as above
    from analytics.queries.meters import scope_of  # noqa: PLC0415 -- as above

    first = end // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS
    last = end // DAY_MS * DAY_MS + DAY_MS

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT bucket, SUM(integral), SUM(covered_ms) FROM telemetry_day"
                f" WHERE device_id IN ({','.join(map(str, ids))}) AND metric='power'"
                " AND bucket>=%s AND bucket<%s GROUP BY bucket",
                [first, last],
            )
            cursor.fetchall()

    def ask(interval: int, **of: Any) -> Callable[[], Any]:
        def work() -> None:
            rows = energy_rows(scope_of(**of), start=first, end=last, now=end, interval_ms=interval)
            assert rows[0]["energyKwh"] is not None

        return work

    return {
        "bare SELECT of the day sums, without peaks": bare,
        "30 days by day, the plant": ask(DAY_MS),
        "30 days by day, a group of all devices": ask(DAY_MS, group_id=group),
        "30 days by day, one device": ask(DAY_MS, device_ids=ids[:1]),
        "30 days by day, the devices named one by one": ask(DAY_MS, device_ids=ids),
        "30 days by hour, the plant": ask(3_600_000),
        "summary of 30 days beside the 30 before, the plant": lambda: energy_summary(
            scope_of(), start=first, end=last, now=end
        ),
        "what the page shows of 30 days, the plant": lambda: energy_view(
            scope_of(), start=first, end=last, now=end
        ),
    }
