"""Whether a message may go out now, or waits so that nobody is woken, pestered or flooded: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alerts.outbox.quiet import quiet_until

CRITICAL = 0  # the urgency of it

ESCALATION, QUIET, THROTTLE, FLOOD = "escalation", "quiet hours", "throttle", "flood"
TOGETHER = (QUIET, THROTTLE, FLOOD)  # what was held for these goes out as one message

# ISA-18.2 calls more than ten alarms in ten minutes for one operator a flood.
FLOOD_MESSAGES = 10
FLOOD_WINDOW = timedelta(minutes=10)
FLOOD_WAIT = timedelta(minutes=5)
CRITICAL_FLOOD_WAIT = timedelta(minutes=1)  # ten have gone out; the next ones must not wait long


@dataclass(frozen=True, slots=True)
class Hold:
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """A message that went out by the same config, or is on its way: when, and the most urgent thing in it."""

    at: datetime
    urgency: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What a config says about when it wants to hear."""

    quiet_hours: Mapping[str, Any] | None
    throttle: timedelta | None
    floods: bool  # machines are told of everything, one by one

    @property
    def memory(self) -> timedelta:
        """How far back what went out matters."""
        return max(self.throttle or timedelta(0), FLOOD_WINDOW)


def why_wait(
    rules: Rules,
    *,
    urgency: int,
    waiting_since: datetime,
    told: Sequence[Told],
    at: datetime,
    zone: ZoneInfo,
    is_digest: bool,
) -> Hold | None:
    """What holds a message back at this moment; None when it may go. A digest is what ends a flood's wait."""
    quiet = quiet_until(rules.quiet_hours, at, zone)
    spares_critical = bool(rules.quiet_hours and rules.quiet_hours.get("exceptCritical"))
    if quiet is not None and not (spares_critical and urgency == CRITICAL):
        return Hold(quiet, QUIET)
    if rules.throttle and told:
        free = max(message.at for message in told) + rules.throttle
        if free > at:
            return Hold(free, THROTTLE)
    if rules.floods and not is_digest:
        return _flood(urgency, waiting_since, told, at)
    return None


def _flood(urgency: int, waiting_since: datetime, told: Sequence[Told], at: datetime) -> Hold | None:
    counted = [message for message in told if message.at > at - FLOOD_WINDOW]
    if urgency == CRITICAL:  # however many others there were, the first critical ones are not held up
        counted = [message for message in counted if message.urgency == CRITICAL]
    if len(counted) < FLOOD_MESSAGES:
        return None
    return Hold(waiting_since + (CRITICAL_FLOOD_WAIT if urgency == CRITICAL else FLOOD_WAIT), FLOOD)
