"""Which bytes of a file are asked for: RFC 9110, section 14. No ORM."""

import re

_ONE = re.compile(r"\s*bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*", re.IGNORECASE)
MOST_DIGITS = 18


class Unsatisfiable(Exception):
    """None of these bytes are there."""


def part_asked_for(header: str, size: int) -> tuple[int, int] | None:
    """The bytes [start, stop), or None for all of it.

    Several ranges, another unit, and what cannot be read are answered with the whole file, as a server may.
    """
    found = _ONE.fullmatch(header)
    if found is None or not (found[1] or found[2]) or max(map(len, found.groups())) > MOST_DIGITS:
        return None
    if not found[1]:  # the last so many
        if int(found[2]) == 0:
            raise Unsatisfiable
        return max(0, size - int(found[2])), size
    start = int(found[1])
    if found[2] and int(found[2]) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(size, int(found[2]) + 1) if found[2] else size


def is_for_this(if_range: str, etag: str) -> bool:
    """Whether a range is wanted of this very file: without the header it is, and a weak tag or a date never says so."""
    return not if_range or if_range.strip() == etag
