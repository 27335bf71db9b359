"""Which of two firmware versions comes first: no ORM."""

import re
from functools import lru_cache

# 2.10, v1.4.0-rc.2, 3.1b4+factory: numbers, then what makes it a forerunner, then what does not count.
_VERSION = re.compile(r"[vV]?(\d{1,18}(?:\.\d{1,18})*)([^+]*)(?:\+.*)?", re.DOTALL)
_PARTS = re.compile(r"\d+|[^\W\d_]+")

VersionKey = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


@lru_cache(maxsize=4096)
def version_key(text: str) -> VersionKey | None:
    """Orders versions by their numbers, one with something behind them before the bare one; None where it is none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    numbers = [int(number) for number in found[1].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:  # 2.0 is 2
        numbers.pop()
    forerunner = tuple(
        (False, int(part[:18]), "") if part.isdecimal() else (True, 0, part.lower())
        for part in _PARTS.findall(found[2])
    )
    return tuple(numbers), not forerunner, forerunner
