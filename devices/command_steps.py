"""Which steps a command may take. Pure."""

from collections.abc import Mapping

QUEUED, SENT, ACKNOWLEDGED = "queued", "sent", "acknowledged"
SUCCEEDED, FAILED, EXPIRED = "succeeded", "failed", "expired"

ANSWERS = (ACKNOWLEDGED, SUCCEEDED, FAILED)  # what a device may say of one
ENDS = frozenset({SUCCEEDED, FAILED, EXPIRED})

# A device that asks for its commands, or is quick, may answer before we have noted that they were sent.
NEXT: Mapping[str, frozenset[str]] = {
    QUEUED: frozenset({SENT, ACKNOWLEDGED, SUCCEEDED, FAILED, EXPIRED}),
    SENT: frozenset({ACKNOWLEDGED, SUCCEEDED, FAILED, EXPIRED}),
    ACKNOWLEDGED: frozenset({SUCCEEDED, FAILED, EXPIRED}),
    SUCCEEDED: frozenset(),
    FAILED: frozenset(),
    EXPIRED: frozenset(),
}

PUSHES_IN_A_ROUND = 3  # then it waits for the device to come back, which begins another round
MOST_ATTEMPTS = 30_000  # as many as are counted


def may_follow(now: str, new: str) -> bool:
    """Whether `new` is a step from `now`; saying the current one again is none, and does no harm."""
    return new in NEXT[now]


def is_last_of_round(attempts: int) -> bool:
    """Whether the attempt with this number is not to be repeated by itself."""
    return attempts % PUSHES_IN_A_ROUND == 0 or attempts >= MOST_ATTEMPTS
