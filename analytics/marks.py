"""How the state of a device is drawn: one mark, the worst of what is said about it."""

from collections.abc import Iterable
from enum import StrEnum

from devices.models import Device


class Mark(StrEnum):
    """How a device is drawn, worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"
    INFO = "info"
    NORMAL = "normal"


WORST_FIRST = list(Mark)
NEEDS_SOMEONE = {Mark.CRITICAL, Mark.ERROR, Mark.WARNING}


def mark_of(status: str, marks: Iterable[Mark], *, silent: bool = False) -> Mark:
    """The worst of what its status and its open alerts say."""
    marks = list(marks)
    if status in (Device.Status.ERROR, Device.Status.MAINTENANCE, Device.Status.OFFLINE):
        marks.append(Mark(status))
    elif silent:
        marks.append(Mark.OFFLINE)
    return min(marks, key=WORST_FIRST.index, default=Mark.NORMAL)
