"""Which devices are machines, by which profile, and when they are to produce."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from itertools import pairwise

from django.conf import settings

from analytics.models import Calendar, Line, MachineProfile, ProductRun, Shift
from analytics.oee.shifts import CalendarRule, Occurrence, ShiftRule, occurrences, whole_days
from devices.models import Device
from factory.errors import NotFound
from grouping.models import Membership
from grouping.queries import GroupUnknown, group_tree, groups_of_devices
from telemetry.rules import metric_for

PLANT = "plant"
EVER = 2**62
RunningBy = MachineProfile.RunningBy


class ProfileUnknown(NotFound):
    """The device has no machine profile."""


@dataclass
class Machine:
    """A device as a machine: its profiles, the oldest first, what it makes, and its calendars."""

    device_id: int
    profiles: list[MachineProfile]
    runs: list[tuple[int, float | None]] = field(default_factory=list)  # (from, ideal cycle), in order
    calendars: tuple[CalendarRule, ...] = ()

    def profile_at(self, at: int) -> MachineProfile | None:
        found = None
        for profile in self.profiles:
            if profile.valid_from <= at:
                found = profile
        return found

    def eras(self, start: int, end: int) -> list[tuple[MachineProfile, int, int]]:
        """(profile, from, to): which one is valid when in [start, end)."""
        begins = [*(profile.valid_from for profile in self.profiles[1:]), EVER]
        found = [
            (profile, max(profile.valid_from, start), min(until, end))
            for profile, until in zip(self.profiles, begins, strict=True)
        ]
        return [era for era in found if era[1] < era[2]]

    def cycles(self, profile: MachineProfile, start: int, end: int) -> list[tuple[int, int, float]]:
        """(from, to, ideal cycle in seconds): how long a piece of what is made takes, when in [start, end)."""
        edges = [(start, None), *((at, cycle) for at, cycle in self.runs if start < at < end), (end, None)]
        earlier = [cycle for at, cycle in self.runs if at <= start]
        edges[0] = (start, earlier[-1] if earlier else None)
        return [
            (at, until, cycle or profile.ideal_cycle_seconds)
            for (at, cycle), (until, _) in pairwise(edges)
            if at < until
        ]

    def shifts_in(self, start: int, end: int) -> list[Occurrence]:
        """Its shifts that reach into [start, end); the days of the plant where nobody gave it any."""
        begins = self.profiles[0].valid_from
        if self.calendars:
            found = occurrences(self.calendars, start, end)
        else:
            found = whole_days(settings.PLANT_TIME_ZONE, start, end)
        return [one for one in found if one.end > begins]


def hold_of(profile: MachineProfile) -> int | None:
    """For how long (ms) a sample says what the machine does; None: until the next one."""
    if profile.running_by != RunningBy.METRIC:
        return None
    return metric_for(profile.running_metric).max_gap_seconds * 1000


def counted_metrics(profile: MachineProfile) -> list[str]:
    return [m for m in (profile.total_metric, profile.good_metric, profile.reject_metric) if m]


def load_machines(device_ids: Iterable[int] | None = None) -> dict[int, Machine]:
    """{device: machine} of those that have a profile, in order of their ids."""
    rows = MachineProfile.objects.order_by("device_id", "valid_from")
    runs = ProductRun.objects.order_by("start")
    if device_ids is not None:
        wanted = list(device_ids)
        rows, runs = rows.filter(device_id__in=wanted), runs.filter(device_id__in=wanted)
    machines: dict[int, Machine] = {}
    for profile in rows:
        machines.setdefault(profile.device_id, Machine(profile.device_id, [])).profiles.append(profile)
    for device_id, start, cycle in runs.values_list("device_id", "start", "product__ideal_cycle_seconds"):
        if device_id in machines:
            machines[device_id].runs.append((start, cycle))
    calendars = calendars_of(list(machines))
    for device_id, machine in machines.items():
        machine.calendars = calendars[device_id]
    return machines


def calendars_of(device_ids: Sequence[int]) -> dict[int, tuple[CalendarRule, ...]]:
    """{device: the calendars it works by}: its own, before these its narrowest group's, before these the plant's."""
    by_target = _all_calendars()
    groups = groups_of_devices(device_ids=device_ids) if len(by_target) else {}
    return {
        device_id: _chained(
            [
                by_target.get(target, [])
                for target in (
                    f"device:{device_id}",
                    *(f"group:{group_id}" for group_id in groups.get(device_id, ())),
                    PLANT,
                )
            ]
        )
        for device_id in device_ids
    }


def _all_calendars() -> dict[str, list[tuple[date, CalendarRule]]]:
    shifts: defaultdict[int, list[ShiftRule]] = defaultdict(list)
    for shift in Shift.objects.order_by("pk"):
        shifts[shift.calendar_id].append(rule_of(shift))
    found: dict[str, list[tuple[date, CalendarRule]]] = {}
    for calendar in Calendar.objects.order_by("target", "valid_from"):
        holidays = frozenset(date.fromisoformat(day) for day in calendar.holidays)
        rule = CalendarRule(calendar.time_zone, tuple(shifts[calendar.pk]), holidays)
        found.setdefault(calendar.target, []).append((calendar.valid_from, rule))
    return found


def rule_of(shift: Shift) -> ShiftRule:

    return ShiftRule(
        shift.name,
        frozenset(shift.days),
        shift.start_time,
        shift.end_time,
        tuple((time.fromisoformat(begin), time.fromisoformat(end)) for begin, end in shift.breaks),
    )


def _chained(targets: Iterable[list[tuple[date, CalendarRule]]]) -> tuple[CalendarRule, ...]:
    """Each calendar from its day on; what a narrower target does not speak of yet is left to the wider ones."""
    found: list[CalendarRule] = []
    until = date.max
    for versions in targets:
        for valid_from, rule in reversed(versions):
            if valid_from < until:
                found.append(
                    CalendarRule(rule.zone, rule.shifts, rule.holidays, first_day=valid_from, last_day=until)
                )
                until = valid_from
    return tuple(reversed(found))


def machines_in(*, device_id: int | None = None, group_id: int | None = None) -> list[int]:
    """The ids of the devices that speak for a device, a group or the plant.

    For a serial line that is its station alone; elsewhere every machine for itself.
    """
    if device_id is not None:
        return [device_id]
    among = set(MachineProfile.objects.values_list("device_id", flat=True))
    lines = dict(Line.objects.values_list("group_id", "station_id"))
    if not lines and group_id is None:
        return sorted(among)
    tree = group_tree()
    members: defaultdict[int, set[int]] = defaultdict(set)
    for group, member in Membership.objects.filter(device_id__in=among).values_list("group_id", "device_id"):
        members[group].add(member)

    def inside(group: int) -> set[int]:
        return set().union(*(members[one] for one in tree.within(group)))

    if group_id is not None:
        if group_id not in tree:
            raise GroupUnknown(f"There is no group {group_id}.")
        among = inside(group_id)
        within = set(tree.within(group_id))
        lines = {line: station for line, station in lines.items() if line in within}
    for line, station in lines.items():
        if station in inside(line):
            among -= inside(line) - {station}
    return sorted(among)


def names_of(device_ids: Iterable[int]) -> dict[int, str]:
    """{device: name}, for answers and pages."""
    return dict(Device.objects.filter(pk__in=list(device_ids)).values_list("pk", "name"))
