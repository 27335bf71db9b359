"""What machines' shifts came to: kept results where they stand, and worked out for the answer where they do not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from analytics.models import Redo, ShiftResult, StopCode
from analytics.oee.shifts import Occurrence
from analytics.oee.spans import Span
from analytics.oee.stops import pieces_in
from analytics.oee.sums import NUMBERS, Count, Sums, sums_of
from analytics.queries.counts import Window, counts_in
from analytics.queries.machines import Machine, load_machines
from analytics.queries.states import MachineStates, states_of
from analytics.queries.turns import FAR_MS, turns_of
from factory.errors import InvalidInput
from telemetry.days import check_range
from telemetry.samples import late_spans
from telemetry.sql import snapshot

LONGEST_MS = 400 * 86_400_000


@dataclass(frozen=True, slots=True)
class Work:
    """A shift of a machine, or what of it lies in [start, end), and what it came to."""

    device_id: int
    occurrence: Occurrence
    start: int
    end: int
    sums: Sums

    @property
    def is_whole(self) -> bool:
        return (self.start, self.end) == (self.occurrence.start, self.occurrence.end)


@dataclass(frozen=True, slots=True)
class _Part:
    """A shift, or a part of one, that is still to be worked out."""

    machine: Machine
    occurrence: Occurrence
    start: int
    end: int


def check_time(start: int, end: int) -> None:
    """Refuse what is no time, or one that is too long to be worked out."""
    check_range(start, end)
    if end - start > LONGEST_MS:
        raise InvalidInput.at("endTime", gettext("must be at most 400 days after startTime"))


def work_in(*, device_ids: Sequence[int], start: int, end: int, now: int) -> list[Work]:
    """The shifts of machines in [start, end), ms, as far as they are not after `now`: `turns_of` says which.

    Devices without a profile are left out.
    """
    check_time(start, end)
    with snapshot():
        return _work_in(device_ids, start, end, now)


def _work_in(device_ids: Sequence[int], start: int, end: int, now: int) -> list[Work]:
    machines = load_machines(device_ids)
    if not machines or start >= min(end, now):
        return []
    kept = _kept_results(machines, start - FAR_MS, end + FAR_MS)
    found: list[Work] = []
    left: list[_Part] = []
    for device_id, about in turns_of(machines, start, end, now).items():
        for turn in about.turns:
            occurrence, span = turn.occurrence, (turn.start, turn.end)
            sums = kept.get((device_id, *span)) if span == (occurrence.start, occurrence.end) else None
            if sums is not None:
                found.append(Work(device_id, occurrence, *span, sums))
            else:
                left.append(_Part(machines[device_id], occurrence, *span))
    found += worked_out(left, now=now)
    return sorted(found, key=lambda work: (work.start, work.device_id))


def _kept_results(machines: Mapping[int, Machine], start: int, end: int) -> dict[tuple[int, int, int], Sums]:
    """{(device, start, end): sums} of what nothing has come after."""
    ids = list(machines)
    rows = ShiftResult.objects.filter(device_id__in=ids, start__gte=start, end__lte=end).values_list(
        "device_id", "start", "end", *NUMBERS, "by_code", "planned_by_code", "flags"
    )
    doubtful = _doubtful(ids)
    kept = {}
    for device_id, begin, stop, *values in rows:
        if not any(lo < stop and hi > begin for lo, hi in doubtful.get(device_id, ())):
            *numbers, by_code, planned_by_code, flags = values
            kept[device_id, begin, stop] = Sums(
                **dict(zip(NUMBERS, numbers, strict=True)),
                by_code=by_code,
                planned_by_code=planned_by_code,
                flags=set(flags),
            )
    return kept


def _doubtful(device_ids: list[int]) -> dict[int, list[Span]]:
    """Where something came late, or states are to be derived anew: until a worker came by, nothing kept counts."""
    found: defaultdict[int, list[Span]] = defaultdict(list)
    for device_id, begin, stop in Redo.objects.filter(device_id__in=device_ids).values_list(
        "device_id", "start", "end"
    ):
        found[device_id].append((begin, stop))
    for device_id, spans in late_spans(device_ids).items():
        # An interval or a state that begins in a late quarter reaches out of it, at most as far as values may hold.
        found[device_id] += [(lo - 86_400_000, hi + 86_400_000) for lo, hi in spans]
    return found


def worked_out(parts: Sequence[_Part], *, now: int) -> list[Work]:
    """Work shifts out from what the machines did and counted."""
    if not parts:
        return []
    machines = {part.machine.device_id: part.machine for part in parts}
    low, high = min(part.start for part in parts), max(part.end for part in parts)
    states = states_of(machines, start=low, end=high, now=now)
    counts = _counts_of(parts)
    planned_codes = frozenset(StopCode.objects.filter(planned=True).values_list("code", flat=True))
    return [
        Work(
            part.machine.device_id,
            part.occurrence,
            part.start,
            part.end,
            _sums_of(part, states[part.machine.device_id], counts.get(place, ()), planned_codes),
        )
        for place, part in enumerate(parts)
    ]


def _sums_of(
    part: _Part, states: MachineStates, counts: Iterable[Count], planned_codes: frozenset[str]
) -> Sums:
    pieces = []
    for profile, begin, stop in part.machine.eras(part.start, part.end):
        pieces += pieces_in(states.pieces(micro_ms=profile.micro_stop_seconds * 1000), begin, stop)
    sums = sums_of(
        shift=(part.start, part.end),
        planned=part.occurrence.planned(part.start, part.end),
        pieces=pieces,
        planned_codes=planned_codes,
        counts=counts,
    )
    if not part.machine.calendars:
        sums.flags.add("no_shifts")
    return sums


def _counts_of(parts: Sequence[_Part]) -> dict[int, list[Count]]:
    """{place of the part: counts}, one for each thing it made."""
    windows: list[Window] = []
    places: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for place, part in enumerate(parts):
        for profile, begin, stop in part.machine.eras(part.start, part.end):
            for lo, hi, cycle in part.machine.cycles(profile, begin, stop):
                windows.append(Window(part.machine.device_id, lo, hi, profile, cycle))
                places[part.machine.device_id, lo, hi].append(place)
    found: defaultdict[int, list[Count]] = defaultdict(list)
    for window, count in counts_in(windows):
        for place in places[window.device_id, window.start, window.end]:
            found[place].append(count)
    return found


def result_values(work: Work) -> dict[str, Any]:
    """A result as it is kept."""
    sums = work.sums
    return {
        **{name: getattr(sums, name) for name in NUMBERS},
        "by_code": sums.by_code,
        "planned_by_code": sums.planned_by_code,
        "flags": sorted(sums.flags),
    }
