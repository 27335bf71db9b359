"""OEE of a time as a page shows it: everything from one look at what the machines did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator

from analytics.oee.shifts import whole_days
from analytics.oee.timeline import Row
from analytics.queries.downtime import Downtime, Reliability, downtime_answer, downtime_in, reliability_of
from analytics.queries.machines import machines_in
from analytics.queries.oee import work_in
from analytics.queries.oee_answers import metrics_of, oee_breakdown, part_rows
from analytics.queries.timeline import timeline_of

STOPS_SHOWN = 30
MACHINES_SHOWN = 40  # rows of a timeline that can be told apart
TIMELINE_MS = 2 * 86_400_000


@dataclass
class OeeView:
    """`timeline` is of the whole time, or of its last day when that is longer than two days.

    `stops` are those of one page; what `downtime` comes to is of all of them.
    """

    start: int
    end: int
    device_ids: Sequence[int]
    metrics: dict[str, Any]
    machines: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    shifts: list[dict[str, Any]]
    days: list[dict[str, Any]]
    downtime: dict[str, Any]
    stops: Page[dict[str, Any]]
    reliability: dict[int, Reliability]
    timeline: list[Row]
    timeline_start: int
    timeline_end: int


def oee_view(
    *,
    start: int,
    end: int,
    now: int,
    device_id: int | None = None,
    group_id: int | None = None,
    only_open: bool = False,
    page: int = 1,
) -> OeeView:
    """Of a device, a group or the plant in [start, end), ms.

    `only_open`: of stops only those without a reason. `page`: which of them, the newest on the first.
    """
    devices = machines_in(device_id=device_id, group_id=group_id)
    works = work_in(device_ids=devices, start=start, end=end, now=now)
    stood = downtime_in(device_ids=devices, start=start, end=end, now=now)
    stops = stops_paged(stood, page, only_open=only_open)
    downtime = downtime_answer(stood, limit=stops.end_index(), only_open=only_open)
    stops.object_list = downtime["stops"][max(0, stops.start_index() - 1) :]
    first, last = shown_of_timeline(start, end, now)
    return OeeView(
        start=start,
        end=end,
        device_ids=devices,
        metrics=metrics_of(works, devices),
        machines=part_rows(works, "machine"),
        lines=[]
        if device_id is not None
        else oee_breakdown(by="line", start=start, end=end, now=now, group_id=group_id),
        shifts=part_rows(works, "shift"),
        days=part_rows(works, "day"),
        downtime=downtime,
        stops=stops,
        reliability={one.device_id: one for one in reliability_of(stood)},
        timeline=timeline_of(device_ids=devices[:MACHINES_SHOWN], start=first, end=last, now=now),
        timeline_start=first,
        timeline_end=last,
    )


def stops_paged(found: Downtime, number: int, *, only_open: bool) -> Page[Any]:
    """Which page that is, as `downtime_answer` counts stops; the last one where there are not so many."""
    count = sum(not stop.is_micro and not (only_open and stop.code) for stop in found.stops)
    return Paginator(range(count), STOPS_SHOWN).get_page(number)


def shown_of_timeline(start: int, end: int, now: int) -> tuple[int, int]:
    """All of it while it can be read, else its last day that has begun."""
    if end - start <= TIMELINE_MS:
        return start, end
    last = max(start, min(end, now) - 1)
    day = whole_days(settings.PLANT_TIME_ZONE, last, last + 1)[0]
    return max(start, day.start), min(end, day.end)
