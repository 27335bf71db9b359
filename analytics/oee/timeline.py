"""One machine of a timeline. Pure."""

from dataclasses import dataclass

from analytics.oee.shifts import Occurrence
from analytics.oee.stops import Piece


@dataclass(frozen=True, slots=True)
class Row:
    """What a machine did, piece by piece; its shifts only where somebody gave it any."""

    device_id: int
    name: str
    pieces: list[Piece]
    shifts: list[Occurrence]
