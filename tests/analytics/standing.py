"""A machine that stood for a while, for the tests of stops: what it told, and how a stop looks on the wire."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from django.test import Client
from django.utils import timezone

from analytics.models import StateInterval
from analytics.oee.shifts import ShiftRule
from analytics.services.calendars import Target
from analytics.services.following import follow_machines
from analytics.services.stops import set_stop_code
from devices.models import Device
from telemetry.batch import Sample
from telemetry.services import store_readings
from telemetry.services.rollups import roll_up_due
from tests.analytics.machining import DAY, HOUR, MINUTE
from tests.analytics.setting_up import look_at_rules, make_machine, plan
from tests.builders import Trpc, data_of, make_device, make_user, ms, sign_in

# (from, to) in minutes of the day: two stops, and one that is shorter than the two minutes of a micro-stop.
STOPS = ((9 * 60, 9 * 60 + 20), (12 * 60, 12 * 60 + 30))
MICRO = (10 * 60, 10 * 60 + 1)
BEGINS, ENDS = 6 * 60, 14 * 60


def api_of(role: str) -> Trpc:
    """Somebody of this role, in a browser of their own."""
    client = Client()
    sign_in(client, make_user(role=role, name=role.title()))
    return Trpc(client)


def iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def runs_but_for(device: Device, stops, *, start: int, end: int) -> None:
    """Say every five minutes, and where that changes, whether it runs; times in ms."""
    edges = {at for span in stops for at in span}
    times = sorted({*range(start, end + 1, 5 * MINUTE), *edges})
    samples = [
        Sample(device.pk, at, {"running": float(not any(lo <= at < hi for lo, hi in stops))}) for at in times
    ]
    store_readings(samples=samples, received_at=ms(timezone.now()))


def workers() -> None:
    roll_up_due()
    follow_machines(now=ms(timezone.now()))


def make_press(day: int, *, name: str = "Press 3", breaks=()) -> Device:
    """It worked from 6 to 14 (UTC), and stood from 9:00 to 9:20, for a minute at 10, and from 12:00 to 12:30."""
    device = make_machine(make_device(name=name, type="controller"), micro_stop_seconds=120)
    plan(Target(device=device), ShiftRule("Early", frozenset(range(1, 8)), time(6), time(14), tuple(breaks)))
    look_at_rules()
    stops = [(day + lo * MINUTE, day + hi * MINUTE) for lo, hi in (*STOPS, MICRO)]
    runs_but_for(device, stops, start=day + BEGINS * MINUTE, end=day + ENDS * MINUTE)
    workers()
    return device


def make_codes() -> None:
    set_stop_code(code="jam", label="Jam", planned=False, failure=True)
    set_stop_code(code="setup", label="Changeover", planned=False)
    set_stop_code(code="clean", label="Cleaning", planned=True)
    set_stop_code(code="old", label="Old", planned=False, active=False)


def stop_row(device: Device, start: int, end: int, **others: Any) -> dict[str, Any]:
    """A stop that lay in planned time and of which nobody has said anything, as clients know it, without its id."""
    seconds = (end - start) / 1000
    return {
        "deviceId": device.pk,
        "name": device.name,
        "startTime": iso(start),
        "endTime": iso(end),
        "seconds": seconds,
        "lossSeconds": seconds,
        "code": None,
        "label": None,
        "planned": False,
        "added": False,
        "note": "",
        "by": "",
        **others,
    }


def without_id(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


def span_of(day: int, place: int) -> tuple[int, int]:
    """When the first or the second stop of a press was, ms."""
    begins, ends = STOPS[place]
    return day + begins * MINUTE, day + ends * MINUTE


def stops_of(device: Device) -> list[int]:
    """The ids of the stops that it told of itself, the micro-stop left out, the oldest first."""
    rows = StateInterval.objects.filter(device=device, state="stopped", is_added=False).order_by("start")
    return [row.pk for row in rows if row.end - row.start > MINUTE]


def added_stop(device: Device, day: int, **change: Any) -> dict[str, Any]:
    """A changeover from 7 to 8, as it is asked for."""
    asked = {"deviceId": device.pk, "startTime": day + 7 * HOUR, "endTime": day + 8 * HOUR, "code": "setup"}
    return {**asked, **change}


def downtime(api: Trpc, day: int, **asked: Any) -> dict[str, Any]:
    return data_of(api.query("analytics.getDowntime", {"startTime": day, "endTime": day + DAY, **asked}))
