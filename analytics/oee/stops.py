"""What a machine did, with what people said of it: stops with their codes, short ones apart. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from analytics.oee.spans import without
from analytics.oee.states import State, Stretch, overlaid


class Added(NamedTuple):
    """A person says that the machine stood from `start` to `end`."""

    id: int
    start: int
    end: int
    code: str


class Reason(NamedTuple):
    """A person says why it stood, of the stop that lies there; of two the later said one counts."""

    start: int
    end: int
    code: str
    said: int = 0


class Piece(NamedTuple):
    """A state from `start` to `end`; a stop with its code, if anybody gave one.

    `stop` is the whole stop that it is a piece of: when it began, or the id of an added one.
    """

    start: int
    end: int
    state: State
    code: str | None = None
    is_micro: bool = False
    stop: int | None = None
    is_added: bool = False

    @property
    def ms(self) -> int:
        return self.end - self.start


def resolved(
    stretches: Sequence[Stretch],
    *,
    added: Iterable[Added] = (),
    reasons: Iterable[Reason] = (),
    micro_ms: int = 0,
) -> list[Piece]:
    """Derived stretches, in order of time, with what people said: added stops go before, stops get their codes.

    A stop shorter than `micro_ms` of which nobody said anything, and before and after which the machine ran, is a
    micro-stop.
    """
    said = sorted(reasons)
    pieces: list[Piece] = []
    for place, one in enumerate(stretches):
        if one.state is not State.STOPPED:
            pieces.append(Piece(one.start, one.end, one.state))
            continue
        code = _code_of(one, said)
        is_micro = code is None and one.end - one.start < micro_ms and _is_between_running(stretches, place)
        pieces.append(Piece(one.start, one.end, one.state, code, is_micro, one.start))
    own = [
        Piece(one.start, one.end, State.STOPPED, one.code, stop=one.id, is_added=True)
        for one in sorted(added, key=lambda one: one.start)
    ]
    return _over(pieces, own) if own else pieces


def _code_of(stop: Stretch, said: Sequence[Reason]) -> str | None:
    """The code of the reason that has most of the stop."""
    best: tuple[int, int] = (0, 0)
    code = None
    for reason in said:
        shared = min(stop.end, reason.end) - max(stop.start, reason.start)
        if shared > 0 and (shared, reason.said) > best:
            best, code = (shared, reason.said), reason.code
    return code


def _is_between_running(stretches: Sequence[Stretch], place: int) -> bool:
    if not 0 < place < len(stretches) - 1:
        return False
    before, one, after = stretches[place - 1 : place + 2]
    is_joined = before.end == one.start and one.end == after.start
    return is_joined and before.state is after.state is State.RUNNING


def _over(pieces: Iterable[Piece], own: Sequence[Piece]) -> list[Piece]:
    covers = [(piece.start, piece.end) for piece in own]
    left = [
        piece._replace(start=start, end=end)
        for piece in pieces
        for start, end in without([(piece.start, piece.end)], covers)
    ]
    return sorted([*left, *own], key=lambda piece: piece.start)


def pieces_in(pieces: Sequence[Piece], start: int, end: int) -> list[Piece]:
    """What of them, in order and apart from each other, lies in [start, end); a micro-stop stays one."""
    found = []
    for place in range(max(0, bisect_right(pieces, start, key=_start_of) - 1), len(pieces)):
        piece = pieces[place]
        if piece.start >= end:
            break
        if piece.end > start:
            found.append(piece._replace(start=max(piece.start, start), end=min(piece.end, end)))
    return found


def _start_of(piece: Piece) -> int:
    return piece.start


def hidden(stretches: Sequence[Stretch], unknown: Sequence[tuple[int, int]]) -> list[Stretch]:
    """The stretches where a machine was there to tell, and unknown where it was not."""
    return overlaid(stretches, [Stretch(start, end, State.UNKNOWN) for start, end in unknown])
