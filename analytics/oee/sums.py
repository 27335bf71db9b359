"""From pieces and counts to the figures of ISO 22400-2. Pure.

Everything is kept as sums of times (ms) and counts, and figures are worked out from sums only: of several shifts,
days or machines the figures are those of their sums, never means of percentages.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from analytics.oee.spans import Span, length
from analytics.oee.states import State
from analytics.oee.stops import Piece, pieces_in

UNCLASSIFIED = ""  # the code of stops that nobody gave one
FAST = 1.0


@dataclass(slots=True)
class Sums:
    """What a machine did in a time that was to be worked, or several did, or in several such times.

    planned = run + down + unknown; `run_ms` is the actual production time with its micro-stops in it. `ideal_ms` is
    what `total` pieces take at the ideal cycle, `good_ideal_ms` what the good ones of them take.
    """

    shift_ms: int = 0
    break_ms: int = 0
    planned_stop_ms: int = 0
    planned_ms: int = 0
    run_ms: int = 0
    micro_ms: int = 0
    micro_stops: int = 0
    down_ms: int = 0
    stops: int = 0
    unknown_ms: int = 0
    total: float = 0.0
    good: float = 0.0
    ideal_ms: float = 0.0
    good_ideal_ms: float = 0.0
    by_code: dict[str, list[int]] = field(default_factory=dict)  # code: [ms, stops] of what was down
    planned_by_code: dict[str, list[int]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def add(self, other: "Sums") -> None:
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _add_codes(self.by_code, other.by_code)
        _add_codes(self.planned_by_code, other.planned_by_code)
        self.flags |= other.flags


NUMBERS = [one.name for one in fields(Sums) if one.name not in ("by_code", "planned_by_code", "flags")]


def _add_codes(ours: dict[str, list[int]], theirs: Mapping[str, Sequence[int]]) -> None:
    for code, (ms, stops) in theirs.items():
        before = ours.get(code, (0, 0))
        ours[code] = [before[0] + ms, before[1] + stops]


def summed(parts: Iterable[Sums]) -> Sums:
    whole = Sums()
    for part in parts:
        whole.add(part)
    return whole


@dataclass(frozen=True, slots=True)
class Count:
    """How many pieces a machine made in some time, and how long each takes at best."""

    total: float
    good: float
    ideal_ms: float
    flags: frozenset[str] = frozenset()


def sums_of(
    *,
    shift: Span,
    planned: Sequence[Span],
    pieces: Sequence[Piece],
    planned_codes: frozenset[str],
    counts: Iterable[Count],
) -> Sums:
    """One shift, or a part of one: `planned` is what of it was to be worked, the rest are breaks."""
    sums = Sums(shift_ms=shift[1] - shift[0], break_ms=shift[1] - shift[0] - length(planned))
    begun: set[tuple[bool, int | None]] = set()  # stops that were met already: a break does not double them
    for start, end in planned:
        for piece in pieces_in(pieces, start, end):
            _add_piece(sums, piece, piece.code in planned_codes, begun)
    sums.planned_ms = sums.run_ms + sums.down_ms + sums.unknown_ms
    for count in counts:
        sums.total += count.total
        sums.good += count.good
        sums.ideal_ms += count.total * count.ideal_ms
        sums.good_ideal_ms += count.good * count.ideal_ms
        sums.flags |= count.flags
    if sums.unknown_ms:
        sums.flags.add("unknown_time")
    return sums


def _add_piece(sums: Sums, piece: Piece, is_planned: bool, begun: set[tuple[bool, int | None]]) -> None:
    if piece.state is State.UNKNOWN:
        sums.unknown_ms += piece.ms
        return
    if piece.state is State.RUNNING:
        sums.run_ms += piece.ms
        return
    is_new = (piece.is_added, piece.stop) not in begun
    begun.add((piece.is_added, piece.stop))
    if piece.is_micro:
        sums.run_ms += piece.ms
        sums.micro_ms += piece.ms
        sums.micro_stops += is_new
    elif is_planned:
        sums.planned_stop_ms += piece.ms
        _add_codes(sums.planned_by_code, {piece.code or UNCLASSIFIED: (piece.ms, is_new)})
    else:
        sums.down_ms += piece.ms
        sums.stops += is_new
        _add_codes(sums.by_code, {piece.code or UNCLASSIFIED: (piece.ms, is_new)})


@dataclass(frozen=True, slots=True)
class Figures:
    """Availability, performance, quality and OEE as shares; None where they cannot be known."""

    availability: float | None
    performance: float | None
    quality: float | None
    oee: float | None


def figures_of(sums: Sums) -> Figures:
    """APT / PBT, ideal time / APT, good ideal time / ideal time, and good ideal time / PBT, which is their product.

    Where one product was made, the third is good ones / all. Performance above 100 % stays: the ideal cycle is wrong.
    """
    is_known = sums.planned_ms > sums.unknown_ms
    availability = sums.run_ms / sums.planned_ms if is_known else None
    # Where a counter told nothing at all, nothing made is not known to be nothing.
    is_counted = sums.total != 0 or "no_counts" not in sums.flags
    performance = sums.ideal_ms / sums.run_ms if sums.run_ms and is_counted else None
    quality = sums.good_ideal_ms / sums.ideal_ms if sums.ideal_ms > 0 else None
    whole = None not in (availability, performance, quality)
    return Figures(
        availability, performance, quality, sums.good_ideal_ms / sums.planned_ms if whole else None
    )


def flags_of(sums: Sums) -> list[str]:
    """The sums' own flags, and what their figures tell."""
    flags = set(sums.flags)
    performance = figures_of(sums).performance
    if performance is not None and performance > FAST + 1e-9:
        flags.add("ideal_cycle_wrong")
    least = 1e-9 * max(1.0, abs(sums.total))
    rejects = sums.total - sums.good
    if rejects < -least:
        flags.add("more_good_than_made")
    if sums.good < -least and rejects > least:
        flags.add("more_rejects_than_made")
    return sorted(flags)


@dataclass(frozen=True, slots=True)
class Loss:
    """One step from all the time of the shifts down to the time in which good pieces were made; ms."""

    kind: str  # break, planned, down, unknown, micro, speed, quality
    ms: float
    code: str = ""


def losses_of(sums: Sums) -> list[Loss]:
    """Where the time went: they and the good time add up to the time of the shifts. Speed may be below 0."""
    planned = [Loss("planned", ms, code) for code, (ms, _) in _largest_first(sums.planned_by_code)]
    down = [Loss("down", ms, code) for code, (ms, _) in _largest_first(sums.by_code)]
    rest = [
        Loss("unknown", sums.unknown_ms),
        Loss("micro", sums.micro_ms),
        Loss("speed", sums.run_ms - sums.micro_ms - sums.ideal_ms),
        Loss("quality", sums.ideal_ms - sums.good_ideal_ms),
    ]
    return [Loss("break", sums.break_ms), *planned, *down, *rest]


def _largest_first(codes: Mapping[str, Sequence[int]]) -> list[tuple[str, Sequence[int]]]:
    return sorted(codes.items(), key=lambda item: (-item[1][0], item[0]))
