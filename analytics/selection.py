"""Many devices in a form's field: `3,7-19,42`. Ten thousand of a plant are a few hundred characters that way."""

from collections.abc import Iterable
from itertools import groupby

MOST = 10_000


def pack(device_ids: Iterable[int]) -> str:
    """Ascending, with those in a row written as from-to."""
    ordered = sorted(set(device_ids))
    runs = groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])
    return ",".join(_run([number for _, number in run]) for _, run in runs)


def _run(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def unpack(text: str) -> list[int]:
    """The numbers again, ascending; what cannot be read, or is too many, is nobody."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        last = last or first
        start, end = read_number(first), read_number(last)
        if start is None or end is None or not 0 < start <= end or end - start >= MOST:
            return []
        found.update(range(start, end + 1))
        if len(found) > MOST:
            return []
    return sorted(found)


def read_number(text: str) -> int | None:
    """The row's number in a form or an address; nothing else, and none that no database could hold."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def read_numbers(texts: Iterable[str]) -> list[int]:
    """Those that are ticked, ascending; what is no number is left out."""
    return sorted({number for text in texts if (number := read_number(text)) is not None})
