"""Machines are followed: what they do is derived from what they report, and kept as states that meet.

Reading and deriving happen without a lock; writing is one short transaction, which leaves out every machine that
another worker has brought further meanwhile. What came late is derived anew, only where it may change something.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from django.db import transaction

from analytics.models import MachineMark, MachineProfile, Redo, StateInterval
from analytics.oee.spans import Span, joined
from analytics.oee.states import State, Stretch, merged
from analytics.queries.machines import EVER, Machine, RunningBy, load_machines
from analytics.queries.states import MARGIN_MS, derived, moment, ms, reach_of
from analytics.services.results import STATUS_SETTLES_MS, forget_results
from devices.queries import StatusPoint, statuses_of
from factory.retrying import again_after_deadlock
from telemetry.queries import latest_values
from telemetry.retention import raw_begins
from telemetry.samples import Points, Wanted, sample_from, samples_in

logger = logging.getLogger(__name__)

MACHINES_AT_ONCE = 100
FOLLOWED_MS = 6 * 3_600_000  # in one turn, of a machine that is far behind

Latest = Mapping[int, Mapping[str, tuple[float, int]]]


@dataclass(frozen=True, slots=True)
class _Step:
    """What a machine did in [start, end), to be kept if its mark is still the one it was."""

    mark: MachineMark
    start: int
    end: int
    anew: list[Stretch]
    seen_at: int


def follow_machines(*, now: int, seconds: float = 10.0) -> int:
    """One turn over all machines that have something new to tell; returns how many were brought further.

    After about `seconds` it stops, and the next turn goes on.
    """
    stop = monotonic() + seconds
    machines = load_machines()
    _begin_marks(machines)
    moved, failed = 0, set[int]()
    for device_id, redos in _redos(machines).items():
        moved += _apart([device_id], partial(_redo_one, machines[device_id], redos), failed)
        if monotonic() > stop:
            return moved
    latest = latest_values(device_ids=list(machines))
    follow = partial(_follow, machines=machines, latest=latest, now=now)
    # Those that are far behind have another turn while there is time.
    while due := [pk for pk in _due(machines, latest, now) if pk not in failed]:
        before = moved
        for place in range(0, len(due), MACHINES_AT_ONCE):
            moved += _apart(due[place : place + MACHINES_AT_ONCE], follow, failed)
            if monotonic() > stop:
                return moved
        if moved == before:
            break
    return moved


def _apart(device_ids: Sequence[int], work: Callable[[Sequence[int]], int], failed: set[int]) -> int:
    """A machine with which it fails costs the others nothing, and is tried again at the next turn."""
    try:
        return again_after_deadlock(partial(work, device_ids))
    except Exception:
        if len(device_ids) == 1:
            logger.exception("machine.not_followed", extra={"device_id": device_ids[0]})
            failed.update(device_ids)
            return 0
    return sum(_apart([device_id], work, failed) for device_id in device_ids)


def _redo_one(machine: Machine, redos: Sequence[tuple[int, Span]], _: Sequence[int]) -> int:
    return int(_redo(machine, redos))


def _begin_marks(machines: Iterable[int]) -> None:
    there = set(MachineMark.objects.values_list("pk", flat=True))
    MachineMark.objects.bulk_create(
        (MachineMark(device_id=device_id) for device_id in machines if device_id not in there),
        ignore_conflicts=True,
    )


def _newest(machine: Machine, latest: Latest) -> tuple[int, float] | None:
    """The newest sample of what says whether it runs."""
    found = latest.get(machine.device_id, {}).get(machine.profiles[-1].running_metric)
    return (found[1], found[0]) if found else None


def _due(machines: Mapping[int, Machine], latest: Latest, now: int) -> list[int]:
    """The machines of which something can be told that is not kept yet, the furthest behind first."""
    marks = MachineMark.objects.in_bulk(list(machines))
    found = []
    for device_id, machine in machines.items():
        mark, newest = marks.get(device_id), _newest(machine, latest)
        if mark is None:
            continue
        if machine.profiles[-1].running_by == RunningBy.METRIC:
            is_due = newest is not None and newest[0] != mark.seen_at
        else:
            is_due = mark.followed_to is None or mark.followed_to < now
        if is_due:
            found.append((mark.followed_to or 0, device_id))
    return [device_id for _, device_id in sorted(found)]


def _follow(device_ids: Sequence[int], machines: Mapping[int, Machine], latest: Latest, now: int) -> int:
    marks = MachineMark.objects.in_bulk(device_ids)
    chosen = {device_id: machines[device_id] for device_id in device_ids if device_id in marks}
    by_status = [d for d, machine in chosen.items() if _is_by_status(machine)]
    begins = {
        d: max(_begin_of(chosen[d]), (marks[d].followed_to or 0) - STATUS_SETTLES_MS) for d in by_status
    }
    steps = [
        _status_step(chosen[device_id], marks[device_id], points, begins[device_id], now)
        for device_id, points in _statuses(begins, now).items()
    ]
    others = {device_id: machine for device_id, machine in chosen.items() if device_id not in begins}
    for device_id, samples in _samples(others, marks, latest).items():
        steps.append(_step(chosen[device_id], marks[device_id], samples, latest, now))
    return _write([step for step in steps if step is not None])


def _is_by_status(machine: Machine) -> bool:
    return machine.profiles[-1].running_by == RunningBy.STATUS


def _begin_of(machine: Machine) -> int:
    return machine.profiles[0].valid_from


def _statuses(begins: Mapping[int, int], now: int) -> dict[int, list[StatusPoint]]:
    if not begins:
        return {}
    return statuses_of(device_ids=list(begins), start=moment(min(begins.values())), end=moment(now))


def _status_step(
    machine: Machine, mark: MachineMark, points: list[StatusPoint], begin: int, now: int
) -> _Step | None:
    """From a day back on, since that is how late a silence may be noted."""
    if not points:
        return None
    begin = max(begin, ms(points[0][0]))
    anew = derived(machine, begin, now, statuses=points) if begin < now else []
    return _Step(mark, begin, now, anew, seen_at=now)


def _step(machine: Machine, mark: MachineMark, samples: Points, latest: Latest, now: int) -> _Step | None:
    if not samples:
        return None
    begin, last = samples[0][0], samples[-1][0]
    newest = _newest(machine, latest)
    # A value says what is from then on; how long, only the next one tells. An event says so until there is another.
    is_event = machine.profiles[-1].running_by == RunningBy.EVENTS
    end = max(now, last) if is_event and newest is not None and newest[0] <= last else last
    if (last, end) == (mark.seen_at, mark.followed_to):
        return None
    # Under another profile something else may have told.
    known = samples if len(machine.eras(begin, end)) == 1 else None
    anew = derived(machine, begin, end, points=known) if begin < end else []
    return _Step(mark, begin, end, anew, seen_at=last)


def _samples(
    machines: Mapping[int, Machine], marks: Mapping[int, MachineMark], latest: Latest
) -> dict[int, Points]:
    """From the last one that was seen on; of a long history the next hours, or the next one at all."""
    found: dict[int, Points] = {}
    wanted: dict[int, Wanted] = {}
    for device_id, machine in machines.items():
        newest = _newest(machine, latest)
        if newest is None:
            continue
        until, value = newest
        metric, seen_at = machine.profiles[-1].running_metric, marks[device_id].seen_at
        if seen_at is None:
            first = sample_from(device_id, metric, max(raw_begins() or 0, _begin_of(machine)))
            if first is None:
                continue
            seen_at = first[0]
        if seen_at == until:
            found[device_id] = [(until, value)]  # nothing has come since
        else:
            wanted[device_id] = (metric, seen_at, min(until, seen_at + FOLLOWED_MS) + 1)
    found |= samples_in(wanted)
    for device_id, (metric, start, end) in wanted.items():
        points = found.setdefault(device_id, [])
        if len(points) <= 1 and (later := sample_from(device_id, metric, max(start + 1, end))):
            points.append(later)
    return found


def _redos(machines: Mapping[int, Machine]) -> dict[int, list[tuple[int, Span]]]:
    found: defaultdict[int, list[tuple[int, Span]]] = defaultdict(list)
    for pk, device_id, *span in Redo.objects.order_by("pk").values_list("pk", "device_id", "start", "end"):
        found[device_id].append((pk, (span[0], span[1])))
    for device_id in found.keys() - machines.keys():
        Redo.objects.filter(pk__in=[pk for pk, _ in found.pop(device_id)]).delete()
    return found


def _redo(machine: Machine, redos: Sequence[tuple[int, Span]]) -> bool:
    """Derive anew what lies before the mark; what is after it is followed anyway."""
    mark = MachineMark.objects.filter(pk=machine.device_id).first()
    if mark is None:
        return False
    begins, known_to = max(raw_begins() or 0, _begin_of(machine)), mark.followed_to or 0
    parts = []
    for start, end in joined(sorted((max(start, begins), min(end, known_to)) for _, (start, end) in redos)):
        if start < end:
            statuses = statuses_of(device_ids=[machine.device_id], start=moment(start), end=moment(end))
            anew = derived(machine, start, end, statuses=statuses[machine.device_id])
            parts.append(_Step(mark, start, end, anew, seen_at=mark.seen_at or 0))
    return _write_redone(mark, parts, [pk for pk, _ in redos])


@transaction.atomic
def _write_redone(mark: MachineMark, parts: Sequence[_Step], redos: list[int]) -> bool:
    if not _held([mark]):
        return False
    for part in parts:
        _replace([part])
    Redo.objects.filter(pk__in=redos).delete()
    return True


def _held(marks: Iterable[MachineMark]) -> list[int]:
    """Lock these marks; those that another worker has moved meanwhile are left out."""
    known = {mark.pk: (mark.seen_at, mark.followed_to) for mark in marks}
    rows = MachineMark.objects.select_for_update().filter(pk__in=sorted(known)).order_by("pk")
    return [
        pk
        for pk, *where in rows.values_list("pk", "seen_at", "followed_to")
        if (where[0], where[1]) == known[pk]
    ]


@transaction.atomic
def _write(steps: Sequence[_Step]) -> int:
    if not steps:
        return 0
    held = set(_held(step.mark for step in steps))
    ours = [step for step in steps if step.mark.pk in held]
    _replace([step for step in ours if step.anew])
    for step in ours:
        step.mark.seen_at, step.mark.followed_to = step.seen_at, step.end
    MachineMark.objects.bulk_update([step.mark for step in ours], ["seen_at", "followed_to"])
    return len(ours)


def _replace(steps: Sequence[_Step]) -> None:
    """Let what was derived anew be what is kept of each span, at most one a machine. Its neighbours grow or shrink to
    meet it; who begins where it began keeps its row, and with it its number. The marks are held."""
    if not steps:
        return
    by_device = {step.mark.pk: step for step in steps}
    near = StateInterval.objects.filter(
        device_id__in=by_device,
        is_added=False,
        end__gte=min(step.start for step in steps),
        start__lte=max(step.end for step in steps),
    )
    rows: defaultdict[int, dict[int, StateInterval]] = defaultdict(dict)
    for row in near:
        step = by_device[row.device_id]
        if row.end >= step.start and row.start <= step.end:
            rows[row.device_id][row.start] = row
    gone: list[int] = []
    moved: list[StateInterval] = []
    added: list[StateInterval] = []
    for device_id, step in by_device.items():
        there = rows[device_id]
        wanted = _wanted(there.values(), step)
        gone += [row.pk for begin, row in there.items() if begin not in wanted]
        for begin, one in wanted.items():
            known = there.get(begin)
            if known is None:
                added.append(StateInterval(device_id=device_id, start=begin, end=one.end, state=one.state))
            elif (known.end, known.state) != (one.end, one.state):
                known.end, known.state = one.end, one.state
                moved.append(known)
    StateInterval.objects.filter(pk__in=gone).delete()
    StateInterval.objects.bulk_update(moved, ["end", "state"])
    StateInterval.objects.bulk_create(added)


def _wanted(rows: Iterable[StateInterval], step: _Step) -> dict[int, Stretch]:
    """{start: stretch} as it should be, of what is there and of what was derived anew."""
    outside = []
    for row in rows:
        state = State(row.state)
        if row.start < step.start:
            outside.append(Stretch(row.start, min(row.end, step.start), state))
        if row.end > step.end:
            outside.append(Stretch(max(row.start, step.end), row.end, state))
    return {one.start: one for one in merged([*outside, *step.anew]) if one.start < one.end}


@transaction.atomic
def derive_anew(*, spans: Mapping[int, Iterable[Span]]) -> None:
    """Something came late into these spans of machines: whatever it may change is derived anew by the worker."""
    with_profile = MachineProfile.objects.filter(device_id__in=list(spans)).values_list(
        "device_id", flat=True
    )
    machines = load_machines(set(with_profile))
    redos = []
    for device_id, machine in machines.items():
        for start, end in spans[device_id]:
            until = reach_of(machine, end)
            redos.append(Redo(device_id=device_id, start=start, end=until))
            forget_results(device_ids=[device_id], start=start - MARGIN_MS, end=min(until + MARGIN_MS, EVER))
    Redo.objects.bulk_create(redos)
