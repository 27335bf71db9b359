"""What machines did in a time: as it is kept, and from what they reported where that does not tell yet.

Kept states tell what a machine reported up to its mark. What is newer, what came late, and what is still to be
derived anew is derived here for the answer, so that it is exact to the last commit.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.utils.translation import gettext

from analytics.models import MachineMark, MachineProfile, Redo, StateInterval, StopReason
from analytics.models.machines import LONGEST_MICRO_STOP
from analytics.oee.spans import Span, clipped, joined
from analytics.oee.states import Sample, State, Stretch, merged, overlaid, spliced, states_between
from analytics.oee.stops import Added, Piece, Reason, hidden, pieces_in, resolved
from analytics.queries.machines import Machine, RunningBy, hold_of
from devices.models import Device
from devices.queries import StatusPoint, statuses_of
from factory.errors import InvalidInput
from telemetry.queries import latest_values
from telemetry.samples import (
    Points,
    TooManyRows,
    Wanted,
    last_reading_in,
    late_spans,
    sample_before,
    samples_in,
)

ROWS_LIMIT = 2_000_000
# A micro-stop is known by what is on both of its sides.
MARGIN_MS = LONGEST_MICRO_STOP * 1000 + 1
EVER = 2**62


class StatesNotReady(InvalidInput):
    """More raw readings would have to be looked at than fit into one answer; a worker is at it."""


@dataclass
class MachineStates:
    """What one machine did, whole stretches also where they reach out of what was asked for."""

    stretches: list[Stretch] = field(default_factory=list)
    ids: dict[int, int] = field(default_factory=dict)  # of kept stretches, by their start
    added: list[Added] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    away: list[Span] = field(default_factory=list)  # when it was not there to tell of its next event
    _pieces: dict[int, list[Piece]] = field(default_factory=dict)  # by what a micro-stop is

    def pieces(self, *, micro_ms: int) -> list[Piece]:
        """With what people said of it; call it when all the rest is there."""
        if micro_ms not in self._pieces:
            seen = hidden(self.stretches, self.away) if self.away else self.stretches
            self._pieces[micro_ms] = resolved(seen, added=self.added, reasons=self.reasons, micro_ms=micro_ms)
        return self._pieces[micro_ms]


def states_of(
    machines: Mapping[int, Machine], *, start: int, end: int, now: int, keep_edges: bool = True
) -> dict[int, MachineStates]:
    """{device: what it did} in [start, end), ms; nothing is told of what is after `now`."""
    low, high = (start - MARGIN_MS, end + MARGIN_MS) if keep_edges else (start, end)
    high = min(high, now)
    ids = list(machines)
    found = {device_id: MachineStates() for device_id in ids}
    if not ids or low >= high:
        return found
    rows = StateInterval.objects.filter(device_id__in=ids, end__gt=low, start__lt=high).order_by("start")
    for pk, device_id, begin, stop, state, is_added, code in rows.values_list(
        "pk", "device_id", "start", "end", "state", "is_added", "code_id"
    ):
        if is_added:
            found[device_id].added.append(Added(pk, begin, stop, code))
        else:
            found[device_id].stretches.append(Stretch(begin, stop, State(state)))
            found[device_id].ids[begin] = pk
    said = StopReason.objects.filter(device_id__in=ids, end__gt=low, start__lt=high)
    for pk, device_id, begin, stop, code in said.values_list("pk", "device_id", "start", "end", "code_id"):
        found[device_id].reasons.append(Reason(begin, stop, code, pk))
    statuses = _statuses(machines, low, high)
    for device_id, span, points in _untold(machines, low, high):
        one = found[device_id]
        anew = derived(machines[device_id], *span, statuses=statuses.get(device_id, ()), points=points)
        one.stretches = spliced(one.stretches, anew, *span)
    for one in found.values():
        one.stretches = overlaid([Stretch(low, high, State.UNKNOWN)], one.stretches)
    for device_id, changes in statuses.items():
        if machines[device_id].profiles[-1].running_by == RunningBy.EVENTS:
            found[device_id].away = _away(device_id, changes, high)
    return found


def _statuses(machines: Mapping[int, Machine], start: int, end: int) -> dict[int, list[StatusPoint]]:
    """Of the machines of which a status says something."""
    wanted = [
        device_id
        for device_id, machine in machines.items()
        if any(profile.running_by != RunningBy.METRIC for profile in machine.profiles)
    ]
    return statuses_of(device_ids=wanted, start=moment(start), end=moment(end)) if wanted else {}


def _away(device_id: int, points: Sequence[StatusPoint], end: int) -> list[Span]:
    """When a device was offline and measured nothing that it told later: nobody knows whether its last event held."""
    edges = [*(ms(at) for at, _ in points), end]
    found = []
    for place, (_, status) in enumerate(points):
        start, until = edges[place], edges[place + 1]
        if status == Device.Status.OFFLINE and start < until:
            start = last_reading_in(device_id, start, until) or start
            found.append((start, until))
    return joined(found)


def _untold(
    machines: Mapping[int, Machine], start: int, end: int
) -> Iterator[tuple[int, Span, Points | None]]:
    """(device, span, what was read of it) of [start, end) that what is kept does not tell, or not truly."""
    ids = list(machines)
    marks = dict(MachineMark.objects.filter(pk__in=ids).values_list("pk", "seen_at"))
    latest = latest_values(device_ids=ids)
    spans: defaultdict[int, list[Span]] = defaultdict(list)
    redo = Redo.objects.filter(device_id__in=ids, start__lt=end)
    for device_id, begin, stop in redo.values_list("device_id", "start", "end"):
        spans[device_id].append((begin, stop))
    for device_id, late in late_spans(ids).items():
        for begin, stop in late:
            spans[device_id].append((begin, reach_of(machines[device_id], stop)))
    tails: dict[int, Wanted] = {}
    read: dict[int, Points] = {}
    for device_id, machine in machines.items():
        seen_at = marks.get(device_id)
        if any(profile.running_by == RunningBy.STATUS for profile in machine.profiles):
            spans[device_id] = [(start, end)]  # a few changes a day, and some are told late
        elif seen_at is None:
            spans[device_id].append((start, end))
        elif seen_at < end:
            eras = machine.eras(seen_at, end)
            if len(eras) == 1 and eras[0][1] == seen_at:
                metric = eras[0][0].running_metric
                tails[device_id] = (metric, seen_at, end)
                value, newest = latest.get(device_id, {}).get(metric, (0.0, None))
                if newest == seen_at:  # nothing has come since: of an event that may be hours
                    read[device_id] = [(seen_at, value)]
            else:
                spans[device_id].append((seen_at, end))
    # The tails first: what came late may lie in them, too.
    read |= _read({device_id: wanted for device_id, wanted in tails.items() if device_id not in read})
    for device_id, (_, seen_at, _) in tails.items():
        yield device_id, (seen_at, end), read.get(device_id, [])
    for device_id, own in spans.items():
        for span in joined(sorted(clipped(own, start, end))):
            yield device_id, span, None


def _read(wanted: Mapping[int, Wanted]) -> Iterator[tuple[int, Points]]:
    try:
        yield from samples_in(wanted, rows_limit=ROWS_LIMIT)
    except TooManyRows:
        raise StatesNotReady(
            gettext(
                "What some machines did is still being worked out; ask for a shorter time, or again in a "
                "minute."
            )
        ) from None


def reach_of(machine: Machine, at: int) -> int:
    """Up to where something that came late before `at` may change what a machine did."""
    holds = [hold_of(profile) for profile in machine.profiles]
    return EVER if None in holds else at + max(hold or 0 for hold in holds)


def derived(
    machine: Machine,
    start: int,
    end: int,
    *,
    statuses: Sequence[StatusPoint] = (),
    points: Points | None = None,
) -> list[Stretch]:
    """What a machine did in [start, end), from what it reported; unknown where it had no profile yet.

    `points` are its samples there, the one that says what was true at the start among them; else they are read.
    """
    parts: list[Stretch] = []
    for profile, begin, stop in machine.eras(start, end):
        if profile.running_by == RunningBy.STATUS:
            samples: Iterable[Sample] = _from_statuses(profile, statuses)
        else:
            samples = _by_level(profile, _points_of(profile, begin, stop) if points is None else points)
        parts += states_between(samples, begin, stop, hold_ms=hold_of(profile))
    begins = machine.profiles[0].valid_from
    if begins > start:
        parts.append(Stretch(start, min(begins, end), State.UNKNOWN))
    return merged(parts)


def _points_of(profile: MachineProfile, start: int, end: int) -> Points:
    before = sample_before(profile.device_id, profile.running_metric, start)
    window = {profile.device_id: (profile.running_metric, start, end)}
    return [*([before] if before else ()), *(point for _, points in _read(window) for point in points)]


def _by_level(profile: MachineProfile, points: Points) -> Iterator[Sample]:
    for at, value in points:
        yield at, State.RUNNING if value > profile.running_above else State.STOPPED


def _from_statuses(profile: MachineProfile, points: Sequence[StatusPoint]) -> Iterator[Sample]:
    for at, status in points:
        if status in profile.running_statuses:
            yield ms(at), State.RUNNING
        else:
            yield ms(at), State.UNKNOWN if status == Device.Status.OFFLINE else State.STOPPED


def pieces_between(
    machine: Machine, states: MachineStates, start: int, end: int
) -> list[tuple[MachineProfile, list[Piece]]]:
    """What it did in [start, end), by the profiles that were valid."""
    found = []
    for profile, begin, stop in machine.eras(start, end):
        pieces = states.pieces(micro_ms=profile.micro_stop_seconds * 1000)
        found.append((profile, pieces_in(pieces, begin, stop)))
    return found


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


__all__ = ["MachineStates", "StatesNotReady", "derived", "pieces_between", "reach_of", "states_of"]
