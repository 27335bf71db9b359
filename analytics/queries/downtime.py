"""Stops of machines with their reasons, what they come to, and how long machines run between failures."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analytics.models import StateInterval, StopCode, StopReason
from analytics.oee.spans import clipped, length
from analytics.oee.states import State
from analytics.oee.stops import Piece
from analytics.queries.machines import Machine, load_machines, names_of
from analytics.queries.oee import check_time
from analytics.queries.states import MachineStates, moment, pieces_between, states_of
from analytics.queries.turns import Turns, turns_of
from telemetry.sql import snapshot

STOPS_SHOWN = 1000


@dataclass
class Stop:
    """A stop as far as it lies in what was asked for. `loss_ms` is what of it was planned busy time."""

    device_id: int
    id: int | None
    start: int
    end: int
    ms: int = 0
    loss_ms: int = 0
    code: str | None = None
    is_micro: bool = False
    is_added: bool = False
    is_open: bool = False
    is_brief: bool = False  # lost less than what a micro-stop may: what is beside a break, say


@dataclass
class Downtime:
    """All stops of some machines in a time, oldest first, and for how long they ran and were planned to."""

    stops: list[Stop] = field(default_factory=list)
    ran: dict[int, int] = field(default_factory=dict)  # ms, by device
    planned_ms: int = 0
    unknown_ms: int = 0

    @property
    def run_ms(self) -> int:
        return sum(self.ran.values())


def downtime_in(*, device_ids: Sequence[int], start: int, end: int, now: int) -> Downtime:
    """What machines stood for in [start, end), ms: `turns_of` says what of it counts."""
    check_time(start, end)
    found = Downtime()
    with snapshot():
        machines = load_machines(device_ids)
        turns = turns_of(machines, start, end, now)
        low = min((one.start for one in turns.values()), default=start)
        high = max((one.end for one in turns.values()), default=end)
        states = states_of(machines, start=low, end=max(low, high), now=now)
    codes = frozenset(StopCode.objects.filter(planned=True).values_list("code", flat=True))
    for device_id, machine in machines.items():
        _add_machine(found, machine, states[device_id], turns[device_id], now, codes)
    found.stops.sort(key=lambda stop: (stop.start, stop.device_id))
    return found


def _add_machine(
    found: Downtime,
    machine: Machine,
    states: MachineStates,
    turns: Turns,
    now: int,
    planned_codes: frozenset[str],
) -> None:
    if turns.start >= turns.end:
        return
    planned = turns.planned
    stops: dict[tuple[bool, int | None], Stop] = {}
    ran = 0
    for _, pieces in pieces_between(machine, states, turns.start, turns.end):
        for piece, loss in _with_losses(pieces, planned):
            if piece.state is State.STOPPED:
                _add_piece(stops, machine.device_id, states, piece, loss, now)
                if piece.code not in planned_codes:
                    found.planned_ms += loss
            else:
                found.planned_ms += loss
                ran += loss if piece.state is State.RUNNING else 0
                found.unknown_ms += loss if piece.state is State.UNKNOWN else 0
    for stop in stops.values():
        ran += stop.loss_ms if stop.is_micro else 0
        # In breaks and between shifts a machine may stand: that is a stop only where somebody speaks of it.
        if not stop.loss_ms and stop.code is None:
            continue
        profile = machine.profile_at(stop.start)
        stop.is_brief = profile is not None and stop.loss_ms < profile.micro_stop_seconds * 1000
        if stop.code in planned_codes:
            stop.loss_ms = 0
        found.stops.append(stop)
    found.ran[machine.device_id] = ran


def _with_losses(pieces: Iterable[Piece], planned: Sequence[tuple[int, int]]) -> Iterator[tuple[Piece, int]]:
    """(piece, how much of it was to be worked); both in order of time."""
    place = 0
    for piece in pieces:
        while place < len(planned) and planned[place][1] <= piece.start:
            place += 1
        reach = place
        while reach < len(planned) and planned[reach][0] < piece.end:
            reach += 1
        yield piece, length(clipped(planned[place:reach], piece.start, piece.end))


def _add_piece(
    stops: dict[tuple[bool, int | None], Stop],
    device_id: int,
    states: MachineStates,
    piece: Piece,
    loss: int,
    now: int,
) -> None:
    key = (piece.is_added, piece.stop)
    stop = stops.get(key)
    if stop is None:
        number = piece.stop if piece.is_added else states.ids.get(piece.stop or 0)
        stop = stops[key] = Stop(device_id, number, piece.start, piece.end, code=piece.code)
        stop.is_micro, stop.is_added = piece.is_micro, piece.is_added
    stop.end = max(stop.end, piece.end)
    stop.is_open = stop.end >= now and not piece.is_added
    stop.ms += piece.ms
    stop.loss_ms += loss


def stop_told(stop: StateInterval, *, now: int) -> dict[str, Any]:
    """One stop as clients know it, as it is now."""
    found = downtime_in(device_ids=[stop.device_id], start=stop.start, end=stop.end, now=max(now, stop.end))
    same = [one for one in found.stops if (one.id, one.is_added) == (stop.pk, stop.is_added)]
    one = same[0] if same else _alone(stop)
    codes = StopCode.objects.in_bulk()
    return stop_row(one, names_of([stop.device_id]), codes, _notes([one]))


def _alone(stop: StateInterval) -> Stop:
    """A stop of a device that is no machine, or that somebody has covered with another one."""
    length_ms = stop.end - stop.start
    return Stop(
        stop.device_id, stop.pk, stop.start, stop.end, length_ms, code=stop.code_id, is_added=stop.is_added
    )


def downtime_answer(found: Downtime, *, limit: int = STOPS_SHOWN, only_open: bool = False) -> dict[str, Any]:
    """Stops, the newest first, without the micro-stops; what they come to by code, the worst first.

    `only_open`: of the stops only those that nobody gave a reason.
    """
    real = [stop for stop in found.stops if not stop.is_micro]
    shown = [stop for stop in reversed(real) if not (only_open and stop.code)][:limit]
    codes = StopCode.objects.in_bulk()
    micro = [stop for stop in found.stops if stop.is_micro]
    micro_ms = sum(stop.loss_ms for stop in micro)
    return {
        "total_stops": len(real),
        "open_stops": sum(stop.code is None for stop in real),
        "stops": stop_rows(shown, codes),
        "pareto": pareto_rows(real, codes),
        "micro_stops": {
            "count": len(micro),
            "seconds": micro_ms / 1000,
            "share_of_time": micro_ms / found.planned_ms if found.planned_ms else None,
            "share_of_events": len(micro) / len(found.stops) if found.stops else None,
        },
        "planned_seconds": found.planned_ms / 1000,
        "run_seconds": found.run_ms / 1000,
        "unknown_seconds": found.unknown_ms / 1000,
    }


def worst_stops(found: Downtime, *, limit: int) -> list[dict[str, Any]]:
    """Of all stops those that lost most of the time that was to be worked, the worst first."""
    real = [stop for stop in found.stops if not stop.is_micro]
    real.sort(key=lambda stop: (-stop.loss_ms, -stop.ms, -stop.start, stop.device_id))
    return stop_rows(real[:limit], StopCode.objects.in_bulk())


def stop_rows(stops: Sequence[Stop], codes: Mapping[str, StopCode]) -> list[dict[str, Any]]:
    names, notes = names_of({stop.device_id for stop in stops}), _notes(stops)
    return [stop_row(stop, names, codes, notes) for stop in stops]


def _notes(stops: Iterable[Stop]) -> dict[tuple[int, int], tuple[str, str]]:
    """{(device, start): (note, who)} of what people wrote about these stops.

    That of a derived one goes with its code, so it is found by its time, as that is, and not by where the stop begins.
    """
    shown = list(stops)
    if not shown:
        return {}
    devices = {stop.device_id for stop in shown}
    low, high = min(stop.start for stop in shown), max(stop.end for stop in shown)
    within = {"device_id__in": devices, "start__lt": high, "end__gt": low}
    rows = StateInterval.objects.filter(is_added=True, **within).select_related("by")
    added = {row.pk: row for row in rows}
    said: defaultdict[int, list[StopReason]] = defaultdict(list)
    for row in StopReason.objects.filter(**within).select_related("by").order_by("start"):
        said[row.device_id].append(row)
    found = {}
    for stop in shown:
        told = added.get(stop.id or 0) if stop.is_added else _reason_of(stop, said[stop.device_id])
        if told is not None:
            found[stop.device_id, stop.start] = (told.note, str(told.by) if told.by else "")
    return found


def _reason_of(stop: Stop, said: Sequence[StopReason]) -> StopReason | None:
    """What was said of a stop: of the reasons, which lie apart from each other, the one that has most of it."""
    place = bisect_right(said, stop.start, key=lambda reason: reason.end)
    best, most = None, 0
    while place < len(said) and said[place].start < stop.end:
        shared = min(stop.end, said[place].end) - max(stop.start, said[place].start)
        if said[place].code_id == stop.code and shared > most:
            best, most = said[place], shared
        place += 1
    return best


def stop_row(
    stop: Stop,
    names: Mapping[int, str],
    codes: Mapping[str, StopCode],
    notes: Mapping[tuple[int, int], tuple[str, str]],
) -> dict[str, Any]:
    code = codes.get(stop.code) if stop.code is not None else None
    note, by = notes.get((stop.device_id, stop.start), ("", ""))
    return {
        "id": stop.id,
        "device_id": stop.device_id,
        "name": names.get(stop.device_id, ""),
        "start_time": moment(stop.start),
        "end_time": None if stop.is_open else moment(stop.end),
        "seconds": stop.ms / 1000,
        "loss_seconds": stop.loss_ms / 1000,
        "code": stop.code,
        "label": code.label if code else None,
        "planned": code.planned if code else False,
        "added": stop.is_added,
        "note": note,
        "by": by,
    }


def pareto_rows(stops: Iterable[Stop], codes: Mapping[str, StopCode]) -> list[dict[str, Any]]:
    """What stood how long for which reason, of the time that was to be worked; planned stops do not count."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for stop in stops:
        code = codes.get(stop.code or "")
        if stop.loss_ms and not (code and code.planned):
            sums[stop.code or ""][0] += stop.loss_ms
            sums[stop.code or ""][1] += 1
    whole = sum(ms for ms, _ in sums.values())
    rows, so_far = [], 0
    for key, (ms, count) in sorted(sums.items(), key=lambda item: (-item[1][0], item[0])):
        so_far += ms
        rows.append(
            {
                "code": key or None,
                "label": codes[key].label if key in codes else "No reason given",
                "seconds": ms / 1000,
                "stops": count,
                "share": ms / whole,
                "cumulative": so_far / whole,
            }
        )
    return rows


@dataclass(frozen=True, slots=True)
class Reliability:
    """How long a machine runs between failures (s), and how long one lasts on average."""

    device_id: int
    failures: int
    mtbf_seconds: float | None
    mttr_seconds: float | None
    unclassified: int  # of the failures: nobody has said yet why it stood


def reliability_of(found: Downtime) -> list[Reliability]:
    """Of each machine. A failure is a stop whose code says so, or of which nobody has said anything yet."""
    failing = set(StopCode.objects.filter(failure=True).values_list("code", flat=True))
    by_device: defaultdict[int, list[Stop]] = defaultdict(list)
    for stop in found.stops:
        is_failure = stop.code in failing or (stop.code is None and not stop.is_brief)
        if not stop.is_micro and stop.loss_ms and is_failure:
            by_device[stop.device_id].append(stop)
    return [
        Reliability(
            device_id,
            len(stops := by_device[device_id]),
            ran / 1000 / len(stops) if stops else None,
            sum(stop.loss_ms for stop in stops) / 1000 / len(stops) if stops else None,
            sum(stop.code is None for stop in stops),
        )
        for device_id, ran in found.ran.items()
    ]
