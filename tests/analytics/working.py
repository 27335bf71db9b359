"""Machines that work in shifts and count pieces, for the tests of what that comes to."""

from datetime import time

from django.utils import timezone

from analytics.oee.shifts import ShiftRule
from analytics.services.calendars import Target
from telemetry.batch import Sample
from telemetry.services import store_readings
from tests.analytics.machining import MINUTE
from tests.analytics.setting_up import look_at_rules, make_machine, plan
from tests.builders import data_of, ms

EVERY_DAY = frozenset(range(1, 8))


def machine(*shifts, device=None, zone="UTC", **profile):
    device = make_machine(device, **{"ideal_cycle_seconds": 60.0, **profile})
    if shifts:
        plan(Target(device=device), *map(rule, shifts), zone=zone)
    look_at_rules()
    return device


def rule(times):
    """`"Early 06:00-14:00"`."""
    name, when = times.split()
    start, end = (time.fromisoformat(at) for at in when.split("-"))
    return ShiftRule(name, EVERY_DAY, start, end)


def put(device, *points):
    """(ms, {metric: value})."""
    samples = [Sample(device.pk, at, data) for at, data in points]
    store_readings(samples=samples, received_at=ms(timezone.now()))


def works(device, start, end, *, made, rejected=0.0, stands=()):
    """It runs in [start, end) but for these spans, told every five minutes; pieces are made evenly."""
    times = sorted({*range(start, end + 1, 5 * MINUTE), *(at for span in stands for at in span)})
    put(
        device,
        *(
            (
                at,
                {
                    "running": float(not any(lo <= at < hi for lo, hi in stands)),
                    "parts": made * (at - start) / (end - start),
                    "rejects": rejected * (at - start) / (end - start),
                },
            )
            for at in times
        ),
    )


def parts(api, by, start, end, **of):
    asked = {"startTime": start, "endTime": end, "by": by, **of}
    return data_of(api.query("analytics.getOEEBreakdown", asked))
