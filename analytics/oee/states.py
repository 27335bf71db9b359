"""From samples to what a machine did: pure.

A state holds until the next sample, or for as long as a value may hold; what is beyond that is unknown. So is all
before the first sample.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from analytics.oee.spans import without


class State(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


Sample = tuple[int, State]  # from when on it was so, ms


class Stretch(NamedTuple):
    """A state from `start` to `end` (ms, exclusive)."""

    start: int
    end: int
    state: State


def states_between(samples: Iterable[Sample], start: int, end: int, *, hold_ms: int | None) -> list[Stretch]:
    """What fills [start, end) without a gap; neighbours differ.

    `samples` ascend, and may begin before `start`: the last one there says what was true at the start. Without
    `hold_ms` a sample holds until the next one, however long that takes.
    """
    filled: list[Stretch] = []
    before: Sample = (start, State.UNKNOWN)
    for sample in (*samples, (end, State.UNKNOWN)):
        _hold(filled, before, min(sample[0], end), hold_ms, start)
        before = sample
    return filled


def _hold(filled: list[Stretch], sample: Sample, until: int, hold_ms: int | None, start: int) -> None:
    at, state = sample
    holds_to = until if hold_ms is None else min(until, at + hold_ms)
    for begin, stop, what in ((at, holds_to, state), (holds_to, until, State.UNKNOWN)):
        begin = max(begin, start)
        if begin < stop:
            append(filled, Stretch(begin, stop, what))


def append(filled: list[Stretch], stretch: Stretch) -> None:
    """Let a stretch follow, as part of the last one where they meet in the same state."""
    last = filled[-1] if filled else None
    if last is not None and last.state == stretch.state and last.end == stretch.start:
        filled[-1] = last._replace(end=stretch.end)
    else:
        filled.append(stretch)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order of time, those that meet in the same state as one."""
    filled: list[Stretch] = []
    for stretch in sorted(stretches):
        append(filled, stretch)
    return filled


def cut(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """What of them lies in [start, end)."""
    return [
        Stretch(max(one.start, start), min(one.end, end), one.state)
        for one in stretches
        if one.start < end and one.end > start
    ]


def overlaid(below: Sequence[Stretch], above: Sequence[Stretch]) -> list[Stretch]:
    """The stretches of `above` where there are any, and those of `below` elsewhere; each in order of time."""
    covers = [(one.start, one.end) for one in above]
    free = [
        Stretch(start, end, one.state)
        for one in below
        for start, end in without([(one.start, one.end)], covers)
    ]
    return merged([*free, *above])


def spliced(stored: Sequence[Stretch], anew: Sequence[Stretch], start: int, end: int) -> list[Stretch]:
    """`stored` with [start, end) replaced by what was derived anew for it."""
    outside = [
        part
        for one in stored
        for part in (one._replace(end=min(one.end, start)), one._replace(start=max(one.start, end)))
        if part.start < part.end
    ]
    return merged([*outside, *anew])
