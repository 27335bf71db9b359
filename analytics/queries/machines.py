"""Which devices are machines, by which profile, and when they are to produce."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext

from analytics.models import Calendar, Line, MachineProfile, Product, ProductRun, Shift, StateInterval
from analytics.models.calendars import SINCE_EVER
from analytics.oee.shifts import CalendarRule, Occurrence, ShiftRule, occurrences, whole_days
from devices.models import Device
from factory.errors import NotFound
from grouping.models import Membership
from grouping.queries import GroupUnknown, group_tree, groups_of_devices
from telemetry.queries import latest_values
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
    known_since: int = 0
    ends_at: int = EVER  # out of service since then

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
        """Its shifts that reach into [start, end); the days of the plant where nobody gave it any.

        None that was over before anything was known of it, or began when it was out of service: nobody had planned
        with it then.
        """
        begins = max(self.profiles[0].valid_from, self.known_since)
        if self.calendars:
            found = occurrences(self.calendars, start, end)
        else:
            found = whole_days(settings.PLANT_TIME_ZONE, start, end)
        return [one for one in found if one.end > begins and one.start < self.ends_at]


def hold_of(profile: MachineProfile) -> int | None:
    """For how long (ms) a sample says what the machine does; None: until the next one."""
    if profile.running_by != RunningBy.METRIC:
        return None
    return metric_for(profile.running_metric).max_gap_seconds * 1000


def counted_metrics(profile: MachineProfile) -> list[str]:
    return [m for m in (profile.total_metric, profile.good_metric, profile.reject_metric) if m]


def load_machines(device_ids: Iterable[int] | None = None) -> dict[int, Machine]:
    """{device: machine} of those that have a profile, in order of their ids."""
    derived = StateInterval.objects.filter(device_id=OuterRef("device_id"), is_added=False)
    known = derived.exclude(state=StateInterval.State.UNKNOWN).order_by("start").values("start")
    rows = MachineProfile.objects.order_by("device_id", "valid_from").annotate(
        known_since=Subquery(known[:1]), out_at=F("device__deactivated_at")
    )
    runs = ProductRun.objects.order_by("start")
    if device_ids is not None:
        wanted = list(device_ids)
        rows, runs = rows.filter(device_id__in=wanted), runs.filter(device_id__in=wanted)
    machines: dict[int, Machine] = {}
    for profile in rows:
        machine = machines.setdefault(profile.device_id, Machine(profile.device_id, []))
        machine.profiles.append(profile)
        machine.known_since = profile.known_since or 0
        if profile.out_at is not None:
            machine.ends_at = int(profile.out_at.timestamp() * 1000)
    for device_id, start, cycle in runs.values_list("device_id", "start", "product__ideal_cycle_seconds"):
        if device_id in machines:
            machines[device_id].runs.append((start, cycle))
    calendars = calendars_of(list(machines))
    for device_id, machine in machines.items():
        machine.calendars = calendars[device_id]
    _date_the_silent([machine for machine in machines.values() if not machine.known_since])
    return machines


def _date_the_silent(machines: Sequence[Machine]) -> None:
    """A machine that never told whether it runs is missed since it was set up."""
    if not machines:
        return
    latest = latest_values(device_ids=[machine.device_id for machine in machines])
    for machine in machines:
        metrics = {profile.running_metric for profile in machine.profiles}
        if "" not in metrics and metrics.isdisjoint(latest.get(machine.device_id, ())):
            machine.known_since = int(machine.profiles[0].updated_at.timestamp() * 1000)


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
    """The ids of the devices that speak for a device, a group or the plant; refuses when there is no such group.

    For a serial line that is its station alone; elsewhere every machine for itself.
    """
    return [device_id] if device_id is not None else machines_of_groups([group_id])[group_id]


def machines_of_groups(group_ids: Iterable[int | None]) -> dict[int | None, list[int]]:
    """As `machines_in` of several groups at once; None is the plant."""
    among = set(MachineProfile.objects.values_list("device_id", flat=True))
    lines = dict(Line.objects.values_list("group_id", "station_id"))
    tree = group_tree()
    members: defaultdict[int, set[int]] = defaultdict(set)
    for group, member in Membership.objects.filter(device_id__in=among).values_list("group_id", "device_id"):
        members[group].add(member)

    def inside(group: int) -> set[int]:
        return set().union(*(members[one] for one in tree.within(group)))

    found: dict[int | None, list[int]] = {}
    for group_id in group_ids:
        if group_id is not None and group_id not in tree:
            raise GroupUnknown(gettext("There is no group %(id)s.") % {"id": group_id})
        within = lines.keys() if group_id is None else lines.keys() & set(tree.within(group_id))
        speaking = among if group_id is None else inside(group_id)
        for line in within:
            if lines[line] in inside(line):
                speaking = speaking - (inside(line) - {lines[line]})
        found[group_id] = sorted(speaking)
    return found


def is_a_machine_among(device_ids: Sequence[int]) -> bool:
    return MachineProfile.objects.filter(device_id__in=device_ids).exists()


def setup_of(*, device_id: int) -> dict[str, Any] | None:
    """A machine as it is set up now; None for a device that is none."""
    profiles = list(MachineProfile.objects.filter(device_id=device_id).order_by("valid_from"))
    if not profiles:
        return None
    run = ProductRun.objects.filter(device_id=device_id).select_related("product").order_by("-start").first()
    return {
        **profile_row(profiles[-1]),
        "products": list(Product.objects.filter(device_id=device_id).order_by("name")),
        "product": run.product.name if run and run.product else None,
        "versions": len(profiles),
    }


def machine_setup(*, device_id: int) -> dict[str, Any]:
    """As `setup_of`; refuses when the device is no machine."""
    found = setup_of(device_id=device_id)
    if found is None:
        raise ProfileUnknown(gettext("Device %(id)s has no machine profile.") % {"id": device_id})
    return found


def profile_row(profile: MachineProfile) -> dict[str, Any]:
    running: dict[str, Any] = {"status": profile.running_statuses}
    if profile.running_by == RunningBy.METRIC:
        running = {"metric": profile.running_metric, "above": profile.running_above}
    elif profile.running_by == RunningBy.EVENTS:
        running = {"events": profile.running_metric}
    return {
        "device_id": profile.device_id,
        "ideal_cycle_seconds": profile.ideal_cycle_seconds,
        "total_metric": profile.total_metric,
        "good_metric": profile.good_metric or None,
        "reject_metric": profile.reject_metric or None,
        "running": running,
        "micro_stop_seconds": profile.micro_stop_seconds,
        "valid_from": profile.valid_from or None,
    }


def shifts_of(target: str) -> dict[str, Any] | None:
    """The newest calendar that was given to a target itself; None where none was."""
    calendar = Calendar.objects.filter(target=target).order_by("-valid_from").first()
    return None if calendar is None else calendar_row(calendar)


def calendar_row(calendar: Calendar) -> dict[str, Any]:
    return {
        "device_id": calendar.device_id,
        "group_id": calendar.group_id,
        "time_zone": calendar.time_zone,
        "shifts": [
            {
                "name": shift.name,
                "days": shift.days,
                "start": shift.start_time,
                "end": shift.end_time,
                "breaks": [
                    {"start": time.fromisoformat(begin), "end": time.fromisoformat(end)}
                    for begin, end in shift.breaks
                ],
            }
            for shift in calendar.shifts.order_by("pk")
        ],
        "holidays": calendar.holidays,
        "valid_from": calendar.valid_from.isoformat() if calendar.valid_from != SINCE_EVER else None,
    }


def names_of(device_ids: Iterable[int]) -> dict[int, str]:
    """{device: name}, for answers and pages."""
    return dict(Device.objects.filter(pk__in=list(device_ids)).values_list("pk", "name"))
