"""Energy and OEE of a device, a group or the plant side by side."""

from dataclasses import dataclass
from typing import Any

from analytics.energy.course import COMPARABLE
from analytics.queries.energy_view import EnergyView, energy_view
from analytics.queries.meters import scope_of
from analytics.queries.oee_answers import oee_breakdown, oee_metrics


@dataclass
class Performance:
    energy: EnergyView
    oee: dict[str, Any]
    oee_before: float | None
    lines: list[dict[str, Any]]

    @property
    def oee_change(self) -> float | None:
        """In points of percent, against the same time before."""
        now = self.oee["oee"]
        return None if now is None or self.oee_before is None else now - self.oee_before


def performance(
    *, start: int, end: int, now: int, device_id: int | None = None, group_id: int | None = None
) -> Performance:
    """Over [start, end), ms, held against the same time before, as far as it has lasted."""
    scope = scope_of(group_id=group_id, device_ids=None if device_id is None else [device_id])
    energy = energy_view(scope, start=start, end=end, now=now)
    of = {"device_id": device_id, "group_id": group_id}
    earlier = oee_metrics(start=energy.before_start, end=energy.before_end, now=now, **of)
    present = oee_metrics(start=start, end=end, now=now, **of)
    return Performance(
        energy=energy,
        oee=present,
        oee_before=earlier["oee"] if _alike(earlier, present) else None,
        lines=[]
        if device_id is not None
        else oee_breakdown(by="line", start=start, end=end, now=now, group_id=group_id),
    )


def _alike(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether of both so much is known that one may be held against the other."""
    known = sorted(one["planned_seconds"] - one["unknown_seconds"] for one in (before, after))
    return known[0] >= COMPARABLE * known[1]
