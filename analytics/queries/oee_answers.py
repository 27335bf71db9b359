"""OEE as it is told: of a machine, a line or the plant, over a time, and taken apart by days, shifts or machines."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from analytics.models import Line, StopCode
from analytics.oee.sums import UNCLASSIFIED, Figures, Sums, figures_of, flags_of, losses_of, summed
from analytics.queries.machines import is_a_machine_among, machines_in, machines_of_groups, names_of
from analytics.queries.oee import Work, work_in
from factory.errors import InvalidInput
from grouping.models import Group
from grouping.queries import get_group, group_tree

DAYS_SHOWN = 7
LOSS_LABELS = {
    "break": "Breaks",
    "planned": "Planned stop",
    "down": "No reason given",
    "unknown": "Unknown",
    "micro": "Micro-stops",
    "speed": "Slow running",
    "quality": "Rejects",
}


def week_before(now: datetime) -> datetime:
    """The midnight of the plant with which the last seven days began, today included."""
    day = timezone.localtime(now).date() - timedelta(days=DAYS_SHOWN - 1)
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def oee_metrics(
    *, start: int, end: int, now: int, device_id: int | None = None, group_id: int | None = None
) -> dict[str, Any]:
    """The figures of a device, a group or the plant over [start, end), ms, with a trend by days and the losses."""
    devices = _devices(device_id, group_id)
    return metrics_of(work_in(device_ids=devices, start=start, end=end, now=now), devices)


def metrics_of(works: Sequence[Work], device_ids: Sequence[int]) -> dict[str, Any]:
    """The figures of all the work of these devices together, day by day, and what was lost."""
    whole = summed(work.sums for work in works)
    by_day = grouped(works, lambda work: work.occurrence.day)
    answer = told(whole)
    if not works:
        answer["flags"] = ["nothing_planned" if is_a_machine_among(device_ids) else "no_profile"]
    return {
        **answer,
        "trend": [
            {"date": day.isoformat(), "oee": percent(figures_of(sums).oee)}
            for day, sums in sorted(by_day.items())
        ],
        "losses": loss_rows(whole),
    }


def _devices(device_id: int | None, group_id: int | None) -> list[int]:
    if device_id is not None and group_id is not None:
        raise InvalidInput.at("groupId", gettext("give either deviceId or groupId"))
    return machines_in(device_id=device_id, group_id=group_id)


def grouped(works: Iterable[Work], key: Callable[[Work], Any]) -> dict[Any, Sums]:
    found: defaultdict[Any, Sums] = defaultdict(Sums)
    for work in works:
        found[key(work)].add(work.sums)
    return found


def told(sums: Sums) -> dict[str, Any]:
    """Sums and their figures: these in percent with one decimal, the rest as it is; times in seconds."""
    figures = figures_of(sums)
    return {
        **percents(figures),
        "planned_seconds": sums.planned_ms / 1000,
        "run_seconds": sums.run_ms / 1000,
        "ideal_seconds": sums.ideal_ms / 1000,
        "good_ideal_seconds": sums.good_ideal_ms / 1000,
        "unknown_seconds": sums.unknown_ms / 1000,
        "down_seconds": sums.down_ms / 1000,
        "stops": sums.stops,
        "micro_stop_seconds": sums.micro_ms / 1000,
        "micro_stops": sums.micro_stops,
        "planned_stop_seconds": sums.planned_stop_ms / 1000,
        "break_seconds": sums.break_ms / 1000,
        "total": sums.total,
        "good": sums.good,
        "flags": flags_of(sums),
    }


def percents(figures: Figures) -> dict[str, float | None]:
    return {
        "availability": percent(figures.availability),
        "performance": percent(figures.performance),
        "quality": percent(figures.quality),
        "oee": percent(figures.oee),
    }


def percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def loss_rows(sums: Sums) -> list[dict[str, Any]]:
    """Where the time of the shifts went, in minutes; with the good time they add up to it."""
    labels = dict(StopCode.objects.values_list("code", "label"))
    rows = [
        {
            "kind": loss.kind,
            "code": loss.code or None,
            "label": labels.get(loss.code, loss.code)
            if loss.code != UNCLASSIFIED
            else LOSS_LABELS[loss.kind],
            "minutes": loss.ms / 60_000,
        }
        for loss in losses_of(sums)
        if loss.ms
    ]
    good = {"kind": "good", "code": None, "label": "Good time", "minutes": sums.good_ideal_ms / 60_000}
    return [*rows, good] if sums.shift_ms else []


def oee_breakdown(
    *,
    by: str,
    start: int,
    end: int,
    now: int,
    device_id: int | None = None,
    group_id: int | None = None,
) -> list[dict[str, Any]]:
    """The same figures of each part: `by` machine, line, shift, day or week."""
    if by == "line":
        if group_id is not None:
            get_group(group_id)
        return _by_line(start=start, end=end, now=now, within=group_id)
    devices = _devices(device_id, group_id)
    return part_rows(work_in(device_ids=devices, start=start, end=end, now=now), by)


def part_rows(works: Sequence[Work], by: str) -> list[dict[str, Any]]:
    """The figures of each machine, shift, day or week."""
    if by == "machine":
        names = names_of({work.device_id for work in works})
        parts = grouped(works, lambda work: work.device_id)
        rows = [(str(device), names.get(device, ""), sums) for device, sums in parts.items()]
        return _rows(sorted(rows, key=lambda row: (row[1].casefold(), row[0])))
    if by == "shift":
        parts = grouped(works, lambda work: work.occurrence.name)
        return _rows((name, name or "Round the clock", sums) for name, sums in sorted(parts.items()))
    parts = grouped(works, lambda work: _first_day(work, by))
    return _rows((day.isoformat(), day.isoformat(), sums) for day, sums in sorted(parts.items()))


def _first_day(work: Work, by: str) -> date:
    day = work.occurrence.day
    return day - timedelta(days=day.weekday()) if by == "week" else day


def _by_line(*, start: int, end: int, now: int, within: int | None) -> list[dict[str, Any]]:
    """Each group that is a production line, or a serial line of machines; all their machines are looked up at once."""
    serial = dict(Line.objects.values_list("group_id", "station_id"))
    groups = Group.objects.filter(type=Group.Type.PRODUCTION_LINE) | Group.objects.filter(pk__in=serial)
    names = dict(groups.distinct().order_by("name").values_list("pk", "name"))
    inside = names.keys() if within is None else set(group_tree().within(within)) & names.keys()
    members = machines_of_groups(pk for pk in names if pk in inside)
    works = work_in(
        device_ids=sorted({d for ids in members.values() for d in ids}), start=start, end=end, now=now
    )
    by_device = grouped(works, lambda work: work.device_id)
    return _rows(
        (str(pk), names[pk], summed(by_device[device] for device in ids if device in by_device))
        for pk, ids in members.items()
        if pk is not None and ids
    )


def _rows(parts: Iterable[tuple[str, str, Sums]]) -> list[dict[str, Any]]:
    return [{"key": key, "label": label, **told(sums)} for key, label, sums in parts]
