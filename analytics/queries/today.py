"""Energy and OEE of the day so far, for screens that answer at a glance."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.periods import named_period
from analytics.plant_clock import plant_zone
from analytics.queries.energy_view import EnergyView, energy_view
from analytics.queries.oee_answers import oee_breakdown
from analytics.queries.part import WHOLE, Part, energy_scope
from grouping.queries import groups_of_devices


def _today(at: datetime) -> tuple[int, int, int]:
    """From when to when today is, and now, ms."""
    zone = plant_zone()
    period = named_period("today", today=at.astimezone(zone).date(), zone=zone)
    return period.start, period.end, int(at.timestamp() * 1000)


def energy_today(at: datetime, part: Part = WHOLE) -> EnergyView:
    """Today's energy, held against yesterday up to the same time."""
    start, end, now = _today(at)
    return energy_view(energy_scope(part), start=start, end=end, now=now, word="hour")


@dataclass
class LineToday:
    """A production line's OEE of today, in percent; None where nothing was to be made yet, or nothing is known."""

    group_id: int
    name: str
    oee: float | None
    figures: dict[str, Any]


def lines_today(at: datetime, part: Part = WHOLE) -> list[LineToday]:
    """The lines of the plant or of a group, by name; of a zone, those with a device that stands there."""
    start, end, now = _today(at)
    group_id = part.group.pk if part.group else None
    rows = oee_breakdown(by="line", start=start, end=end, now=now, group_id=group_id)
    lines = [LineToday(int(row["key"]), row["label"], row["oee"], row) for row in rows]
    if not part.zone or part.device_ids is None:
        return lines
    found = groups_of_devices(device_ids=part.device_ids)
    there = {group_id for groups in found.values() for group_id in groups}
    return [line for line in lines if line.group_id in there]
