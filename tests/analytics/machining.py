"""Machines for the tests of OEE: set up and spoken for through the public procedures."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from devices.models import Device
from devices.services import issue_token
from tests.builders import Trpc, data_of, make_device, ms

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def midnight(days_ago: int = 5) -> int:
    """A midnight UTC in the past, ms."""
    day = (timezone.now() - timedelta(days=days_ago)).date()
    return ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


class Machine:
    """A device that is a machine, with a technician who sets it up and a token to speak by."""

    def __init__(self, technician: Trpc, device: Device | None = None, **properties) -> None:
        self.device = device or make_device(type="controller", **properties)
        self.technician = technician
        self.own = Trpc(technician.client, bearer=issue_token(device=self.device, at=timezone.now()))

    @property
    def id(self) -> int:
        return self.device.pk

    def profile(self, **others):
        asked = {
            "deviceId": self.id,
            "idealCycleSeconds": 1,
            "totalMetric": "parts",
            "rejectMetric": "rejects",
            "running": {"metric": "running", "above": 0},
            **others,
        }
        return data_of(self.technician.mutate("analytics.setMachineProfile", asked))

    def shifts(self, *shifts, time_zone="UTC", **others):
        asked = {"deviceId": self.id, "timeZone": time_zone, "shifts": [*map(shift, shifts)], **others}
        return data_of(self.technician.mutate("analytics.setShifts", asked))

    def send(self, *readings: tuple[int, dict[str, float]]) -> None:
        for start in range(0, len(readings), 5000):
            part = [{"timestamp": at, "data": data} for at, data in readings[start : start + 5000]]
            assert data_of(self.own.mutate("readings.create", {"readings": part}))["rejected"] == []

    def runs(self, *spans: tuple[int, int], start: int, end: int, step: int = MINUTE) -> None:
        """Say minute by minute, in [start, end], whether it runs: only in these spans."""
        self.send(
            *(
                (at, {"running": float(any(lo <= at < hi for lo, hi in spans))})
                for at in range(start, end + 1, step)
            )
        )

    def counts(self, at: int, **counters: float) -> None:
        self.send((at, counters))


def shift(times: str) -> dict:
    """`"Early 06:00-14:00 09:00-09:30 11:00-11:30"`: a name, when, and the breaks; every day of the week."""
    name, when, *breaks = times.split()
    start, end = when.split("-")
    return {
        "name": name,
        "days": [1, 2, 3, 4, 5, 6, 7],
        "start": start,
        "end": end,
        "breaks": [dict(zip(("start", "end"), each.split("-"), strict=True)) for each in breaks],
    }


def oee(api: Trpc, start: int, end: int, **of):
    return data_of(api.query("analytics.getOEEMetrics", {"startTime": start, "endTime": end, **of}))


def shares(answer) -> dict[str, float]:
    """The four, to all their digits, from the sums that the answer carries."""
    planned, run, ideal = answer["plannedSeconds"], answer["runSeconds"], answer["idealSeconds"]
    return {
        "availability": run / planned,
        "performance": ideal / run,
        "quality": answer["good"] / answer["total"],
        "oee": answer["goodIdealSeconds"] / planned,
    }
