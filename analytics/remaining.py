"""How long something still takes, where that can be known. Pure."""

from datetime import datetime

ENOUGH_SHARE = 0.05
ENOUGH_SECONDS = 3.0


def seconds_left(*, done: int, total: int, since: datetime, at: datetime) -> float | None:
    """At the pace until now; None while too little is done to tell, and for what is over."""
    took = (at - since).total_seconds()
    if not 0 < done < total or done < ENOUGH_SHARE * total or took < ENOUGH_SECONDS:
        return None
    return took * (total - done) / done


def seconds_left_as_before(*, took: float, since: datetime, at: datetime) -> float | None:
    """As long as it took the last time; None once it takes longer than that."""
    left = took - (at - since).total_seconds()
    return left if left > 0 else None
