"""The plain values that travel from the door through the group commit to the judge."""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Outcome(Enum):
    """What became of one reading."""

    ACCEPTED = "accepted"  # stored, or it changed what was stored
    DUPLICATE = "duplicate"  # it was there already
    UNKNOWN_DEVICE = "deviceId: there is no such device"
    OUT_OF_SERVICE = "deviceId: the device is out of service"
    TOO_MANY_METRICS = "data: the device would have more than 256 different metrics"


STORED = {Outcome.ACCEPTED, Outcome.DUPLICATE}  # it is in the database


class Sample(NamedTuple):
    """One reading on its way in. `timestamp` is ms since the epoch; `data` maps metric to a finite number."""

    device_id: int
    timestamp: int
    data: dict[str, float]


@dataclass(slots=True)
class StoredBatch:
    """What one transaction stored, for those who judge it.

    `fresh` holds, in event order per device, the samples that are the newest of at least one of their
    metrics, narrowed to those metrics: late values are stored, but they are no news.
    """

    received_at: int
    fresh: list[Sample] = field(default_factory=list)
