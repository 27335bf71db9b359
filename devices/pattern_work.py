"""How long a regular expression can take: a bound on the ways in which it can try to match. Pure.

It is on the safe side: some patterns count as slow that are not, above all a repeat inside a repeat.
"""

import math
from functools import lru_cache
from re import _parser  # as re itself reads patterns; it has no public door
from typing import Any

MOST = 10**12  # nobody counts further
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
NEVER_MANY = 40  # a doubling repeated so often is beyond all limits


def ways(pattern: str, length: int) -> int:
    """In how many ways a search in a text of this length can go on; `re.error` where it is no pattern."""
    return _ways(_parsed(pattern), length, is_search=not pattern.startswith(("^", r"\A")))


@lru_cache(maxsize=256)
def _parsed(pattern: str) -> Any:
    return _parser.parse(pattern)


def _ways(sequence: Any, length: int, *, is_search: bool = False) -> int:
    """Repeats in a row share the text between them, and where a search begins is like one more repeat."""
    spans = [length] if is_search else []
    product = 1
    for operation, argument in sequence:
        name = str(operation)
        if name in REPEATS:
            least, most, body = argument
            most, inner = min(int(most), length), _ways(body, length)
            if inner == 1:
                spans.append(max(0, most - int(least)))
            else:
                product *= inner ** min(most, NEVER_MANY)
        else:
            product *= _choices(name, argument, length)
        product = min(product, MOST)
    together = math.prod(span + 1 for span in spans)
    return min(product * min(together, math.comb(length + len(spans), len(spans))), MOST)


def _choices(name: str, argument: Any, length: int) -> int:
    if name == "SUBPATTERN":
        return _ways(argument[-1], length)
    if name == "BRANCH":
        return sum(_ways(branch, length) for branch in argument[1])
    if name in ("ASSERT", "ASSERT_NOT"):
        return _ways(argument[1], length)
    if name == "ATOMIC_GROUP":
        return _ways(argument, length)
    if name == "GROUPREF_EXISTS":
        return sum(_ways(branch, length) for branch in argument[1:] if branch is not None)
    return 1
