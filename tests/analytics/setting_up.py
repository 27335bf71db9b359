"""What the tests of set-up pages share: machines and shifts made through the services, and forms as they are sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from typing import Any

import time_machine
from django.test import Client

from analytics.oee.shifts import ShiftRule
from analytics.services.calendars import Target, set_shifts
from analytics.services.machines import set_machine_profile
from devices.models import Device
from telemetry.rules import rules
from tests.builders import NOON, make_device, make_user, sign_in

PROFILE = {
    "ideal_cycle_seconds": "1.5",
    "total_metric": "parts",
    "quality_by": "reject",
    "quality_metric": "rejects",
    "running_by": "metric",
    "running_metric": "running",
    "running_above": "0",
    "micro_stop_seconds": "60",
}


@contextmanager
def at_work(client: Client, at: datetime, *, role: str = "technician") -> Iterator[None]:
    """Somebody signed in at a moment, which is now."""
    with time_machine.travel(at, tick=False):
        sign_in(client, make_user(role=role))
        yield


def look_at_rules() -> None:
    """As in a process that has just looked at the rules of metrics: no test pays for the look."""
    rules.forget()
    rules.keep(rules.declared())


def make_machine(device: Device | None = None, **profile: Any) -> Device:
    device = device or make_device(type="controller")
    usual = {
        "ideal_cycle_seconds": 1.5,
        "total_metric": "parts",
        "reject_metric": "rejects",
        "running_by": "metric",
        "running_metric": "running",
    }
    set_machine_profile(device=device, by=None, at=NOON, **{**usual, **profile})
    return device


def plan(target: Target | None = None, *shifts: ShiftRule, zone: str = "UTC", **others: Any) -> None:
    """Shifts for a target, the plant's without one; an early one on workdays where none is said."""
    usual = (ShiftRule("Early", frozenset(range(1, 6)), time(6), time(14)),)
    set_shifts(target=target or Target(), time_zone=zone, shifts=shifts or usual, at=NOON, **others)


def sent(*shifts: str, **head: str) -> dict[str, Any]:
    """A form as a browser sends it, of shifts such as `Early 12345 06:00-14:00 09:00-09:30`."""
    form: dict[str, Any] = {
        "time_zone": "Europe/Berlin",
        "holidays": "",
        "valid": "always",
        "valid_from": "",
        "shifts": str(len(shifts)),
        **head,
    }
    for place, said in enumerate(shifts):
        name, days, when, *breaks = said.split()
        prefix = f"shift-{place}"
        form[f"{prefix}-name"], form[f"{prefix}-days"] = name, list(days.strip("-"))
        form[f"{prefix}-start"], form[f"{prefix}-end"] = when.split("-")
        form[f"{prefix}-breaks"] = str(len(breaks))
        for number, span in enumerate(breaks):
            start, end = span.split("-")
            form |= {f"{prefix}-break-{number}-start": start, f"{prefix}-break-{number}-end": end}
    return form
