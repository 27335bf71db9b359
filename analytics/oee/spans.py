"""Spans of time, in order and apart from each other unless said. Pure; ms since the epoch, ends exclusive."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order of their starts; those that meet or overlap as one."""
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def without(spans: Iterable[Span], taken: Sequence[Span]) -> list[Span]:
    """What is left of spans where others are taken out."""
    ends = [end for _, end in taken]
    return [free for start, end in spans for free in _free_in(start, end, taken, ends)]


def _free_in(start: int, end: int, taken: Sequence[Span], ends: Sequence[int]) -> Iterator[Span]:
    for place in range(bisect_right(ends, start), len(taken)):
        begin, stop = taken[place]
        if begin >= end:
            break
        if begin > start:
            yield start, begin
        start = stop
    if start < end:
        yield start, end


def clipped(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """What of spans lies in [start, end)."""
    return [(max(left, start), min(right, end)) for left, right in spans if left < end and right > start]


def length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)
